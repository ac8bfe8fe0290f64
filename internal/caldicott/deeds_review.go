package caldicott

import (
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// RequestingReview asks that a decision be looked at again. Decision "" means the newest; Reviewer "" leaves it to the
// service to find somebody who took no part.
type RequestingReview struct {
	Ground             vocabulary.ReviewGround
	Text               string
	Decision, Reviewer string
}

// InvitingReviewer sends a review to somebody, who may be another organisation's guardian.
type InvitingReviewer struct{ Reviewer, Reason string }

// DecidingReview is the reviewer's own decision. Conditions and dates belong to REVIEW_VARIED.
type DecidingReview struct {
	Outcome                vocabulary.Outcome
	Reason                 string
	Conditions             []ConditionAsked
	ReviewDate, ExpiryDate string
	Capacities             Claim
}

// RecordingDissent is another guardian's view against a decision; AnsweringDissent the decider's beside it.
type (
	RecordingDissent struct{ Decision, View string }
	AnsweringDissent struct{ View string }
)

// RecordingNotFollowed says that a decision was not followed: by whom, in words, and why.
type RecordingNotFollowed struct{ Decision, Who, Reason string }

// ReviewerField is the field that names who hears a review: somebody who may.
const ReviewerField = "reviewer"

func (RequestingReview) Action() Action     { return RequestReview }
func (InvitingReviewer) Action() Action     { return InviteReviewer }
func (DecidingReview) Action() Action       { return DecideReview }
func (RecordingDissent) Action() Action     { return RecordDissent }
func (AnsweringDissent) Action() Action     { return AnswerDissent }
func (RecordingNotFollowed) Action() Action { return RecordNotFollowed }

func (d RequestingReview) Texts() []Text { return []Text{{"text", d.Text}} }
func (d InvitingReviewer) Texts() []Text { return []Text{{"reason", d.Reason}} }
func (d RecordingDissent) Texts() []Text { return []Text{{"view", d.View}} }
func (d AnsweringDissent) Texts() []Text { return []Text{{"view", d.View}} }

// Texts are who and why.
func (d RecordingNotFollowed) Texts() []Text {
	return []Text{{"who", d.Who}, {"reason", d.Reason}}
}

// Texts are the reason and the conditions'.
func (d DecidingReview) Texts() []Text {
	return append(conditionTexts(d.Conditions), Text{"reason", d.Reason})
}

// Claim names the outcome; no delegation covers a review.
func (d DecidingReview) Claim() (Claim, vocabulary.Outcome) { return d.Capacities, d.Outcome }

func (d RequestingReview) do(t *Turn) error {
	t.require("ground", string(d.Ground))
	reviewed, ok := t.reviewed(d.Decision)
	if !ok {
		t.wrong("decision", CodeField, "must name a decision of this request that can be reviewed")
		return nil
	}
	t.Change.Done.Subject = reviewed.ID
	t.Change.Done.Details.Ground, t.Change.Done.Details.Text = d.Ground, d.Text
	if d.Reviewer != "" {
		t.named(ReviewerField, d.Reviewer)
	} else if t.FindReviewer != nil {
		found, err := t.FindReviewer()
		if err != nil {
			return err
		}
		d.Reviewer = found
	}
	t.Change.Done.Target = d.Reviewer
	return nil
}

// reviewed is the decision that a review is asked of: the newest of anybody's but a reviewer's, unless another is named.
func (t *Turn) reviewed(id string) (Decision, bool) {
	for _, d := range slices.Backward(t.Case.Decisions) {
		if id == "" && reviewable(d.Outcome) {
			return d, true
		}
	}
	x, ok := t.Case.DecisionOf(id)
	return x, ok && reviewable(x.Outcome)
}

// reviewable are the outcomes of which a review may be asked: a review of a review goes outside the house.
func reviewable(o vocabulary.Outcome) bool {
	return o != vocabulary.OutcomeReviewUpheld && o != vocabulary.OutcomeReviewVaried && o != vocabulary.OutcomeReviewOverturned
}

func (d InvitingReviewer) do(t *Turn) error {
	t.require("reviewer", d.Reviewer)
	t.require("reason", d.Reason)
	t.named(ReviewerField, d.Reviewer)
	t.Change.Done.Target, t.Change.Done.Details.Reason = d.Reviewer, d.Reason
	return nil
}

func (d DecidingReview) do(t *Turn) error {
	t.require("reason", d.Reason)
	r, _ := t.Case.Review(t.Subject)
	reviewed, _ := t.Case.DecisionOf(r.Decision)
	varied := d.Outcome == vocabulary.OutcomeReviewVaried
	switch {
	case d.Outcome == "":
		t.wrong("outcome", CodeRequired, "must be given")
	case reviewable(d.Outcome):
		t.wrong("outcome", CodeField, "must be REVIEW_UPHELD, REVIEW_VARIED or REVIEW_OVERTURNED")
	}
	if !varied && (len(d.Conditions) > 0 || d.ReviewDate != "" || d.ExpiryDate != "") {
		t.wrong("outcome", CodeField, "must be REVIEW_VARIED where conditions or dates are given")
	}
	under, open := t.underReview(reviewed)
	if varied && !open && (len(d.Conditions) > 0 || d.ReviewDate != "" || d.ExpiryDate != "") {
		t.wrong("outcome", CodeField, "may carry conditions and dates only where something is authorised")
	}
	decision := Decision{
		Outcome: d.Outcome, Version: reviewed.Version, Rationale: d.Reason, ReviewDate: d.ReviewDate, ExpiryDate: d.ExpiryDate,
		Authorisation: under.ID,
	}
	authorisation := ""
	if varied && open {
		decision.ReviewDate, decision.ExpiryDate = orElse(d.ReviewDate, under.ReviewDate), orElse(d.ExpiryDate, under.ExpiryDate)
		t.checkDates(Deciding{Outcome: d.Outcome, ReviewDate: decision.ReviewDate, ExpiryDate: decision.ExpiryDate})
	}
	made := t.decides(decision)
	if varied && open {
		authorisation = t.authorisesInPlaceOf(made, under.ID)
	}
	t.asks(made, authorisation, d.Conditions, nil)
	t.Change.Done.Target = made.ID
	if d.Outcome != vocabulary.OutcomeReviewUpheld && t.Case.Request.State == closed {
		t.Change.Done.To = decided // there is something to do again; a round that is under way goes on where it is
	}
	return nil
}

// underReview is the authorisation that stands on the decision now, if one is still open.
func (t *Turn) underReview(d Decision) (Authorisation, bool) {
	for _, a := range slices.Backward(t.Case.Authorisations) {
		if a.Decision == d.ID || d.Authorisation != "" && a.ID == d.Authorisation {
			for i := slices.IndexFunc(t.Case.Authorisations, supersedes(a)); i >= 0; i = slices.IndexFunc(t.Case.Authorisations, supersedes(a)) {
				a = t.Case.Authorisations[i]
			}
			return a, StillOpen(t.Case.AuthorisationState(a, t.Now))
		}
	}
	return Authorisation{}, false
}

// supersedes finds the authorisation that came in the other's place within the request.
func supersedes(a Authorisation) func(Authorisation) bool {
	return func(x Authorisation) bool { return x.Supersedes == a.ID }
}

func orElse(said, otherwise string) string {
	if said == "" {
		return otherwise
	}
	return said
}

func (d RecordingDissent) do(t *Turn) error {
	t.require("view", d.View)
	x, ok := t.reviewed(d.Decision)
	switch {
	case !ok:
		t.wrong("decision", CodeField, "must name a decision of this request")
	case x.DecidedBy == t.By.UserID:
		t.wrong("decision", CodeField, "is your own")
	}
	t.Change.Done.Subject, t.Change.Done.Details.Text = x.ID, d.View
	return nil
}

func (d AnsweringDissent) do(t *Turn) error {
	t.require("view", d.View)
	t.Change.Done.Details.Text = d.View
	return nil
}

func (d RecordingNotFollowed) do(t *Turn) error {
	t.require("who", d.Who)
	t.require("reason", d.Reason)
	x, ok := t.reviewed(d.Decision)
	if !ok {
		t.wrong("decision", CodeField, "must name a decision of this request")
	}
	t.Change.Done.Subject, t.Change.Done.Details.Who, t.Change.Done.Details.Reason = x.ID, d.Who, d.Reason
	return nil
}
