package caldicott

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Drafting begins a request. Only kind and title are needed until it is submitted.
type Drafting struct{ Content Content }

// Amending gives a draft its whole content anew.
type Amending struct{ Content Content }

// Submitting puts a draft in front of information governance and pins its version. Rechecked is what was looked at again,
// which a renewal must say.
type Submitting struct{ Rechecked []vocabulary.Recheck }

// Answering gives the requester's answers, with a new version where the content changed.
type Answering struct {
	Answers []Answered
	Content *Content
}

// Resubmitting brings a deferred or referred request back with a new version.
type Resubmitting struct{ Content Content }

// RecordingEmergency records a disclosure that was made before anybody could be asked.
type RecordingEmergency struct{ Content Content }

// SeekingRatification asks the guardian to look at an emergency.
type SeekingRatification struct{}

func (Drafting) Action() Action            { return Draft }
func (Amending) Action() Action            { return Amend }
func (Submitting) Action() Action          { return Submit }
func (Answering) Action() Action           { return Answer }
func (Resubmitting) Action() Action        { return Resubmit }
func (RecordingEmergency) Action() Action  { return RecordEmergency }
func (SeekingRatification) Action() Action { return SeekRatification }

func (d Drafting) Texts() []Text           { return d.Content.Texts() }
func (d Amending) Texts() []Text           { return d.Content.Texts() }
func (Submitting) Texts() []Text           { return nil }
func (d Resubmitting) Texts() []Text       { return d.Content.Texts() }
func (d RecordingEmergency) Texts() []Text { return d.Content.Texts() }
func (SeekingRatification) Texts() []Text  { return nil }

// Texts are the answers and, where the content changed, all of it.
func (d Answering) Texts() []Text {
	var texts []Text
	for i, a := range d.Answers {
		texts = append(texts, Text{Field: fmt.Sprintf("answers[%d].text", i), Value: a.Text})
	}
	if d.Content != nil {
		texts = append(texts, d.Content.Texts()...)
	}
	return texts
}

func (d Drafting) do(t *Turn) error {
	t.require("title", d.Content.Title)
	t.require("kind", string(d.Content.Kind))
	t.revise(t.own(d.Content))
	return nil
}

func (d Amending) do(t *Turn) error {
	t.require("title", d.Content.Title)
	t.require("kind", string(d.Content.Kind))
	t.revise(t.own(d.Content))
	return nil
}

func (d Submitting) do(t *Turn) error {
	for _, x := range rechecks {
		if t.Case.Request.Renews != "" && !slices.Contains(d.Rechecked, x) {
			t.wrong("rechecked", CodeRequired, "must say that "+string(x)+" was looked at again: this is a renewal")
		}
	}
	t.Change.Done.Details.Recheck = d.Rechecked
	t.submissible()
	return t.refer()
}

func (d Resubmitting) do(t *Turn) error {
	t.revise(t.own(d.Content))
	t.submissible()
	return nil
}

func (d Answering) do(t *Turn) error {
	if len(d.Answers) == 0 {
		t.wrong("answers", CodeRequired, "must hold at least one answer")
	}
	asked := len(t.Case.Questions())
	for i, a := range d.Answers {
		t.require(fmt.Sprintf("answers[%d].text", i), a.Text)
		if a.Question < 1 || a.Question > asked {
			t.wrong(fmt.Sprintf("answers[%d].question", i), CodeField, "is not the number of a question that was asked")
		}
	}
	t.Change.Done.Details.Answers = d.Answers
	if d.Content != nil {
		t.keepsRecord(*d.Content)
		named := t.Case.Content().ApprovedBy != ""
		t.revise(t.own(*d.Content))
		if t.Case.Request.Emergency && !named {
			return t.flagApprover(d.Content.ApprovedBy, t.Case.DisclosedAt())
		}
	}
	return nil
}

// keepsRecord refuses to rewrite what an emergency's record said of when, and of who allowed it (SD4 rests on that).
func (t *Turn) keepsRecord(c Content) {
	was := t.Case.Content()
	if t.Case.Request.Emergency && was.ApprovedBy != "" && c.ApprovedBy != was.ApprovedBy {
		t.wrong("approved_by", CodeField, "was recorded with the emergency and does not change")
	}
	if t.Case.Request.Emergency && !sameInstant(c.DisclosedAt, was.DisclosedAt) {
		t.wrong("disclosed_at", CodeField, "was recorded with the emergency and does not change")
	}
}

// sameInstant compares two instants however they are spelled.
func sameInstant(a, b string) bool {
	x, errX := time.Parse(time.RFC3339Nano, a)
	y, errY := time.Parse(time.RFC3339Nano, b)
	return a == b || errX == nil && errY == nil && x.Equal(y)
}

func (d RecordingEmergency) do(t *Turn) error {
	c := t.own(d.Content)
	t.require("disclosed_at", c.DisclosedAt)
	if len(c.DataItems) == 0 {
		t.wrong("data_items", CodeRequired, "must say what was given")
	}
	if blank(c.DisclosedAt) {
		return nil
	}
	disclosed, err := time.Parse(time.RFC3339Nano, c.DisclosedAt)
	if err != nil || disclosed.After(t.Now) {
		t.wrong("disclosed_at", CodeField, "must be an instant that has passed")
		return nil
	}
	t.revise(c)
	if err := t.flagApprover(c.ApprovedBy, disclosed); err != nil {
		return err
	}
	recipient := "0"
	if len(c.Recipients) > 0 && c.Recipients[0].OrgCode != "" {
		recipient = c.Recipients[0].OrgCode
	}
	t.discloses(Disclosure{
		Recipient: recipient, Method: c.Transfer.Method, DisclosedAt: disclosed.UTC().Truncate(time.Microsecond),
		Exception: vocabulary.ExceptionReasonBeforeAuthorisation,
	})
	return t.refer()
}

