package casework

import (
	"context"
	"errors"
	"fmt"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Founding is what an empty house begins with: one organisation, two administrators and the guardian.
type Founding struct {
	Organisation   caldicott.OrganisationRecord
	Administrators []caldicott.Person
	Guardian       caldicott.Person
	GuardianPosts  []vocabulary.Post
	BoardReference string
	ValidFrom      string // of the appointments, a Europe/London day
}

// ErrFounded says that somebody was appointed before: the house is not empty.
var ErrFounded = errors.New("appointments exist already; bootstrap begins an empty house only")

// Bootstrap founds the house, as one entry of the trail. From then on every change of authority is a deed of somebody.
func (s *Service) Bootstrap(ctx context.Context, f Founding) error {
	if err := f.check(); err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		if founded, err := tx.AnyAppointment(ctx); err != nil || founded {
			return errors.Join(err, founding(founded))
		}
		return s.found(ctx, tx, f)
	})
}

func founding(founded bool) error {
	if founded {
		return ErrFounded
	}
	return nil
}

func (f Founding) check() error {
	if len(f.Administrators) != 2 {
		return fmt.Errorf("bootstrap needs two administrators, not %d", len(f.Administrators))
	}
	people := append([]caldicott.Person{f.Guardian}, f.Administrators...)
	seen := map[string]bool{}
	for _, p := range people {
		if p.UserID == "" || p.Name == "" || seen[p.UserID] {
			return errors.New("bootstrap needs three different people, each with user_id and display_name")
		}
		seen[p.UserID] = true
	}
	if f.Organisation.Code == "" || f.Organisation.Name == "" || f.ValidFrom == "" {
		return errors.New("bootstrap needs the organisation's code and name, and valid_from")
	}
	return nil
}

func (s *Service) found(ctx context.Context, tx caldicott.Tx, f Founding) error {
	organisation := f.Organisation
	organisation.ID, organisation.Revision = s.NewID(), 1
	rows := caldicott.DirectoryRows{
		Organisations: []caldicott.OrganisationRow{{OrganisationRecord: organisation, AnswersFor: organisation.ID}},
	}
	appoint := func(p caldicott.Person, role vocabulary.Role, posts []vocabulary.Post, confirmedBy string) {
		p.ID, p.OrganisationID, p.OrgCode, p.Active, p.Revision = s.NewID(), organisation.ID, organisation.Code, true, 1
		rows.People = append(rows.People, p)
		rows.Appointments = append(rows.Appointments, caldicott.Appointment{
			ID: s.NewID(), UserID: p.UserID, OrganisationID: organisation.ID, Role: role, ValidFrom: f.ValidFrom, Posts: posts,
			BoardReference: f.BoardReference, ConfirmedBy: confirmedBy, Revision: 1,
		})
	}
	first, second := f.Administrators[0], f.Administrators[1]
	appoint(first, vocabulary.RoleSystemAdmin, nil, second.UserID)
	appoint(second, vocabulary.RoleSystemAdmin, nil, first.UserID)
	appoint(f.Guardian, vocabulary.RoleCaldicottGuardian, f.GuardianPosts, second.UserID)
	return tx.SaveDirectory(ctx, caldicott.Event{
		Stream: caldicott.OrganisationStream(organisation.ID), Chained: true, Action: caldicott.Bootstrapped, Outcome: caldicott.OutcomeDone,
		At: s.Now(), Organisation: organisation.ID, PolicyDigest: s.Policy.Digest(), Detail: caldicott.Words(f),
	}, rows)
}
