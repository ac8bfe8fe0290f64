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
		if field != caldicott.HandedToField && field != caldicott.ReviewerField {
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
	if reviewer, asked := named[caldicott.ReviewerField]; asked {
		may, err := m.mayReview(ctx, reviewer)
		if err != nil || may {
			return wrong, err
		}
		return append(wrong, caldicott.FieldError{
			Field: caldicott.ReviewerField, Code: caldicott.CodeField,
			Message: "must name a review guardian, or another organisation's guardian, who took no part and is not managed by who decided",
		}), nil
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

// mayReview says whether somebody may hear the review: a review guardian anywhere, or another organisation's guardian, who
// took no part and is not managed by who decided (SD5).
func (m *move) mayReview(ctx context.Context, userID string) (bool, error) {
	person, err := m.tx.PersonNamed(ctx, userID)
	if caldicott.KindOf(err) == caldicott.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return m.suits(person), nil
}

func (m *move) suits(person caldicott.Actor) bool {
	c := m.turn.Case
	_, reviews := person.Appointment(vocabulary.RoleReviewGuardian, "", m.at)
	guards, guardian := person.Appointment(vocabulary.RoleCaldicottGuardian, "", m.at)
	elsewhere := guardian && guards.OrganisationID != c.Request.OrganisationID
	content := c.Content()
	party := person.UserID == c.Request.Requester || person.UserID == content.Sponsor || person.UserID == content.AssetOwner
	managed := slices.ContainsFunc(c.Decisions, func(d caldicott.Decision) bool { return person.Manager != "" && d.DecidedBy == person.Manager })
	return person.Active && (reviews || elsewhere) && !party && !managed && !c.TookPart(person.UserID)
}

// findReviewer names the first review guardian who may hear a review of the case, "" where there is none.
func (m *move) findReviewer(ctx context.Context) (string, error) {
	reviewers, err := m.tx.Reviewers(ctx, m.turn.Case.Request.OrganisationID, m.at)
	for _, r := range reviewers {
		if m.suits(r) {
			return r.UserID, nil
		}
	}
	return "", err
}

// appointed says whether somebody held the role in the case's organisation at the instant, or was on the rota then; a
// stranger was neither.
func (m *move) appointed(ctx context.Context, userID string, role vocabulary.Role, at time.Time) (bool, error) {
	person, err := m.tx.PersonNamed(ctx, userID)
	if caldicott.KindOf(err) == caldicott.NotFound {
		return false, nil
	}
	if err != nil || person.Holds(role, m.turn.Case.Request.OrganisationID, at) {
		return err == nil, err
	}
	shifts, err := shiftsOf(ctx, m.tx, m.turn.Case.Request.OrganisationID)
	return role == vocabulary.RoleEmergencyApprover && onDuty(shifts, userID, at), err
}