// flagApprover flags an emergency that was allowed by somebody who was not appointed for it.
func (t *Turn) flagApprover(userID string, at time.Time) error {
	if userID == "" || t.Appointed == nil {
		return nil
	}
	appointed, err := t.Appointed(userID, vocabulary.RoleEmergencyApprover, at)
	if err == nil && !appointed {
		t.Change.Done.Details.Flags = append(t.Change.Done.Details.Flags, ApproverNotAppointed)
	}
	return err
}

func (SeekingRatification) do(*Turn) error { return nil }

// own sets what the caller may not choose, and refuses a body that says otherwise.
func (t *Turn) own(c Content) Content {
	requester := t.By.UserID
	if t.Case.Request.Requester != "" {
		requester = t.Case.Request.Requester
	}
	differs := func(field, said, is string) {
		if said != "" && said != is {
			t.wrong(field, CodeField, "is set by the service and may only be repeated")
		}
	}
	differs("requester.user_id", c.Requester.UserID, requester)
	differs("requester.org_code", c.Requester.OrgCode, t.Case.Request.OrgCode)
	c.Requester.UserID, c.Requester.OrgCode = requester, t.Case.Request.OrgCode
	seen := StructuralConflicts(c, t.Guardians)
	if len(c.Conflicts) > 0 && !sameConflicts(c.Conflicts, seen) {
		t.wrong("conflicts", CodeField, "are found by the service and may only be repeated")
	}
	c.Conflicts = seen
	if len(c.Attachments) > 0 {
		t.wrong("attachments", CodeField, "are added through the documents of the request")
	}
	return c
}

// submissible refuses what may not be submitted: every blank required field and every BLOCK_SUBMIT finding.
func (t *Turn) submissible() {
	c := t.Case.Content()
	findings := t.House.Rules.Findings(c, t.Case.Circumstances(t.Guardians, t.Now))
	for _, f := range findings {
		if f.Severity == vocabulary.SeverityBlockSubmit {
			t.problems = append(t.problems, fieldError(f))
		}
	}
	for _, field := range t.House.Rules.Missing(c) {
		t.wrong(field, CodeRequired, "must be given before the request is submitted")
	}
	t.Change.Done.Details.Findings = findings
}

// refer gives the request its reference, once: CG-<organisation>-<year>-<serial>.
func (t *Turn) refer() error {
	if t.Case.Request.Reference != "" || len(t.problems) > 0 {
		return nil
	}
	day := Today(t.Now)
	var year int
	if _, err := fmt.Sscanf(day[:4], "%d", &year); err != nil {
		return fmt.Errorf("year of %s: %w", day, err)
	}
	reference, err := t.Reference(year)
	if err != nil {
		return err
	}
	t.Case.Request.Reference = reference
	return nil
}

// discloses adds a disclosure; nothing about it is ever refused for not being allowed.
func (t *Turn) discloses(x Disclosure) {
	x.ID, x.By, x.RecordedAt = t.NewID(), t.By.UserID, t.Now
	t.Change.Disclosure = &x
	t.Case.Disclosures = append(t.Case.Disclosures, x)
}

// StructuralConflicts are what the service sees of the guardians' other posts and sponsorship (rule V009).
func StructuralConflicts(c Content, guardians []Guardian) []StructuralConflict {
	var seen []StructuralConflict
	for _, g := range guardians {
		for _, kind := range structural(c, g.UserID, g.Posts) {
			seen = append(seen, StructuralConflict{
				Person: g.UserID, Type: kind,
				Detection: vocabulary.ConflictDetectionSystem, Action: vocabulary.ConflictActionReassign,
			})
		}
	}
	return seen
}

// structural lists the structural conflicts of one person who might decide on the content: SD12 and V009 agree by it.
func structural(c Content, userID string, posts []vocabulary.Post) []vocabulary.Conflict {
	var found []vocabulary.Conflict
	for _, post := range posts {
		switch {
		case post == vocabulary.PostResponsibleOfficer && c.Kind == vocabulary.KindRegulator:
			found = append(found, vocabulary.ConflictStructuralResponsibleOfficer)
		case post == vocabulary.PostEducationLead && c.Kind == vocabulary.KindEducationTraining:
			found = append(found, vocabulary.ConflictStructuralEducationLead)
		case post == vocabulary.PostResearchLead && c.Kind == vocabulary.KindResearch:
			found = append(found, vocabulary.ConflictStructuralResearchSponsor)
		}
	}
	if strings.TrimSpace(c.Sponsor) != "" && c.Sponsor == userID {
		switch c.Kind {
		case vocabulary.KindNewSystemDpia:
			found = append(found, vocabulary.ConflictStructuralDigitalSponsor)
		case vocabulary.KindResearch:
			found = append(found, vocabulary.ConflictStructuralResearchSponsor)
		}
	}
	return found
}

func sameConflicts(a, b []StructuralConflict) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
