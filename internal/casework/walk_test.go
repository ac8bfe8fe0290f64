package casework_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// seen is a request as somebody read it at an instant.
type seen struct {
	at   time.Time
	said string // everything that may not change in the past, as JSON
	auth map[string]vocabulary.AuthorisationState
	cond map[string]vocabulary.ConditionState
}

// walk is people doing this and that for months, and what was read after every deed.
type walk struct {
	*stage
	r        *rand.Rand
	cast     []member
	scenes   []*scene
	read     map[string][]seen // by request
	done     int
	refused  map[string]int
	deedDone map[caldicott.Action]int
}

// said is what a case says as it stands: without its revision, which counts writes, the contents of versions that later
// decisions were made on, and the database's time of entry, which the answer to a deed does not know yet.
func said(c caldicott.Case) string {
	c.Request.Revision, c.Decided, c.Decisions = 0, nil, slices.Clone(c.Decisions)
	for i := range c.Decisions {
		c.Decisions[i].EnteredAt = time.Time{}
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	var whole any
	if err := json.Unmarshal(b, &whole); err != nil {
		panic(err)
	}
	if b, err = json.MarshalIndent(pruned(whole), "", " "); err != nil {
		panic(err)
	}
	return string(b)
}

// pruned leaves out what is empty: an absent list and an empty one say the same.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x = pruned(x); x == nil {
				delete(v, k)
			} else {
				v[k] = x
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	case string:
		if v == "" {
			return nil
		}
	}
	return v
}

// unlike gives the lines in which two sayings differ.
func unlike(a, b string) string {
	var out []string
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(as), len(bs)) {
		x, y := "", ""
		if i < len(as) {
			x = strings.TrimSpace(as[i])
		}
		if i < len(bs) {
			y = strings.TrimSpace(bs[i])
		}
		if x != y {
			out = append(out, x+" / "+y)
		}
	}
	return strings.Join(out[:min(len(out), 6)], "; ")
}

func (w *walk) remember(c caldicott.Case, at time.Time) {
	s := seen{at: at, said: said(c), auth: map[string]vocabulary.AuthorisationState{}, cond: map[string]vocabulary.ConditionState{}}
	for _, a := range c.Authorisations {
		s.auth[a.ID] = c.AuthorisationState(a, at)
	}
	for _, x := range c.Conditions {
		s.cond[x.ID] = x.State(c.Done, at)
	}
	w.read[c.Request.ID] = append(w.read[c.Request.ID], s)
}

// content is a request of one of the kinds, with this and that different.
func (w *walk) content() caldicott.Content {
	c := sound()
	if w.r.IntN(5) > 1 {
		c = pressing() // which can be approved before everybody has answered
	}
	c.Title = fmt.Sprintf("%s %d", c.Title, w.r.IntN(1000))
	if w.r.IntN(4) == 0 {
		c.Retention = caldicott.Retention{}
	}
	return c
}

// step is one deed by somebody on something; most are possible in the state, many are refused.
func (w *walk) step() {
	w.clock.Put(w.clock.At().Add(time.Duration(1+w.r.IntN(10*60)) * time.Minute))
	if len(w.scenes) < 3 || w.r.IntN(25) == 0 {
		if w.r.IntN(4) == 0 {
			w.scenes = append(w.scenes, w.scene("", emergency(w.clock.At().Add(-time.Hour))))
		} else {
			w.scenes = append(w.scenes, w.scene("", w.content()))
		}
		sc := w.scenes[len(w.scenes)-1]
		w.remember(sc.c, sc.c.Request.CreatedAt)
		w.done++
		return
	}
	sc := w.scenes[len(w.scenes)-1-w.r.IntN(min(5, len(w.scenes)))]
	deeds := slices.DeleteFunc(caldicott.RequestDeeds(), func(a caldicott.Action) bool {
		_, possible := caldicott.Next(sc.c.Request.State, a)
		return a == caldicott.Draft || a == caldicott.RecordEmergency || !possible && w.r.IntN(12) > 0 ||
			(a == caldicott.Comment || a == caldicott.Disclose || a == caldicott.SetAside || a == caldicott.Close) && w.r.IntN(4) > 0 ||
			(a == caldicott.Withdraw || a == caldicott.HandBack) && w.r.IntN(12) > 0
	})
	for _, onward := range []caldicott.Action{caldicott.PutForward, caldicott.Open, caldicott.Decide} {
		if slices.Contains(deeds, onward) {
			deeds = append(deeds, onward, onward, onward)
		}
	}
	subject := ""
	if len(sc.c.Authorisations) > 0 && w.r.IntN(3) == 0 {
		x := sc.c.Authorisations[w.r.IntN(len(sc.c.Authorisations))]
		deeds, subject = w.likely(caldicott.AuthorisationDeeds(), func(a caldicott.Action) bool {
			return slices.Contains(permitFrom[a], sc.c.AuthorisationState(x, w.clock.At()))
		}), x.ID
	} else if len(sc.c.Conditions) > 0 && w.r.IntN(2) == 0 {
		x := sc.c.Conditions[w.r.IntN(len(sc.c.Conditions))]
		deeds, subject = w.likely(caldicott.ConditionDeeds(), func(a caldicott.Action) bool {
			return slices.Contains(demandFrom[a], x.State(sc.c.Done, w.clock.At()))
		}), x.ID
	}
	if len(deeds) == 0 {
		return
	}
	a := deeds[w.r.IntN(len(deeds))]
	m := w.somebody(sc, a)
	w.try(sc, m, subject, w.body(sc, a, m))
}

