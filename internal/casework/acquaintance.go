package casework

import (
	"context"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// acquainted says what is wrong with the people that a body names: they must be enrolled in the organisation, or in one that
// it answers for; and whom a case is handed to must be somebody who may decide it.
func (m *move) acquainted(ctx context.Context, named map[string]string) ([]caldicott.FieldError, error) {
	var ids, fields []string
	for field, id := range named {
		if field != caldicott.HandedToField {
			ids = append(ids, id)
		}
		fields = append(fields, field)
	}
	slices.Sort(fields)
	unknown, err := m.tx.Unknown(ctx, m.turn.Case.Request.OrganisationID, ids)
	if err != nil {
		return nil, err
	}
	var wrong []caldicott.FieldError
	for _, field := range fields {
		if slices.Contains(unknown, named[field]) {
			wrong = append(wrong, caldicott.FieldError{Field: field, Code: caldicott.CodeField, Message: "names nobody who is enrolled here"})
		}
	}
	to, handed := named[caldicott.HandedToField]
	if !handed {
		return wrong, nil
	}
	may, err := m.mayTakeOver(ctx, to)
	if err == nil && !may {
		wrong = append(wrong, caldicott.FieldError{
			Field: caldicott.HandedToField, Code: caldicott.CodeField, Message: "must name a deputy, a review guardian or another guardian",
		})
	}
	return wrong, err
}

// mayTakeOver says whether somebody may decide instead: guardian or deputy here, or a review guardian anywhere.
func (m *move) mayTakeOver(ctx context.Context, userID string) (bool, error) {
	here, err := m.appointed(ctx, userID, vocabulary.RoleDeputyGuardian, m.at)
	if err != nil || here {
		return here, err
	}
	if here, err = m.appointed(ctx, userID, vocabulary.RoleCaldicottGuardian, m.at); err != nil || here {
		return here, err
	}
	person, err := m.tx.PersonNamed(ctx, userID)
	if caldicott.KindOf(err) == caldicott.NotFound {
		return false, nil
	}
	_, ok := person.Appointment(vocabulary.RoleReviewGuardian, "", m.at)
	return ok && person.Active, err
}

// appointed says whether somebody held the role in the case's organisation at the instant; a stranger did not.
func (m *move) appointed(ctx context.Context, userID string, role vocabulary.Role, at time.Time) (bool, error) {
	person, err := m.tx.PersonNamed(ctx, userID)
	if caldicott.KindOf(err) == caldicott.NotFound {
		return false, nil
	}
	return person.Holds(role, m.turn.Case.Request.OrganisationID, at), err
}
