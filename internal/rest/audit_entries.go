package rest

import (
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/export"
)

// The parameters of whoever asks the log. The purpose must be given.
var (
	purpose = coded("purpose", "log_purpose")
	since   = param{"from", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	until   = param{"to", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	asAt    = param{"as_at", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	actor   = person("actor")
	about   = param{"request", "must be the id or the reference of a request", func(s string) bool { return api.IsID(s) || aReference.MatchString(s) }}
	action  = param{"action", "must be an action of the log", func(s string) bool { return slices.Contains(caldicott.Recorded(), caldicott.Action(s)) }}
	ended   = param{"outcome", "must be done or refused", func(s string) bool { return s == caldicott.OutcomeDone || s == caldicott.OutcomeRefused }}
	rule    = param{"rule", "must be the code of a rule, such as SD1 or V011", regexp.MustCompile(`^[A-Z0-9_]{1,40}$`).MatchString}
	subject = param{"subject", "must be an id", api.IsID}
	stream  = param{"stream", "must be a stream, such as policy or request:0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21", regexp.MustCompile(`^[a-z_]{1,40}(:[0-9a-z-]{1,40})?$`).MatchString}
	acting  = coded("acting", "role")
	sealed  = param{"sealed", "must be true or false", whether.form}
	digest  = param{"policy", "must be the digest of a policy: 64 hexadecimal digits", regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString}

	aReference = regexp.MustCompile(`^CG-[A-Z0-9]{1,10}-[0-9]{4}-[0-9]{1,10}$`)
)

var narrowing = []param{actor, about, action, ended, rule, subject, stream, acting, digest, sealed, since, until, asAt}

var entryList = list{name: "entries", key: noKey, id: isNumber, filters: append(slices.Clone(narrowing), purpose)}

// ofLog reads what is asked of the log, and for what purpose.
func (q query) ofLog() (LogAsked, casework.LogQuestion, error) {
	why, err := q.need(purpose)
	if err != nil {
		return LogAsked{}, casework.LogQuestion{}, err
	}
	question := casework.LogQuestion{Purpose: vocabulary.LogPurpose(why), Filter: caldicott.Filter{}}
	for _, p := range narrowing {
		if v, ok := q[p.name]; ok {
			question.Filter[p.name] = v
		}
	}
	asked := LogAsked{
		Actor: q[actor.name], Action: q[action.name], Outcome: q[ended.name], Rule: q[rule.name], Subject: q[subject.name],
		Stream: q[stream.name], Acting: q[acting.name], Policy: q[digest.name], Sealed: q[sealed.name],
		From: q.instant(since), To: q.instant(until), AsAt: q.instant(asAt),
	}
	if request := q[about.name]; api.IsID(request) {
		asked.Request = request
	} else {
		asked.Reference = request
	}
	if !asked.To.IsZero() && !asked.From.Before(asked.To) {
		return LogAsked{}, casework.LogQuestion{}, unreadable(until.name, "must be later than from")
	}
	return asked, question, nil
}

// grant narrows what is asked to what the caller may read.
func (s *service) grant(r *http.Request, a caldicott.Action, asked *LogAsked) (casework.LogGrant, error) {
	grant, err := s.Work.GrantLog(r.Context(), actorOf(r.Context()), a)
	asked.Organisations, asked.Own = grant.Organisations, grant.Own
	return grant, err
}

// listEntries shows a page of the log, the newest entry first.
func (s *service) listEntries(w http.ResponseWriter, r *http.Request) error {
	p, err := entryList.page(r)
	if err != nil {
		return err
	}
	asked, question, err := p.asked.ofLog()
	if err != nil {
		return err
	}
	grant, err := s.grant(r, caldicott.SearchLog, &asked)
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(p.after.ID, 10, 64) //nolint:errcheck // its form was checked; absent is 0
	rows, err := s.Trail.Page(r.Context(), asked, before, p.limit+1)
	if err != nil {
		return err
	}
	views := make([]api.AuditEntry, len(rows))
	for i := range rows {
		if views[i], err = entryView(&rows[i]); err != nil {
			return err
		}
	}
	if err := s.Work.LogSearched(r.Context(), grant, question, min(len(rows), p.limit)); err != nil {
		return err
	}
	place := func(e api.AuditEntry) (string, string) { return "", strconv.FormatInt(e.Entry, 10) }
	return writePage(w, r, p, views, place, func(e api.AuditEntry) api.AuditEntry { return e })
}

func entryView(r *export.Row) (api.AuditEntry, error) {
	place := api.AuditPlace{
		Entry: r.ID, Index: r.Index, Seq: r.Seq, Leaf: hex.EncodeToString(r.Leaf), RecordedAt: r.RecordedAt,
		Actor: r.Actor, Organisation: r.Organisation, Reference: r.Reference,
	}
	if r.Disposed != 0 {
		return api.FromDisposal(place, r.Disposed), nil
	}
	e, seq, err := r.Event()
	place.Seq = seq
	return api.FromLog(place, e), err
}

// showEntry shows one entry with the bytes that are hashed. Its words are for those who may read the case's.
func (s *service) showEntry(w http.ResponseWriter, r *http.Request) error {
	given, err := ask(r, purpose)
	if err != nil {
		return err
	}
	asked, question, err := given.ofLog()
	if err != nil {
		return err
	}
	number := chi.URLParam(r, "entry")
	if asked.Entry, err = strconv.ParseInt(number, 10, 64); err != nil || !isNumber(number) {
		return gone()
	}
	grant, err := s.grant(r, caldicott.SearchLog, &asked)
	if err != nil {
		return err
	}
	found, err := s.Trail.Wholes(r.Context(), asked, 1)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return s.Work.LogHidden(r.Context(), grant, question, asked.Entry)
	}
	view, err := s.entryWhole(r, grant, &found[0])
	if err != nil {
		return err
	}
	told := ""
	if view.Words != nil {
		told = view.Request
	}
	if err := s.Work.LogViewed(r.Context(), grant, question, asked.Entry, told); err != nil {
		return err
	}
	revision := 1
	if view.LeafIndex != nil {
		revision++
	}
	if view.Disposed != 0 {
		revision++
	}
	return shown(view, revision).write(w)
}

func (s *service) entryWhole(r *http.Request, grant casework.LogGrant, found *LogWhole) (api.AuditEntryView, error) {
	entry, err := entryView(&found.Row)
	if err != nil {
		return api.AuditEntryView{}, err
	}
	view := api.AuditEntryView{
		AuditEntry: entry, Canon: string(found.Canon), CheckpointSize: found.Checkpoint,
	}
	if !found.Detailed {
		return view, nil
	}
	reads, err := s.Work.ReadsWords(r.Context(), grant, entry.Request)
	if reads {
		view.Words = &api.AuditWords{Salt: hex.EncodeToString(found.Salt), Body: string(found.Body)}
		if found.Salt == nil {
			view.Words.ErasedAt = found.ErasedAt.UTC()
		}
	}
	return view, err
}
