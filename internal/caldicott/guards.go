package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// guards are what a step needs besides its place in the map; each gives the sentence that refuses it, or "".
var guards = map[Action]func(t *Turn, d Deed) string{
	Consult:    consultable,
	Advise:     asked,
	Waive:      waivable,
	PutForward: complete,
	SetAside:   notEmergency,
	Withdraw:   notEmergency,
	Ask:        openedIfGuardian,
	Decide:     openedByMe,
	Resubmit:   sentBack,
	Close:      nothingOpen,

	RequestReview:     reviewInTime,
	RecordDissent:     decidedHere,
	RecordNotFollowed: decidedHere,
	InviteReviewer:    reviewOpen,
	DecideReview:      reviewOpen,
	AnswerDissent:     dissentMine,
	UpdateIncident:    incidentThere,
	EraseDocument:     documentThere,
	Renew:             notRatified,
	Reinstate:         standsOnSomething,
	RecordSupport:     restsOnSupport,
}

// Guard refuses with 409 what the workflow does not allow now.
func (t *Turn) Guard(d Deed) error {
	if message := t.hindrance(d); message != "" {
		return Errorf(Conflict, CodeState, "%s", message)
	}
	return nil
}

// hindrance says why the deed is not possible in this state, or "".
func (t *Turn) hindrance(d Deed) string {
	switch a := d.Action(); {
	case authorisationFrom[a] != nil:
		x, _ := t.Case.Authorisation(t.Subject)
		if a == Suspend && t.Case.SuspendedByItself(x, t.Now) {
			return "" // a guardian's own decision may stand beside what a trip-wire did
		}
		if state := t.Case.AuthorisationState(x, t.Now); !slices.Contains(authorisationFrom[a], state) {
			return "The authorisation is " + string(state) + "; " + string(a) + " is not possible."
		}
		if guard, ok := guards[a]; ok {
			return guard(t, d)
		}
		return ""
	case slices.Contains(HangingDeeds(), a):
		return guards[a](t, d)
	case conditionFrom[a] != nil:
		return t.conditionHindrance(a)
	}
	if _, ok := Next(t.Case.Request.State, d.Action()); !ok {
		return "The request is " + string(t.Case.Request.State) + "; " + string(d.Action()) + " is not possible."
	}
	if guard, ok := guards[d.Action()]; ok {
		return guard(t, d)
	}
	return ""
}

func (t *Turn) conditionHindrance(a Action) string {
	x, _ := t.Case.Condition(t.Subject)
	if state := x.State(t.Case.Done, t.Now); !slices.Contains(conditionFrom[a], state) {
		return "The condition is " + string(state) + "; " + string(a) + " is not possible."
	}
	if a == WaiveCondition && len(x.Resolves) > 0 {
		return "The condition resolves a finding; it cannot be waived."
	}
	return ""
}

// late are the states in which consultation goes on only because the case was too pressing to wait for it.
func late(s State) bool { return s == ratifying || s == reviewing || s == decided }

func consultable(t *Turn, _ Deed) string {
	if late(t.Case.Request.State) && !t.Case.Pressing() {
		return "Consulting after the case was opened is for pressing cases only."
	}
	return ""
}

func asked(t *Turn, d Deed) string {
	if a, ok := d.(Advising); ok {
		if _, asked := t.Case.Asked(a.Role); !asked {
			return "This role was not asked for its view."
		}
	} else if len(t.Case.Consultations) == 0 {
		return "Nobody was asked for a view."
	}
	state := t.Case.Request.State
	if state == decided && !t.Case.Pressing() {
		last, _ := t.Case.Decision()
		if last.Outcome != vocabulary.OutcomeDefer && last.Outcome != vocabulary.OutcomeRefer {
			return "The request is decided; a view would come too late."
		}
	}
	if state == ratifying && !t.Case.Pressing() {
		return "A view would come too late."
	}
	return ""
}

func waivable(t *Turn, d Deed) string {
	if late(t.Case.Request.State) && !t.Case.Pressing() {
		return "Waiving after the case was opened is for pressing cases only."
	}
	w, ok := d.(Waiving)
	if !ok || w.Consultee == "" {
		return ""
	}
	_, asked := t.Case.Asked(w.Consultee)
	mandatory := slices.Contains(t.House.Consultees.Mandatory(t.Case.Content()), w.Consultee)
	switch {
	case !asked && !mandatory:
		return "This role was not asked for its view."
	case t.Case.settled(w.Consultee):
		return "This role has answered or was waived already."
	}
	return ""
}

func complete(t *Turn, _ Deed) string {
	waiting := t.Case.Waiting(t.House.Consultees.Mandatory(t.Case.Content()))
	if t.Case.Request.State == triage && len(waiting) > 0 && !Pressing(t.Case.Content()) {
		return "Somebody who must be consulted has neither answered nor been waived."
	}
	return ""
}