// likely leaves out most of what is not possible.
func (w *walk) likely(deeds []caldicott.Action, possible func(caldicott.Action) bool) []caldicott.Action {
	return slices.DeleteFunc(deeds, func(a caldicott.Action) bool { return !possible(a) && w.r.IntN(12) > 0 })
}

// somebody is most often one whom the lifecycle names for the deed.
func (w *walk) somebody(sc *scene, a caldicott.Action) member {
	var named []member
	for _, m := range w.cast {
		hats := sc.hats(m)
		if slices.ContainsFunc(whoMay[a], func(h hat) bool { return hats[h] }) {
			named = append(named, m)
		}
		if (a == caldicott.Decide || a == caldicott.HandBack) && sc.c.OpenedBy() == m.user {
			return m
		}
	}
	if len(named) == 0 || w.r.IntN(8) == 0 {
		return w.cast[w.r.IntN(len(w.cast))]
	}
	return named[w.r.IntN(len(named))]
}

// body is the matrix's, with more ways to decide.
func (w *walk) body(sc *scene, a caldicott.Action, m member) caldicott.Deed {
	switch a {
	case caldicott.Amend:
		return caldicott.Amending{Content: w.content()}
	case caldicott.Resubmit:
		return caldicott.Resubmitting{Content: w.content()}
	case caldicott.Answer:
		d := caldicott.Answering{Answers: []caldicott.Answered{{Question: 1, Text: "So."}}}
		if c := w.content(); w.r.IntN(2) == 0 && !sc.c.Request.Emergency {
			d.Content = &c
		}
		return d
	case caldicott.Consult:
		return caldicott.Consulting{Consultees: [][]vocabulary.Role{nil, {"LEGAL"}, {"DPO", "SIRO"}}[w.r.IntN(3)]}
	case caldicott.HandBack:
		return caldicott.HandingBack{Reason: "Conflict.", To: []string{"u-review", "u-deputy", "u-guardian-b"}[w.r.IntN(3)]}
	case caldicott.Disclose:
		return caldicott.Disclosing{
			Recipient: []string{"TST02", "0", "1", "TST09"}[w.r.IntN(4)], Method: vocabulary.TransferMethodMesh,
			DisclosedAt: w.clock.At().Add(-time.Duration(w.r.IntN(2000)) * time.Hour),
		}
	case caldicott.Decide:
		return w.decision(sc)
	case caldicott.Advise:
		d := sc.deed(a, m).(caldicott.Advising)
		d.View = []vocabulary.View{vocabulary.ViewSupport, vocabulary.ViewObject}[w.r.IntN(2)]
		return d
	}
	return sc.deed(a, m)
}

func (w *walk) decision(sc *scene) caldicott.Deciding {
	outcomes := []vocabulary.Outcome{"APPROVE", "APPROVE_WITH_CONDITIONS", "APPROVE_WITH_CONDITIONS", "REFUSE", "DEFER", "REFER", "ADVISE"}
	if sc.c.Request.Emergency {
		outcomes = []vocabulary.Outcome{"RATIFY", "RATIFY", "DECLINE_TO_RATIFY"}
	}
	d := decision(outcomes[w.r.IntN(len(outcomes))])
	day := func(days int) string { return caldicott.Today(w.clock.At().AddDate(0, 0, days)) }
	if d.ExpiryDate != "" {
		d.ReviewDate, d.ExpiryDate = day(3+w.r.IntN(5)), day(8+w.r.IntN(20))
	}
	if d.Outcome != "APPROVE" && w.r.IntN(2) == 0 || d.Outcome == "APPROVE_WITH_CONDITIONS" {
		types := []vocabulary.ConditionType{"PRECEDENT", "ONGOING", "DEADLINE", "ON_COMPLETION"}
		x := caldicott.ConditionAsked{Type: types[w.r.IntN(4)], Text: "Show it.", Owner: "u-owner"}
		if x.Type == "DEADLINE" {
			x.Due = day(w.r.IntN(5))
		}
		d.Conditions = []caldicott.ConditionAsked{x}
		if sc.c.Content().Retention.Period == "" && d.Outcome == "APPROVE_WITH_CONDITIONS" {
			d.Conditions = append(d.Conditions, caldicott.ConditionAsked{Type: "PRECEDENT", Text: "Say how long.", Owner: "u-owner", Resolves: []vocabulary.Rule{vocabulary.RuleV017}})
		}
	}
	return d
}

