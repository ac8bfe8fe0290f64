package casework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// remindAs is how the end of an office is told of.
type remindAs struct {
	event  vocabulary.Notice
	wanted vocabulary.Task
}

// RemindOffices tells people that a delegation or an appointment of theirs comes to its end: the deputy and the guardian who
// gave it, or who holds it and the head of information governance. Each reminder is told once, however often this runs.
func (s *Service) RemindOffices(ctx context.Context) error {
	now := s.Now()
	ending, err := s.Store.Ending(ctx, caldicott.Today(now), caldicott.DaysAfter(caldicott.Today(now), s.House.Clocks.OfficeReminders[0]))
	if err != nil {
		return err
	}
	var failed []error
	for _, x := range ending {
		if err := s.remindOffice(ctx, x, now); err != nil {
			failed = append(failed, fmt.Errorf("office %s: %w", x.ID, err))
		}
	}
	return errors.Join(failed...)
}

// remindOffice tells what has come due of one office.
func (s *Service) remindOffice(ctx context.Context, x caldicott.EndingOffice, now time.Time) error {
	as := remindAs{vocabulary.NoticeAppointmentEnding, vocabulary.TaskRenewAppointment}
	if x.Guardian != "" {
		as = remindAs{vocabulary.NoticeDelegationEnding, vocabulary.TaskRenewDelegation}
	}
	due, err := caldicott.EndOfDay(x.ValidTo)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		told := []string{x.UserID}
		if x.Guardian != "" {
			told = append(told, x.Guardian)
		} else {
			leads, err := tx.Audience(ctx, x.OrganisationID, []vocabulary.Role{vocabulary.RoleIgLead}, now)
			if err != nil {
				return err
			}
			for _, a := range leads {
				told = append(told, a.UserID)
			}
		}
		d := &desk{now: now, organisation: caldicott.OrganisationRecord{ID: x.OrganisationID}}
		var notices []caldicott.Notice
		for _, n := range s.House.Clocks.OfficeReminders {
			at, err := caldicott.StartOfDay(caldicott.DaysAfter(x.ValidTo, -n))
			if err != nil || now.Before(at) || !at.After(x.Since) {
				continue
			}
			for _, to := range told {
				notices = append(notices, s.officeNotice(d, as.event, as.wanted, to, x.ID, due, fmt.Sprintf("%s/%s/%d", x.ID, x.ValidTo, n)))
			}
		}
		return tx.Tell(ctx, notices)
	})
}
