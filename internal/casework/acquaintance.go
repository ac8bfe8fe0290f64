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

// mayTakeOver says whether somebody may decide instead: guardian or deputy here, or a review guardian anywhere; and no party
// to the case, whom SD1 would refuse.
func (m *move) mayTakeOver(ctx context.Context, userID string) (bool, error) {
	person, err := m.tx.PersonNamed(ctx, userID)
	if caldicott.KindOf(err) == caldicott.NotFound {
		return false, nil
	}
	c, here := m.turn.Case, m.turn.Case.Request.OrganisationID
	party := userID == c.Request.Requester || userID == c.Content().Sponsor || userID == c.Content().AssetOwner
	_, reviews := person.Appointment(vocabulary.RoleReviewGuardian, "", m.at)
	decides := reviews || person.Holds(vocabulary.RoleDeputyGuardian, here, m.at) || person.Holds(vocabulary.RoleCaldicottGuardian, here, m.at)
	return person.Active && decides && !party, err
}

// appointed says whether somebody held the role in the case's organisation at the instant; a stranger did not.
func (m *move) appointed(ctx context.Context, userID string, role vocabulary.Role, at time.Time) (bool, error) {
	person, err := m.tx.PersonNamed(ctx, userID)
	if caldicott.KindOf(err) == caldicott.NotFound {
		return false, nil
	}
	return person.Holds(role, m.turn.Case.Request.OrganisationID, at), err
}