func (w *walk) try(sc *scene, m member, subject string, d caldicott.Deed) {
	before := said(sc.c)
	r, err := w.may(m.user, sc.c, subject, d)
	if err != nil {
		w.refused[code(err)]++
		if kind := caldicott.KindOf(err); kind == caldicott.Internal || kind == caldicott.Unavailable {
			w.t.Errorf("%s by %s: %v", d.Action(), m.user, whole(err))
		}
		if now, err := w.store.ReadCase(w.ctx, sc.c.Request.ID); err != nil || said(now) != before {
			w.t.Errorf("%s by %s was refused and changed something (%v): %s", d.Action(), m.user, err, unlike(before, said(now)))
		}
		return
	}
	switch d := d.(type) {
	case caldicott.HandingBack:
		sc.handedTo = d.To
	case caldicott.Consulting:
		for _, x := range r.Case.Consultations {
			sc.did = append(sc.did, deedBy{caldicott.Consult, m.user, x.Role})
		}
	}
	w.done++
	w.deedDone[d.Action()]++
	sc.c = r.Case
	w.remember(r.Case, r.At)
	if now, err := w.store.ReadCase(w.ctx, sc.c.Request.ID); err != nil || said(now) != said(r.Case) || now.Request.Revision != r.Case.Request.Revision {
		w.t.Errorf("%s by %s: what was answered is not what is kept (%v): %s", d.Action(), m.user, err, unlike(said(r.Case), said(now)))
	}
}

func TestWhateverPeopleDoTheRecordHoldsTogether(t *testing.T) {
	t.Parallel()
	walks := make([]*walk, 3)
	t.Run("walks", func(t *testing.T) {
		for seed := range walks {
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				t.Parallel()
				cast := slices.DeleteFunc(everybody(), func(m member) bool { return m.inactive })
				s := open(t, cast...)
				w := &walk{stage: s, r: rand.New(rand.NewPCG(uint64(seed), 7)), cast: cast, read: map[string][]seen{}, refused: map[string]int{}, deedDone: map[caldicott.Action]int{}}
				walks[seed] = w
				for range 500 {
					w.step()
				}
				for _, sc := range w.scenes {
					w.holdsTogether(t, sc)
				}
			})
		}
	})
	done := map[caldicott.Action]int{}
	for _, w := range walks {
		for a, n := range w.deedDone {
			done[a] += n
		}
	}
	if want := len(whoMay) - 2; len(done) < want {
		t.Errorf("only %d kinds of deed were done, want %d: this proves little (%v; refused %v)", len(done), want, done, walks[0].refused)
	}
}

