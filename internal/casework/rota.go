package casework

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Shift is somebody's time as emergency approver: from the one instant until just before the other.
type Shift struct {
	ID, OrgCode, UserID string
	From, To            time.Time
	By                  string
	At                  time.Time
	Ended               time.Time // zero unless it was ended early
	Revision            int
}

// Covers says whether the shift lasts at the instant.
func (x Shift) Covers(at time.Time) bool {
	return !at.Before(x.From) && at.Before(x.To) && (x.Ended.IsZero() || at.Before(x.Ended))
}

// times is the body of a shift, and of its end.
type times struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// records reads the ledger of an organisation, in a transaction or out of one.
type records interface {
	Ledger(ctx context.Context, organisationID string, kind caldicott.LedgerKind, subject string) ([]caldicott.LedgerRow, error)
}

// shiftsOf folds the rota of the organisation, in order of time.
func shiftsOf(ctx context.Context, store records, organisationID string) ([]Shift, error) {
	rows, err := store.Ledger(ctx, organisationID, caldicott.LedgerShift, "")
	if err != nil {
		return nil, err
	}
	ends, err := store.Ledger(ctx, organisationID, caldicott.LedgerShiftEnd, "")
	if err != nil {
		return nil, err
	}
	var shifts []Shift
	for _, r := range rows {
		var body times
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return nil, fmt.Errorf("shift: %w", err)
		}
		x := Shift{ID: r.ID, UserID: r.Subject, From: body.From.UTC(), To: body.To.UTC(), By: r.By, At: r.At, Revision: 1}
		for _, e := range ends {
			if e.Subject == r.ID {
				x.Ended, x.Revision = e.At, 2
			}
		}
		shifts = append(shifts, x)
	}
	slices.SortStableFunc(shifts, func(a, b Shift) int { return a.From.Compare(b.From) })
	return shifts, nil
}

func onDuty(shifts []Shift, userID string, at time.Time) bool {
	return slices.ContainsFunc(shifts, func(x Shift) bool { return x.UserID == userID && x.Covers(at) })
}

// Rota gives the shifts of the person's organisation that are not over at the instant; zero for all.
func (s *Service) Rota(ctx context.Context, by caldicott.Actor, notOver time.Time) ([]Shift, error) {
	if err := s.mayLookUp(by); err != nil {
		return nil, err
	}
	shifts, err := shiftsOf(ctx, s.Store, by.OrganisationID)
	for i := range shifts {
		shifts[i].OrgCode = by.OrgCode
	}
	return slices.DeleteFunc(shifts, func(x Shift) bool {
		return !notOver.IsZero() && (!x.To.After(notOver) || !x.Ended.IsZero() && !x.Ended.After(notOver))
	}), err
}

// Roster puts somebody on the rota of emergency approvers.
func (s *Service) Roster(ctx context.Context, call Call, encode DirectoryRetry, userID string, from, to time.Time) (DirectoryResult, error) {
	body := times{from.UTC(), to.UTC()}
	return s.run(ctx, call, encode, office{
		action: caldicott.Roster, organisation: call.By.OrgCode, said: written{userID, body},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			d.person, err = tx.PersonNamed(ctx, userID)
			if caldicott.KindOf(err) == caldicott.NotFound {
				return nil // answered in its turn, by make
			}
			return err
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			var wrong []caldicott.FieldError
			say := func(field, code, message string) {
				wrong = append(wrong, caldicott.FieldError{Field: field, Code: code, Message: message})
			}
			if d.person.UserID == "" || !d.person.Active || !d.person.Holds(vocabulary.RoleEmergencyApprover, d.organisation.ID, d.now) {
				say("person", caldicott.CodeField, "must name an emergency approver of the organisation")
			}
			if !to.After(from) || to.Sub(from) > longestShift {
				say("to", caldicott.CodeField, "must be after from, and by no more than a week")
			}
			row := ledgerRow(d, caldicott.LedgerShift, userID, body)
			d.result.Shift = Shift{
				ID: row.ID, OrgCode: d.organisation.Code, UserID: userID, From: from.UTC(), To: to.UTC(), By: d.by.UserID, At: d.now, Revision: 1,
			}
			return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{row}}, wrong
		},
	})
}

// longestShift keeps a slip of the pen from putting somebody on duty for a year.
const longestShift = 7 * 24 * time.Hour

// written is what the trail commits to of a record: the words of its row.
type written struct {
	Subject string
	Body    any
}

// ledgerRow makes a record of what somebody did.
func ledgerRow(d *desk, kind caldicott.LedgerKind, subject string, body any) caldicott.LedgerRow {
	return caldicott.LedgerRow{
		ID: d.newID(), OrganisationID: d.organisation.ID, Kind: kind, Subject: subject, By: d.by.UserID, Body: caldicott.Words(body), At: d.now,
	}
}

// EndShift takes somebody off duty at once.
func (s *Service) EndShift(ctx context.Context, call Call, encode DirectoryRetry, id, reason string) (DirectoryResult, error) {
	var shift Shift
	body := map[string]string{"reason": reason}
	return s.run(ctx, call, encode, office{
		action: caldicott.EndShift, organisation: call.By.OrgCode, said: written{id, body},
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			shifts, err := shiftsOf(ctx, tx, d.organisation.ID)
			i := slices.IndexFunc(shifts, func(x Shift) bool { return x.ID == id })
			if err == nil && i < 0 {
				return notFound()
			}
			if err == nil {
				shift = shifts[i]
			}
			return err
		},
		state: func(d *desk) string {
			if !shift.Ended.IsZero() || !shift.To.After(d.now) {
				return "The shift is over already."
			}
			return ""
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			var wrong []caldicott.FieldError
			if reason == "" {
				wrong = append(wrong, caldicott.FieldError{Field: "reason", Code: caldicott.CodeRequired, Message: "must be given"})
			}
			shift.OrgCode, shift.Ended, shift.Revision = d.organisation.Code, d.now, 2
			d.result.Shift = shift
			return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{ledgerRow(d, caldicott.LedgerShiftEnd, id, body)}}, wrong
		},
	})
}
