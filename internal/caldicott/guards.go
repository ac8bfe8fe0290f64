package caldicott

import (
	"slices"

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
		if state := t.Case.AuthorisationState(x, t.Now); !slices.Contains(authorisationFrom[a], state) {
			return "The authorisation is " + string(state) + "; " + string(a) + " is not possible."
		}
		return ""
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
	if last.Outcome != vocabulary.OutcomeDefer && last.Outcome != vocabulary.OutcomeRefer {
		return "Only a deferred or referred request comes back."
	}
	return ""
}

func nothingOpen(t *Turn, _ Deed) string {
	for _, a := range t.Case.Authorisations {
		if StillOpen(t.Case.AuthorisationState(a, t.Now)) {
			return "An authorisation of this request is still open."
		}
	}
	if t.Case.Pressing() && len(t.Case.Waiting(t.House.Consultees.Mandatory(t.Case.Content()))) > 0 {
		return "Somebody who must be consulted has neither answered nor been waived."
	}
	return ""
}
