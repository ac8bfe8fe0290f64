package caldicott

import (
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A duty is one rule of the separation of duties: the same person must not do both things, whatever else they hold.
type duty struct {
	code     string
	sentence string
	broken   func(t *Turn, d Deed) bool
}

// duties are asked in this order, whatever the caller's roles. SD6 and the second
// half of SD8 are about appointments, SD13 is about erasures and holds (appointing.go).
var duties = []duty{
	{"SD1", "Who asked, sponsors or owns the asset does not decide.", partyDecides},
	{"SD2", "Who would receive, investigates, benefits or is concerned does not decide.", interestedDecides},
	{"SD3", "Who triaged, consulted, waived or put forward does not decide.", handlerDecides},
	{"SD4", "Who approved an emergency does not ratify it.", approverRatifies},
	{"SD5", "Who took part in the request, or is managed by who decided it, does not review it.", participantReviews},
	{"SD7", "An auditor changes nothing.", auditorActs},
	{"SD8", "An administrator reads no request content and decides nothing.", administratorActs},
	{"SD9", "Who has decided this version, or whose decision a review did not let stand, does not open it again.", reopens},
	{"SD10", "A consultee's view and the decision do not come from one person, nor the view from the requester.", partyAdvises},
	{"SD11", "Evidence is not judged by the condition's owner.", ownerJudges},
	{"SD12", "Who holds a conflicting post hands the case back.", structurallyConflicted},
}

// Separate refuses a deed that would put two duties into one hand.
func (t *Turn) Separate(d Deed) error {
	for _, rule := range duties {
		if rule.broken(t, d) {
			return Errorf(Forbidden, rule.code, "%s", rule.sentence)
		}
	}
	return nil
}

// deciding are the deeds that write a decision, or undo one.
func deciding(a Action) bool {
	return a == Decide || a == SetAside || a == Suspend || a == Reinstate || a == Revoke || a == Vary || a == DecideReview
}

// newDecision are the deeds by which a guardian says anew what may be shared.
func newDecision(a Action) bool { return a == Decide || a == Vary }

func partyDecides(t *Turn, d Deed) bool {
	c, me := t.Case.Content(), t.By.UserID
	return deciding(d.Action()) && me != "" && (me == t.Case.Request.Requester || me == c.Sponsor || me == c.AssetOwner)
}

func interestedDecides(t *Turn, d Deed) bool {
	if !newDecision(d.Action()) && d.Action() != DecideReview {
		return false
	}
	c, me := t.Case.Content(), t.By.UserID
	return t.declared(vocabulary.ConflictPersonalSubject, vocabulary.ConflictPersonalBenefit, vocabulary.ConflictSubjectOfInvestigation) ||
		slices.Contains(c.Investigators, me) ||
		slices.ContainsFunc(c.Recipients, func(r Recipient) bool { return slices.Contains(r.UserIDs, me) })
}

// declared says whether the person has ever declared one of the conflicts in this case: declarations are never undone.
func (t *Turn) declared(kinds ...vocabulary.Conflict) bool {
	return slices.ContainsFunc(t.Case.Declarations, func(x Declaration) bool {
		return x.By == t.By.UserID && slices.Contains(kinds, x.Type)
	})
}

func handlerDecides(t *Turn, d Deed) bool {
	return newDecision(d.Action()) && slices.ContainsFunc(t.Case.Done, func(x Done) bool {
		if x.By != t.By.UserID || x.Deed == Waive && x.From == decided && t.Case.Pressing() {
			return false
		}
		return x.Deed == Triage || x.Deed == Consult || x.Deed == Waive || x.Deed == PutForward
	})
}

func approverRatifies(t *Turn, d Deed) bool {
	return d.Action() == Decide && t.Case.Request.Emergency && t.By.UserID == t.Case.Content().ApprovedBy
}

// participantReviews: whoever did anything on the request before, but for opening or answering a review of it, took part.
func participantReviews(t *Turn, d Deed) bool {
	switch d := d.(type) { // nor is it sent to somebody who did
	case RequestingReview:
		return d.Reviewer != "" && t.Case.TookPart(d.Reviewer)
	case InvitingReviewer:
		return d.Reviewer != "" && t.Case.TookPart(d.Reviewer)
	}
	if d.Action() != DecideReview {
		return false
	}
	r, _ := t.Case.Review(t.Subject)
	reviewed, _ := t.Case.DecisionOf(r.Decision)
	return t.Case.TookPart(t.By.UserID) || t.By.Manager != "" && t.By.Manager == reviewed.DecidedBy
}

// TookPart says whether the person did anything on the request, or owns a condition of it; but for hearing a review of it,
// and what they say about that once it was sent to them.
func (c *Case) TookPart(userID string) bool {
	sent := false
	return slices.ContainsFunc(c.Done, func(x Done) bool {
		sent = sent || (x.Deed == RequestReview || x.Deed == InviteReviewer) && x.Target == userID
		hearing := x.Deed == DecideReview || sent && (x.Deed == Comment || x.Deed == Attach)
		return x.By == userID && userID != "" && !hearing
	}) ||
		slices.ContainsFunc(c.Conditions, func(x Condition) bool { return x.Owner == userID })
}

func auditorActs(t *Turn, _ Deed) bool {
	return t.By.Holds(vocabulary.RoleAuditor, t.Case.Request.OrganisationID, t.Now)
}

func administratorActs(t *Turn, _ Deed) bool {
	return t.By.Holds(vocabulary.RoleSystemAdmin, t.Case.Request.OrganisationID, t.Now)
}

func reopens(t *Turn, d Deed) bool {
	if d.Action() != Open {
		return false
	}
	return t.Case.opened(t.By.UserID) || t.Case.notLetStand(t.By.UserID)
}

// opened says whether the person opened this version, which has been decided since.
func (c *Case) opened(userID string) bool {
	version := c.Request.Version
	mine := slices.ContainsFunc(c.Declarations, func(x Declaration) bool { return x.By == userID && x.Version == version })
	return mine && slices.ContainsFunc(c.Decisions, func(x Decision) bool { return x.Version == version })
}

// notLetStand says whether a review did not let a decision of the person about the request stand: somebody else decides anew.
func (c *Case) notLetStand(userID string) bool {
	return slices.ContainsFunc(c.Reviews(), func(r Review) bool {
		d, _ := c.DecisionOf(r.Decision)
		return (r.Outcome == vocabulary.OutcomeReviewOverturned || r.Outcome == vocabulary.OutcomeReviewVaried) &&
			d.DecidedBy == userID && !restraining(d.Outcome)
	})
}

func partyAdvises(t *Turn, d Deed) bool {
	me := t.By.UserID
	if d.Action() == Decide {
		return t.maySit() && slices.ContainsFunc(t.Case.Advice, func(a Advice) bool { return a.By == me })
	}
	if d.Action() != Advise {
		return false
	}
	return me == t.Case.Request.Requester || me == t.Case.OpenedBy() ||
		slices.ContainsFunc(t.Case.Decisions, func(x Decision) bool { return x.DecidedBy == me })
}

// maySit says whether the person holds a role that decides at all: of others the policy speaks, not this rule.
func (t *Turn) maySit() bool {
	return slices.ContainsFunc(t.By.Appointments, func(a Appointment) bool { return guardianLine(a.Role) && a.InForce(t.Now) })
}

func ownerJudges(t *Turn, d Deed) bool {
	if d.Action() != AcceptEvidence && d.Action() != RejectEvidence {
		return false
	}
	x, ok := t.Case.Condition(t.Subject)
	return ok && x.Owner == t.By.UserID
}

func structurallyConflicted(t *Turn, d Deed) bool {
	if !newDecision(d.Action()) {
		return false
	}
	posts := t.By.Posts(t.Case.Request.OrganisationID, t.Now)
	return len(structural(t.Case.Content(), t.By.UserID, posts)) > 0 ||
		t.declared(vocabulary.ConflictStructuralResponsibleOfficer, vocabulary.ConflictStructuralDigitalSponsor,
			vocabulary.ConflictStructuralEducationLead, vocabulary.ConflictStructuralResearchSponsor, vocabulary.ConflictStructuralSiro)
}
