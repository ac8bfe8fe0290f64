package casework

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// LogGrant is what somebody may read of the log: the entries about these organisations and, where Own, those that are about
// none: the service's own, and strangers' refusals.
type LogGrant struct {
	Organisations []string
	Own           bool

	by     caldicott.Actor
	acting caldicott.Appointment
	line   string
}

// GrantLog asks the policy whether somebody may search or export the log, and of which organisations. A refusal is on the
// record.
func (s *Service) GrantLog(ctx context.Context, by caldicott.Actor, a caldicott.Action) (LogGrant, error) {
	now := s.Now()
	grant := s.logGrant(by, a, caldicott.InForceAt(now))
	if by.Active && len(grant.Organisations) > 0 {
		return grant, nil
	}
	refusal := caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to ask the log.")
	lapsed := s.logGrant(by, a, func(a caldicott.Appointment) bool { return !a.Proposed() })
	if by.Active && len(lapsed.Organisations) > 0 {
		refusal = caldicott.Errorf(caldicott.Forbidden, caldicott.CodeAuthority, "No appointment of yours that lets you ask the log is in force.")
	}
	return LogGrant{}, s.record(ctx, refusal, caldicott.Event{
		Stream: accessStream(now), Action: a, Outcome: caldicott.OutcomeRefused, Rule: caldicott.CodeOf(refusal), At: now,
		Actor: by.ID, Organisation: by.OrganisationID, PolicyDigest: s.Policy.Digest(),
	})
}

// logGrant goes through the appointments that count. What one allows in an organisation, another may forbid there.
func (s *Service) logGrant(by caldicott.Actor, a caldicott.Action, counts func(caldicott.Appointment) bool) LogGrant {
	grant := LogGrant{by: by}
	for _, held := range by.Appointments {
		ruling := s.Policy.May(a, []caldicott.Standing{{Role: held.Role, Whose: caldicott.Organisation}})
		if !counts(held) || !ruling.Allowed || !s.Policy.May(a, officesAt(by, held.OrganisationID, counts)).Allowed {
			continue
		}
		if grant.acting.ID == "" {
			grant.acting, grant.line = held, ruling.Line
		}
		if !slices.Contains(grant.Organisations, held.OrganisationID) {
			grant.Organisations = append(grant.Organisations, held.OrganisationID)
		}
		grant.Own = grant.Own || held.Role == vocabulary.RoleAuditor || held.Role == vocabulary.RoleCaldicottGuardian
	}
	return grant
}

// officesAt are the standings that the appointments to one organisation give.
func officesAt(by caldicott.Actor, organisation string, counts func(caldicott.Appointment) bool) []caldicott.Standing {
	var list []caldicott.Standing
	for _, a := range by.Appointments {
		if a.OrganisationID == organisation && counts(a) {
			list = append(list, caldicott.Standing{Role: a.Role, Whose: caldicott.Organisation})
		}
	}
	return list
}

// LogQuestion is what was asked of the log, and for what purpose.
type LogQuestion struct {
	Purpose vocabulary.LogPurpose
	Filter  caldicott.Filter
}

// logEvent is an event about reading the log. Which filters were used is in the entry; what they were set to may name
// people, and is among its words, which can be erased.
func (s *Service) logEvent(g LogGrant, a caldicott.Action, q LogQuestion) caldicott.Event {
	now := s.Now()
	e := caldicott.Event{
		Stream: accessStream(now), Action: a, Outcome: caldicott.OutcomeDone, At: now, Actor: g.by.ID,
		Organisation: g.acting.OrganisationID, PolicyDigest: s.Policy.Digest(), PolicyLine: g.line,
		ActingAs: string(g.acting.Role), Appointment: g.acting.ID,
		Facts: map[string]string{"noun": "log", "purpose": string(q.Purpose)},
	}
	for name := range q.Filter {
		e.Facts["filter_"+name] = "given"
	}
	if len(q.Filter) > 0 {
		e.Detail = caldicott.Words(struct {
			Query caldicott.Filter `json:"query"`
		}{q.Filter})
	}
	return e
}

// LogSearched records that somebody searched the log, and how many entries they are about to be shown.
func (s *Service) LogSearched(ctx context.Context, g LogGrant, q LogQuestion, count int) error {
	e := s.logEvent(g, caldicott.Searched, q)
	e.Facts["count"] = strconv.Itoa(count)
	return s.record(ctx, nil, e)
}

// LogViewed records that somebody is about to read one entry; request is the one whose words they read with it, or "".
func (s *Service) LogViewed(ctx context.Context, g LogGrant, q LogQuestion, entry int64, request string) error {
	e := s.logEvent(g, caldicott.Viewed, q)
	e.Facts["entry"], e.Request = strconv.FormatInt(entry, 10), request
	return s.record(ctx, nil, e)
}

