package casework

import (
	"context"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// RegisterOrganisation adds a partner or recipient to the directory; the registering organisation's trail answers for it.
func (s *Service) RegisterOrganisation(ctx context.Context, call Call, encode DirectoryRetry, o caldicott.OrganisationRecord) (DirectoryResult, error) {
	return s.run(ctx, call, encode, office{
		action: caldicott.RegisterOrganisation, organisation: call.By.OrgCode, said: o,
		texts: []caldicott.Text{{Field: "code", Value: o.Code}, {Field: "name", Value: o.Name}},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			o.ID, o.Revision = d.newID(), 1
			row := caldicott.OrganisationRow{OrganisationRecord: o, AnswersFor: d.organisation.ID}
			d.result.Organisation = row
			return caldicott.DirectoryRows{Organisations: []caldicott.OrganisationRow{row}}, checkOrganisation(o)
		},
	})
}

// AmendOrganisation corrects name and type.
func (s *Service) AmendOrganisation(ctx context.Context, call Call, encode DirectoryRetry, o caldicott.OrganisationRecord) (DirectoryResult, error) {
	return s.run(ctx, call, encode, office{
		action: caldicott.AmendOrganisation, organisation: call.By.OrgCode, said: o, amends: true,
		texts: []caldicott.Text{{Field: "name", Value: o.Name}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			d.known, err = tx.OrganisationByCode(ctx, o.Code)
			return err
		},
		check: func(d *desk) error {
			if d.known.AnswersFor != d.organisation.ID {
				return caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "Another organisation answers for this one.")
			}
			return nil
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			row := d.known
			row.Name, row.Type, row.Revision = o.Name, o.Type, row.Revision+1
			d.result.Organisation = row
			return caldicott.DirectoryRows{Organisations: []caldicott.OrganisationRow{row}}, checkOrganisation(row.OrganisationRecord)
		},
	})
}

func checkOrganisation(o caldicott.OrganisationRecord) []caldicott.FieldError {
	var wrong []caldicott.FieldError
	for _, f := range []struct{ field, value string }{{"code", o.Code}, {"name", o.Name}, {"type", string(o.Type)}} {
		if f.value == "" {
			wrong = append(wrong, caldicott.FieldError{Field: f.field, Code: caldicott.CodeRequired, Message: "must be given"})
		}
	}
	return wrong
}

// RegisterAsset adds an information asset with its owner.
func (s *Service) RegisterAsset(ctx context.Context, call Call, encode DirectoryRetry, a caldicott.Asset) (DirectoryResult, error) {
	return s.run(ctx, call, encode, office{
		action: caldicott.RegisterAsset, organisation: call.By.OrgCode, said: a,
		texts: []caldicott.Text{{Field: "name", Value: a.Name}}, load: ownerOf(a.Owner),
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			a.ID, a.OrganisationID, a.OrgCode, a.Revision = d.newID(), d.organisation.ID, d.organisation.Code, 1
			d.result.Asset = a
			return caldicott.DirectoryRows{Assets: []caldicott.Asset{a}}, checkAsset(a, d.person)
		},
	})
}

// AmendAsset corrects the name or names another owner.
func (s *Service) AmendAsset(ctx context.Context, call Call, encode DirectoryRetry, a caldicott.Asset) (DirectoryResult, error) {
	was, err := s.Store.AssetByID(ctx, a.ID)
	if err != nil {
		return DirectoryResult{}, err
	}
	return s.run(ctx, call, encode, office{
		action: caldicott.AmendAsset, organisation: was.OrgCode, said: a, amends: true,
		texts: []caldicott.Text{{Field: "name", Value: a.Name}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			if d.asset, err = tx.AssetByID(ctx, a.ID); err != nil {
				return err
			}
			return ownerOf(a.Owner)(ctx, tx, d)
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			row := d.asset
			row.Name, row.Owner, row.Revision = a.Name, a.Owner, row.Revision+1
			d.result.Asset = row
			return caldicott.DirectoryRows{Assets: []caldicott.Asset{row}}, checkAsset(row, d.person)
		},
	})
}

// ownerOf loads who is to own an asset; a stranger is answered in its turn, by make.
func ownerOf(userID string) func(context.Context, caldicott.Tx, *desk) error {
	return func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
		if d.person, err = tx.PersonNamed(ctx, userID); caldicott.KindOf(err) == caldicott.NotFound {
			return nil
		}
		return err
	}
}

func checkAsset(a caldicott.Asset, owner caldicott.Actor) []caldicott.FieldError {
	var wrong []caldicott.FieldError
	if a.Name == "" {
		wrong = append(wrong, caldicott.FieldError{Field: "name", Code: caldicott.CodeRequired, Message: "must be given"})
	}
	if owner.UserID == "" || !owner.Active {
		wrong = append(wrong, caldicott.FieldError{Field: "owner", Code: caldicott.CodeField, Message: "names nobody who is enrolled"})
	}
	return wrong
}
