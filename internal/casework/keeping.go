package casework

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// keepAtOnce is how many cases the keeper looks at in one go.
const keepAtOnce = 200

// Keep records what has come due on every case, and says how many it looked at. Each case is a transaction of its own: one
// that fails is left for the next time and holds up no other.
func (s *Service) Keep(ctx context.Context) (int, error) {
	var failed []error
	looked := 0
	for {
		ids, err := s.Store.Due(ctx, s.Now(), keepAtOnce)
		if err != nil {
			return looked, errors.Join(append(failed, err)...)
		}
		for _, id := range ids {
			if err := s.KeepCase(ctx, id); err != nil {
				failed = append(failed, fmt.Errorf("request %s: %w", id, err))
			}
			if ctx.Err() != nil {
				return looked, errors.Join(append(failed, ctx.Err())...)
			}
			looked++
		}
		if len(ids) < keepAtOnce || len(failed) > 0 {
			return looked, errors.Join(failed...)
		}
	}
}

// KeepCase records what has come due on one case.
func (s *Service) KeepCase(ctx context.Context, id string) error {
	return s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		c, err := tx.LockCase(ctx, id)
		if err != nil {
			return err
		}
		at := s.Now()
		if last := c.Done[len(c.Done)-1].At; at.Before(last) {
			at = last
		}
		if err := s.catchUp(ctx, tx, &c, at); err != nil {
			return err
		}
		return s.plan(ctx, tx, &c, at)
	})
}

// mostAtOnce bounds what is recorded of one case in one go; the rest follows at the next look.
const mostAtOnce = 500

// catchUp records, in the transaction of whatever comes next, everything that has come due on the case: what a date decided
// is on the record before anybody builds on it.
func (s *Service) catchUp(ctx context.Context, tx caldicott.Tx, c *caldicott.Case, at time.Time) error {
	for range mostAtOnce {
		agenda := s.House.Agenda(c, at)
		if len(agenda) == 0 || agenda[0].At.After(at) {
			return nil
		}
		t := &caldicott.Turn{House: s.House, Now: at, Case: c, NewID: s.NewID}
		t.Keep(agenda[0])
		if err := s.keepChange(ctx, tx, t); err != nil {
			return err
		}
	}
	return nil
}

// keepChange writes what the keeper recorded and tells of it.
func (s *Service) keepChange(ctx context.Context, tx caldicott.Tx, t *caldicott.Turn) error {
	t.Change.Event.PolicyDigest = s.Policy.Digest()
	if err := tx.SaveCase(ctx, t.Change); err != nil {
		return err
	}
	return s.tell(ctx, tx, t.Case, t.Now)
}

// follow does what every deed brings with it: people are told, what has come due by it is recorded, and it is written down
// what waits for whom.
func (s *Service) follow(ctx context.Context, tx caldicott.Tx, c *caldicott.Case, at time.Time) error {
	if c.Done[len(c.Done)-1].Deed == caldicott.Comment {
		return nil // nobody is told, and nothing waits for it
	}
	if err := s.tell(ctx, tx, c, at); err != nil {
		return err
	}
	if err := s.catchUp(ctx, tx, c, at); err != nil {
		return err
	}
	return s.plan(ctx, tx, c, at)
}

func (s *Service) plan(ctx context.Context, tx caldicott.Tx, c *caldicott.Case, at time.Time) error {
	var next time.Time
	if agenda := s.House.Agenda(c, at); len(agenda) > 0 {
		next = agenda[0].At
	}
	return tx.Plan(ctx, c.Request, s.House.Tasks(c, at), next)
}

// tell writes a notice for each person and webhook that the newest deed concerns, but for who did it.
func (s *Service) tell(ctx context.Context, tx caldicott.Tx, c *caldicott.Case, at time.Time) error {
	tellings := s.House.Tell(c, at)
	var roles []vocabulary.Role
	for _, t := range tellings {
		roles = append(roles, t.Roles...)
	}
	var audience []caldicott.Audience
	if len(roles) > 0 {
		var err error
		if audience, err = tx.Audience(ctx, c.Request.OrganisationID, roles, at); err != nil {
			return err
		}
	}
	done := c.Done[len(c.Done)-1]
	var notices []caldicott.Notice
	for _, t := range tellings {
		notice := func(recipient, endpoint string) caldicott.Notice {
			return caldicott.Notice{
				ID: s.NewID(), Event: t.Event, Wanted: t.Wanted, Recipient: recipient, Endpoint: endpoint,
				OrganisationID: c.Request.OrganisationID, RequestID: c.Request.ID, Reference: c.Request.Reference, State: t.State,
				Subject: cmp.Or(t.About, done.Subject), Due: t.Due, At: at,
				Key: done.ID + "/" + string(t.Event) + "/" + t.About + "/" + recipient + endpoint,
			}
		}
		for _, person := range t.Reached(audience) {
			if person != done.By {
				notices = append(notices, notice(person, ""))
			}
		}
		for _, endpoint := range s.Endpoints[c.Request.OrgCode] {
			n := notice("", endpoint)
			n.Wanted = ""
			notices = append(notices, n)
		}
	}
	return tx.Tell(ctx, notices)
}

// beginRenewal drafts the request that renew begins, in the same transaction.
func (m *move) beginRenewal(ctx context.Context) error {
	old, a := m.turn.Case, m.turn.Subject
	authorised, _ := old.Authorisation(a)
	fresh := caldicott.Case{Request: caldicott.Request{
		ID: m.turn.Begins, OrganisationID: old.Request.OrganisationID, OrgCode: old.Request.OrgCode, Requester: old.Request.Requester,
		Renews: a, CreatedAt: m.at,
	}}
	if m.turn.By.UserID != old.Request.Requester { // somebody who has left could never submit it
		person, err := m.tx.PersonNamed(ctx, old.Request.Requester)
		if err != nil {
			return err
		}
		if !person.Active {
			fresh.Request.Requester = m.turn.By.UserID
		}
	}
	t := &caldicott.Turn{
		House: m.service.House, By: m.turn.By, Acting: m.turn.Acting, Now: m.at, Guardians: m.turn.Guardians, Case: &fresh,
		Confirmed: old.Current.Confirmed, NewID: m.service.NewID,
	}
	left, err := old.Decided[authorised.Version].WithoutMarks()
	if err != nil {
		return err
	}
	left.Title = cmp.Or(left.Title, caldicott.ErasedMark) // a draft has a title, if only this one
	content := caldicott.Prefill(left, old.Assurances, caldicott.Today(m.at))
	content.Conflicts, content.Requester = nil, caldicott.Requester{Department: content.Requester.Department}
	if err := t.Take(caldicott.Drafting{Content: content}, nil); err != nil {
		return err
	}
	t.Change.Event.PolicyDigest, t.Change.Event.PolicyLine = m.service.Policy.Digest(), m.line
	if err := m.tx.SaveCase(ctx, t.Change); err != nil {
		return err
	}
	m.result = Result{Case: fresh, By: t.By, Guardians: t.Guardians, At: m.at, Subject: fresh.Request.ID}
	return m.service.follow(ctx, m.tx, &fresh, m.at)
}