// holdsTogether holds a request against its deeds, and against what was read of it.
func (w *walk) holdsTogether(t *testing.T, sc *scene) {
	t.Helper()
	id := sc.c.Request.ID
	c, err := w.store.ReadCase(w.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	w.folds(t, c)
	dense(t, w.superuser(), id)
	for _, s := range w.read[id] {
		past, err := w.service.Show(w.ctx, w.people["u-lead"], casework.Target{Noun: caldicott.Requests, ID: id}, casework.Moment{AsOf: s.at})
		if err != nil {
			t.Fatalf("as of %s: %v", s.at, err)
		}
		if got := said(past.Case); got != s.said {
			t.Errorf("as of %s it was read and is shown otherwise: %s", s.at, unlike(s.said, got))
		}
		for _, a := range past.Case.Authorisations {
			if got := c.AuthorisationState(a, s.at); got != s.auth[a.ID] || past.Case.AuthorisationState(a, s.at) != got {
				t.Errorf("the authorisation was %s at %s and is shown as %s", s.auth[a.ID], s.at, got)
			}
		}
		for _, x := range past.Case.Conditions {
			if got := x.State(c.Done, s.at); got != s.cond[x.ID] {
				t.Errorf("the condition was %s at %s and is shown as %s", s.cond[x.ID], s.at, got)
			}
		}
	}
	if _, existed := c.AsOf(c.Request.CreatedAt.Add(-time.Microsecond)); existed {
		t.Error("the request existed before it was begun")
	}
	for _, a := range c.Authorisations {
		for hours := 0; hours < 60*24; hours += 7 {
			at := a.At.Add(time.Duration(hours) * time.Hour)
			if got, want := c.AuthorisationState(a, at), authorisationAt(c, a, at); got != want {
				t.Errorf("authorisation %+v at %s: %s, want %s", a, at, got, want)
			}
		}
	}
	for _, d := range c.Disclosures {
		if want := exceptionOf(c, d); d.Exception != want {
			t.Errorf("disclosure %+v is an exception %q, want %q", d, d.Exception, want)
		}
	}
}

// folds says that the request's row follows from its deeds.
func (w *walk) folds(t *testing.T, c caldicott.Case) {
	t.Helper()
	state, version, revision, decisions := caldicott.State(""), 0, 0, 0
	for i, d := range c.Done {
		to, ok := caldicott.Next(state, d.Deed)
		if onSomething := slices.Contains(caldicott.AuthorisationDeeds(), d.Deed) || slices.Contains(caldicott.ConditionDeeds(), d.Deed); onSomething {
			to, ok = state, true
		}
		if !ok || d.From != state || d.To != to || d.Version < version {
			t.Errorf("deed %d, %s, leads from %s to %s in version %d; the one before left %s in %d", i, d.Deed, d.From, d.To, d.Version, state, version)
		}
		if i > 0 && !d.At.After(c.Done[i-1].At) {
			t.Errorf("deed %d, %s, was done at %s, the one before at %s", i, d.Deed, d.At, c.Done[i-1].At)
		}
		state, version = d.To, d.Version
		switch d.Deed {
		case caldicott.Comment, caldicott.Disclose:
		default:
			if _, moves := caldicott.Next(d.From, d.Deed); moves {
				revision++
			}
		}
		if d.Deed == caldicott.Decide || d.Deed == caldicott.SetAside || d.Deed == caldicott.Suspend || d.Deed == caldicott.Revoke {
			decisions++
		}
	}
	r := c.Request
	if r.State != state || r.Version != version || r.Revision != revision || c.Current.N != version || len(c.Decisions) != decisions {
		t.Errorf("the request is %+v with content %d and %d decisions; its deeds say %s, version %d, revision %d, %d decisions", r, c.Current.N, len(c.Decisions), state, version, revision, decisions)
	}
	for i, d := range c.Decisions {
		if d.N != i+1 || d.EnteredAt.IsZero() || i > 0 && !d.EnteredAt.After(c.Decisions[i-1].EnteredAt) {
			t.Errorf("decision %d has number %d and was entered at %s", i+1, d.N, d.EnteredAt)
		}
	}
}

// london is where days begin and end.
func london(at time.Time) string {
	place, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err)
	}
	return at.In(place).Format(time.DateOnly)
}

// authorisationAt is lifecycle.md, "Authorisation": the first that holds.
func authorisationAt(c caldicott.Case, a caldicott.Authorisation, at time.Time) vocabulary.AuthorisationState {
	happened := func(subject string, deed caldicott.Action) (last time.Time) {
		for _, d := range c.Done {
			if d.Subject == subject && d.Deed == deed && !d.At.After(at) {
				last = d.At
			}
		}
		return last
	}
	pending := slices.ContainsFunc(c.Conditions, func(x caldicott.Condition) bool {
		satisfied := happened(x.ID, caldicott.AcceptEvidence).After(happened(x.ID, caldicott.BreachCondition))
		return x.Authorisation == a.ID && x.Type == "PRECEDENT" && !satisfied && happened(x.ID, caldicott.WaiveCondition).IsZero()
	})
	switch day := london(at); {
	case !happened(a.ID, caldicott.Revoke).IsZero():
		return "REVOKED"
	case !happened(a.ID, caldicott.Complete).IsZero(), a.Ratifies != "":
		return "COMPLETED"
	case a.ExpiryDate != "" && day > a.ExpiryDate:
		return "EXPIRED"
	case happened(a.ID, caldicott.Suspend).After(happened(a.ID, caldicott.Reinstate)):
		return "SUSPENDED"
	case pending:
		return "PENDING_CONDITIONS"
	case a.ReviewDate != "" && day >= a.ReviewDate:
		return "REVIEW_DUE"
	}
	return "ACTIVE"
}

// exceptionOf is lifecycle.md, "In force": who and when is covered, by what was known when it was recorded.
func exceptionOf(c caldicott.Case, d caldicott.Disclosure) vocabulary.ExceptionReason {
	if c.Request.Emergency && d.RecordedAt.Equal(c.Request.CreatedAt) {
		return "BEFORE_AUTHORISATION"
	}
	then, _ := c.AsOf(d.RecordedAt)
	if len(then.Authorisations) == 0 {
		return "NO_AUTHORISATION"
	}
	a := then.Authorisations[len(then.Authorisations)-1]
	if state := authorisationAt(then, a, d.DisclosedAt); d.DisclosedAt.Before(a.At) || state != "ACTIVE" && state != "REVIEW_DUE" {
		return "NOT_IN_FORCE"
	}
	if d.Recipient != "TST02" && d.Recipient != "0" {
		return "RECIPIENT_NOT_COVERED"
	}
	return ""
}
