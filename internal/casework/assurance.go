package casework

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// standing is the body of an assurance.
type standing struct {
	Status  vocabulary.DSPT `json:"status"`
	ValidTo string          `json:"valid_to,omitempty"`
}

// RecordAssurance puts on record how another organisation stands under the Data Security and Protection Toolkit, as the
// caller's organisation has read it there. What is authorised to that organisation hangs on it.
func (s *Service) RecordAssurance(ctx context.Context, call Call, encode DirectoryRetry, orgCode string, status vocabulary.DSPT, validTo string) (DirectoryResult, error) {
	body := standing{status, validTo}
	return s.run(ctx, call, encode, office{
		action: caldicott.RecordAssurance, organisation: call.By.OrgCode, said: written{orgCode, body},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			var wrong []caldicott.FieldError
			if status == "" {
				wrong = append(wrong, caldicott.FieldError{Field: "status", Code: caldicott.CodeRequired, Message: "must be given"})
			}
			row := ledgerRow(d, caldicott.LedgerAssurance, orgCode, body)
			d.result.Assurance = caldicott.Assurance{ID: row.ID, OrgCode: orgCode, Status: status, ValidTo: validTo, By: d.by.UserID, At: d.now}
			return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{row}}, wrong
		},
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			return tx.Hear(ctx, d.organisation.ID, orgCode)
		},
	})
}

// Assurances gives what the person's organisation has on record of another's standing, oldest first.
func (s *Service) Assurances(ctx context.Context, by caldicott.Actor, orgCode string) ([]caldicott.Assurance, error) {
	if err := s.mayLookUp(by); err != nil {
		return nil, err
	}
	rows, err := s.Store.Ledger(ctx, by.OrganisationID, caldicott.LedgerAssurance, orgCode)
	if err != nil {
		return nil, err
	}
	list := make([]caldicott.Assurance, len(rows))
	for i, r := range rows {
		var body standing
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return nil, fmt.Errorf("assurance: %w", err)
		}
		list[i] = caldicott.Assurance{ID: r.ID, OrgCode: r.Subject, Status: body.Status, ValidTo: body.ValidTo, By: r.By, At: r.At}
	}
	return list, nil
}