// LogHidden refuses an entry that somebody may not see, or that does not exist; they cannot tell which. That they asked is on
// the record.
func (s *Service) LogHidden(ctx context.Context, g LogGrant, q LogQuestion, entry int64) error {
	e := s.logEvent(g, caldicott.SearchLog, q)
	e.Outcome, e.Rule, e.Facts["entry"] = caldicott.OutcomeRefused, caldicott.CodeNotFound, strconv.FormatInt(entry, 10)
	return s.record(ctx, notFound(), e)
}

// ReadsWords says whether somebody may read the words of entries about a request: who handles it, as of its comments.
func (s *Service) ReadsWords(ctx context.Context, g LogGrant, request string) (bool, error) {
	if request == "" {
		return false, nil
	}
	c, err := s.Store.ReadCase(ctx, request)
	if err != nil {
		return false, err
	}
	now := s.Now()
	c.Pass(now)
	standings := caldicott.Standings(g.by, &c, "", caldicott.InForceAt(now))
	return s.Policy.May(caldicott.View, standings).Allowed &&
		s.Policy.May(caldicott.ViewComments, caldicott.Private(standings, &c, g.by.UserID)).Allowed, nil
}

// Stages of an export.
const (
	ExportBegun    = "begun"
	ExportFinished = "finished"
	ExportBroken   = "broken"
)

// ExportStream is where the entries of an export stand: that it began, and how it ended.
func ExportStream(id string) string { return "export:" + id }

// LogExport is a copy of entries that somebody takes away.
type LogExport struct {
	ID, Format string
	At         time.Time
	Checkpoint string // the newest signed one at its beginning; "" where the log is not signed
	Size       int64  // the log's size there

	grant LogGrant
	asked LogQuestion
}

// BeginExport puts on record that a copy is about to be taken.
func (s *Service) BeginExport(ctx context.Context, g LogGrant, q LogQuestion, x LogExport) (LogExport, error) {
	x.ID, x.At, x.grant, x.asked = s.NewID(), s.Now(), g, q
	return x, s.record(ctx, nil, s.exportEvent(x, ExportBegun))
}

// EndExport puts on record what the copy came to: how many rows, and the SHA-256 of its bytes in hexadecimal. One that broke
// off is recorded with what had been sent.
func (s *Service) EndExport(ctx context.Context, x LogExport, rows int64, digest string, broken bool) error {
	stage := ExportFinished
	if broken {
		stage = ExportBroken
	}
	e := s.exportEvent(x, stage)
	e.Digest, e.Facts["count"] = digest, strconv.FormatInt(rows, 10)
	e.Detail = caldicott.Words(ExportWords{Query: x.asked.Filter, Begun: x.At, Checkpoint: x.Checkpoint})
	return s.record(ctx, nil, e)
}

// ExportWords are the words of an export's last entry.
type ExportWords struct {
	Query      caldicott.Filter `json:"query"`
	Begun      time.Time        `json:"begun"`
	Checkpoint string           `json:"checkpoint,omitempty"`
}

func (s *Service) exportEvent(x LogExport, stage string) caldicott.Event {
	e := s.logEvent(x.grant, caldicott.Exported, x.asked)
	e.Stream, e.Subject = ExportStream(x.ID), x.ID
	e.Facts["format"], e.Facts["stage"] = x.Format, stage
	if x.Size > 0 {
		e.Facts["checkpoint"] = strconv.FormatInt(x.Size, 10)
	}
	return e
}

// LogBundled records that somebody is about to be given the entries beneath a tile, by its index and width.
func (s *Service) LogBundled(ctx context.Context, g LogGrant, q LogQuestion, index int64, width int) error {
	e := s.logEvent(g, caldicott.Exported, q)
	e.Facts["format"], e.Facts["bundle"], e.Facts["count"] = "bundle", strconv.FormatInt(index, 10), strconv.Itoa(width)
	return s.record(ctx, nil, e)
}

// LogStated records that a signed statement about a stretch of the log is about to be given: how many entries it counts, and
// the log's sizes at both ends.
func (s *Service) LogStated(ctx context.Context, g LogGrant, q LogQuestion, count, from, to int64) error {
	e := s.logEvent(g, caldicott.Exported, q)
	e.Facts["format"], e.Facts["count"] = "statement", strconv.FormatInt(count, 10)
	e.Facts["from_size"], e.Facts["to_size"] = strconv.FormatInt(from, 10), strconv.FormatInt(to, 10)
	return s.record(ctx, nil, e)
}