func notEmergency(t *Turn, d Deed) string {
	if t.Case.Request.Emergency {
		return "An emergency has already happened; " + string(d.Action()) + " is not possible."
	}
	return ""
}

func openedByMe(t *Turn, _ Deed) string {
	if t.Case.OpenedBy() != t.By.UserID {
		return "Only the person who opened the case may do this."
	}
	return ""
}

// openedIfGuardian lets information governance ask at any time, and who opened the case while it is open.
func openedIfGuardian(t *Turn, d Deed) string {
	if t.Acting.Role == vocabulary.RoleIgOfficer || t.Acting.Role == vocabulary.RoleIgLead {
		return ""
	}
	return openedByMe(t, d)
}

func sentBack(t *Turn, _ Deed) string {
	last, _ := t.Case.Decision()
	switch last.Outcome {
	case vocabulary.OutcomeDefer, vocabulary.OutcomeRefer, vocabulary.OutcomeReviewOverturned:
		return ""
	case vocabulary.OutcomeReviewVaried:
		if last.Authorisation == "" {
			return ""
		}
	}
	return "Only a request that was deferred or referred, or whose decision a review did not let stand, comes back."
}

// reviewUntil is the last instant at which a review of the decision may be asked for.
func (h *House) reviewUntil(d Decision) time.Time {
	return closing(nthWorkday(h.Calendar, Today(d.At), h.Clocks.ReviewRequest))
}

func reviewInTime(t *Turn, d Deed) string {
	id := ""
	if asked, ok := d.(RequestingReview); ok {
		id = asked.Decision
	}
	x, ok := t.reviewed(id)
	if !ok {
		return "" // 422, in its turn; a probe asks about the newest
	}
	if !reviewable(x.Outcome) || slices.ContainsFunc(t.Case.Reviews(), func(r Review) bool { return r.Decision == x.ID }) {
		return "This decision was reviewed already, or is being reviewed."
	}
	if t.Now.After(t.House.reviewUntil(x)) {
		return "The time for asking for a review of this decision is over."
	}
	return ""
}

func decidedHere(t *Turn, _ Deed) string {
	if _, ok := t.Case.Decision(); !ok {
		return "Nothing was decided on this request."
	}
	return ""
}

func reviewOpen(t *Turn, d Deed) string {
	r, ok := t.Case.Review(t.Subject)
	switch {
	case !ok || r.State() != vocabulary.ReviewStateOpen:
		return "The review was decided already."
	case d.Action() == DecideReview && r.Reviewer != t.By.UserID:
		return "The review was sent to somebody else."
	}
	return ""
}

// standsOnSomething: without the support that it rests on there is no law for what would stand again (V002 cannot be
// converted). Every other cause is the guardian's to weigh.
func standsOnSomething(t *Turn, _ Deed) string {
	if x, _ := t.Case.Authorisation(t.Subject); t.Case.unsupported(x, t.Now) {
		return "Section 251 support has lapsed: record what became of it first, or renew."
	}
	return ""
}

func dissentMine(t *Turn, _ Deed) string {
	x, _ := t.Case.Dissent(t.Subject)
	d, _ := t.Case.DecisionOf(x.Decision)
	switch {
	case x.AnsweredBy != "":
		return "The dissent was answered already."
	case d.DecidedBy != t.By.UserID:
		return "Only who took the decision answers the dissent."
	}
	return ""
}

func incidentThere(t *Turn, _ Deed) string {
	if _, ok := t.Case.Incident(t.Subject); !ok {
		return "There is no such incident."
	}
	return ""
}

func documentThere(t *Turn, _ Deed) string {
	if x, ok := t.Case.Document(t.Subject); !ok || x.State == vocabulary.DocumentStateErased {
		return "The document was erased already."
	}
	return ""
}

func notRatified(t *Turn, _ Deed) string {
	if x, _ := t.Case.Authorisation(t.Subject); x.Ratifies != "" {
		return "What was ratified is over; there is nothing to renew."
	}
	return ""
}

func restsOnSupport(t *Turn, _ Deed) string {
	x, _ := t.Case.Authorisation(t.Subject)
	if legal := t.Case.Decided[x.Version].Legal; legal.S251 == nil || !supported(legal.Basis) {
		return "The authorisation does not rest on section 251 support."
	}
	return ""
}

func nothingOpen(t *Turn, _ Deed) string {
	for _, a := range t.Case.Authorisations {
		if StillOpen(t.Case.AuthorisationState(a, t.Now)) {
			return "An authorisation of this request is still open."
		}
	}
	if _, open := t.Case.OpenReview(); open {
		return "A review of this request waits to be decided."
	}
	if t.Case.Pressing() && len(t.Case.Waiting(t.House.Consultees.Mandatory(t.Case.Content()))) > 0 {
		return "Somebody who must be consulted has neither answered nor been waived."
	}
	return ""
}
