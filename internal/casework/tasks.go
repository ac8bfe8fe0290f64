package casework

import (
	"context"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Tasks gives what waits for the person, soonest first: by name, and by the roles that they hold now. A deputy holds theirs
// only while a delegation is in force.
func (s *Service) Tasks(ctx context.Context, by caldicott.Actor, afterDue, afterID string, limit int) ([]caldicott.TaskRow, error) {
	if !by.Active {
		return nil, nil
	}
	now := s.Now()
	asked := caldicott.TasksAsked{
		UserID: by.UserID, Now: now, AfterDue: afterDue, AfterID: afterID, Limit: limit, Denied: s.Reach(by, now).Denied,
	}
	for _, a := range by.Appointments {
		if !a.InForce(now) || a.Role == vocabulary.RoleDeputyGuardian && !deputises(by, a.OrganisationID, now) {
			continue
		}
		asked.Roles = append(asked.Roles, caldicott.RoleAt{Role: string(a.Role), OrganisationID: a.OrganisationID})
	}
	return s.Store.TasksOf(ctx, asked)
}

func deputises(by caldicott.Actor, organisationID string, at time.Time) bool {
	return slices.ContainsFunc(by.Delegations, func(d caldicott.Delegation) bool {
		return d.OrganisationID == organisationID && d.InForce(at)
	})
}

// Pace is how long requests of a kind took here, in working days from submission to decision.
type Pace struct {
	Requests    int
	Median, P80 float64
}

// The service's own history is told once there is enough of it, and from no more than the newest.
const (
	paceFrom = 20
	paceOf   = 200
)

// Pace works out the organisation's own history for a kind; false while there is too little of it.
func (s *Service) Pace(ctx context.Context, organisationID string, kind vocabulary.Kind) (Pace, bool, error) {
	spans, err := s.Store.Durations(ctx, organisationID, kind, paceOf)
	if err != nil || len(spans) < paceFrom {
		return Pace{}, false, err
	}
	days := make([]int, len(spans))
	for i, x := range spans {
		days[i] = s.House.Working(x.From, x.To)
	}
	slices.Sort(days)
	return Pace{Requests: len(days), Median: percentile(days, 50), P80: percentile(days, 80)}, true, nil
}

// percentile of sorted numbers, between the two nearest where it falls between them.
func percentile(sorted []int, percent int) float64 {
	place := float64(len(sorted)-1) * float64(percent) / 100
	low := int(place)
	if low+1 >= len(sorted) {
		return float64(sorted[len(sorted)-1])
	}
	return float64(sorted[low]) + (place-float64(low))*float64(sorted[low+1]-sorted[low])
}

// Notices gives what the person was told, the newest first, from before the one named.
func (s *Service) Notices(ctx context.Context, by caldicott.Actor, before string, limit int) ([]caldicott.Notice, error) {
	return s.Store.NoticesOf(ctx, by.UserID, before, limit)
}

// Undelivered gives the notices of the person's organisation that were given up.
func (s *Service) Undelivered(ctx context.Context, by caldicott.Actor, after string, limit int) ([]caldicott.Notice, error) {
	d := &desk{by: by, now: s.Now(), organisation: caldicott.OrganisationRecord{ID: by.OrganisationID}}
	o := office{action: caldicott.ResendNotice}
	if !s.Policy.May(o.action, o.standings(d, []string{by.OrganisationID}, false)).Allowed {
		return nil, caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to see this.")
	}
	return s.Store.Undelivered(ctx, by.OrganisationID, after, limit)
}

// ResendNotice puts a notice that was given up back in the queue.
func (s *Service) ResendNotice(ctx context.Context, call Call, encode DirectoryRetry, id string) (DirectoryResult, error) {
	return s.run(ctx, call, encode, office{
		action: caldicott.ResendNotice, organisation: call.By.OrgCode, said: map[string]string{"notice": id},
		make: func(*desk) (caldicott.DirectoryRows, []caldicott.FieldError) { return caldicott.DirectoryRows{}, nil },
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			d.result.Notice, err = tx.Resend(ctx, d.organisation.ID, id)
			return err
		},
	})
}

// LookUpShift finds one shift of the person's organisation.
func (s *Service) LookUpShift(ctx context.Context, by caldicott.Actor, id string) (Shift, error) {
	shifts, err := s.Rota(ctx, by, time.Time{})
	if err != nil {
		return Shift{}, err
	}
	if i := slices.IndexFunc(shifts, func(x Shift) bool { return x.ID == id }); i >= 0 {
		return shifts[i], nil
	}
	return Shift{}, notFound()
}

// LookUpSample finds one sample of the person's organisation.
func (s *Service) LookUpSample(ctx context.Context, by caldicott.Actor, id string) (Sample, error) {
	samples, err := s.Samples(ctx, by)
	if err != nil {
		return Sample{}, err
	}
	if i := slices.IndexFunc(samples, func(x Sample) bool { return x.ID == id }); i >= 0 {
		return samples[i], nil
	}
	return Sample{}, notFound()
}

// Renewed reads what a renewal would renew beside the renewal itself. Who may see the one may see what it came from.
func (s *Service) Renewed(ctx context.Context, by caldicott.Actor, id string) (before, after caldicott.Version, err error) {
	r, err := s.see(ctx, by, Target{caldicott.Requests, id}, caldicott.View)
	if err != nil {
		return before, after, err
	}
	if r.Case.Request.Renews == "" {
		return before, after, notFound()
	}
	old, err := s.Store.CaseOf(ctx, caldicott.Authorisations, r.Case.Request.Renews)
	if err != nil {
		return before, after, err
	}
	c, err := s.Store.ReadCase(ctx, old)
	if err != nil {
		return before, after, err
	}
	a, _ := c.Authorisation(r.Case.Request.Renews)
	before, err = s.Store.ReadVersion(ctx, old, a.Version)
	return before, r.Case.Current, err
}

// ShowPrivate reads what only those who handle a case see.
func (s *Service) ShowPrivate(ctx context.Context, by caldicott.Actor, target Target) (Result, error) {
	return s.see(ctx, by, target, caldicott.ViewComments)
}
