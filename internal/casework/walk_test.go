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
	stale    map[*scene]bool // cases to which something may have been done from elsewhere
}

// said is what a case says as it stands: without its revision, which counts writes, the contents of versions that later
// decisions were made on, what the organisation has on record of others, and the database's time of entry, which the answer to
// a deed does not know yet.
func said(c caldicott.Case) string {
	c.Request.Revision, c.Decided, c.Assurances, c.Decisions = 0, nil, nil, slices.Clone(c.Decisions)
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
	if w.r.IntN(4) == 0 {
		c.Legal = supported(w.day(90 + w.r.IntN(60))).Legal
	}
	c.Title = fmt.Sprintf("%s %d", c.Title, w.r.IntN(1000))
	if w.r.IntN(4) == 0 {
		c.Retention = caldicott.Retention{}
	}
	return c
}

// day is the Europe/London day so many days from now.
func (w *walk) day(days int) string { return london(w.clock.At().AddDate(0, 0, days)) }

// pass lets time go by: minutes and hours, now and then days, and once in a while months.
func (w *walk) pass() {
	by := time.Duration(1+w.r.IntN(10*60)) * time.Minute
	switch w.r.IntN(120) {
	case 0:
		by += time.Duration(20+w.r.IntN(50)) * 24 * time.Hour
	case 1, 2, 3, 4, 5, 6:
		by += time.Duration(1+w.r.IntN(9)) * 24 * time.Hour
	}
	w.clock.Put(w.clock.At().Add(by))
}

// step is one deed by somebody on something; most are possible in the state, many are refused.
func (w *walk) step() {
	w.pass()
	switch {
	case len(w.scenes) < 3 || w.r.IntN(25) == 0:
		w.start()
		return
	case w.r.IntN(15) == 0:
		w.keep()
	case w.r.IntN(40) == 0:
		w.assure()
	}
	sc := w.scenes[len(w.scenes)-1-w.r.IntN(min(5, len(w.scenes)))]
	if authorised := slices.DeleteFunc(slices.Clone(w.scenes), func(sc *scene) bool { return !w.open(sc) }); len(authorised) > 0 && w.r.IntN(2) == 0 {
		sc = authorised[w.r.IntN(len(authorised))]
	}
	w.fresh(sc)
	deeds, subject := w.choice(sc)
	if len(deeds) == 0 {
		return
	}
	a := deeds[w.r.IntN(len(deeds))]
	m := w.somebody(sc, a, subject)
	w.try(sc, m, subject, w.body(sc, a, m, subject))
}

// elsewhere notes that something was done from which something may follow on any case.
func (w *walk) elsewhere() {
	for _, sc := range w.scenes {
		w.stale[sc] = true
	}
}

// fresh reads the case anew, if it may have changed.
func (w *walk) fresh(sc *scene) {
	if w.stale[sc] {
		sc.now()
		delete(w.stale, sc)
	}
}

// open says whether something is authorised that is still open, as far as was seen when somebody last did something there.
func (w *walk) open(sc *scene) bool {
	return slices.ContainsFunc(sc.c.Authorisations, func(a caldicott.Authorisation) bool {
		return slices.Contains(openStates, sc.c.AuthorisationState(a, w.clock.At()))
	})
}

// start begins another request; every other one comes to a decision without a detour.
func (w *walk) start() {
	w.clock.Step = time.Second
	defer func() { w.clock.Step = 0 }()
	var sc *scene
	switch w.r.IntN(7) {
	case 0:
		sc = w.scene("", emergency(w.clock.At().Add(-time.Hour)))
	case 1, 2, 3:
		sc = w.scene("", w.content())
	default:
		content, d := sound(), decision(vocabulary.OutcomeApproveWithConditions)
		if w.r.IntN(3) == 0 {
			content = supported(w.day(90 + w.r.IntN(60)))
		}
		d.ReviewDate, d.ExpiryDate, d.Conditions = w.day(1+w.r.IntN(10)), w.day(11+w.r.IntN(60)), []caldicott.ConditionAsked{w.condition()}
		if w.r.IntN(5) == 0 {
			d = deferredUntil(w.day(w.r.IntN(9)))
		}
		sc = w.answered("", content).by("u-guardian", unconflicted, d)
	}
	w.scenes = append(w.scenes, sc)
	w.remember(sc.c, w.clock.At())
	w.done++
}

// assure puts on record how the recipient stands under the Toolkit.
func (w *walk) assure() {
	status, until := vocabulary.DSPTStandardsMet, w.day(w.r.IntN(30))
	if w.r.IntN(3) == 0 {
		status, until = vocabulary.DSPTStandardsNotMet, ""
	}
	w.clock.Put(w.clock.At().Add(time.Second)) // nothing else is done at that instant
	defer func() { w.clock.Put(w.clock.At().Add(time.Second)) }()
	w.elsewhere()
	if _, err := w.service.RecordAssurance(w.ctx, casework.Call{By: w.people["u-officer"]}, nil, "TST02", status, until); err != nil {
		w.t.Errorf("assurance: %v", whole(err))
	}
}

// keep lets the keeper look at everything; nothing that has come due is left.
func (w *walk) keep() {
	if _, err := w.service.Keep(w.ctx); err != nil {
		w.t.Errorf("the keeper: %v", err)
	}
	w.elsewhere()
	for _, sc := range w.scenes[max(0, len(w.scenes)-8):] {
		w.fresh(sc)
		c := sc.c
		if left := w.service.House.Agenda(&c, w.clock.At()); len(left) > 0 && !left[0].At.After(w.clock.At()) {
			w.t.Errorf("the keeper left %+v, which had come due", left[0])
		}
	}
}

// choice is what could be done next on the request, or on something of it: most of it possible.
func (w *walk) choice(sc *scene) (deeds []caldicott.Action, subject string) {
	c := &sc.c
	switch w.r.IntN(7) {
	case 0, 1, 2:
		if len(c.Authorisations) > 0 {
			x := c.Authorisations[w.r.IntN(len(c.Authorisations))]
			return w.likely(caldicott.AuthorisationDeeds(), func(a caldicott.Action) bool {
				return slices.Contains(permitFrom[a], c.AuthorisationState(x, w.clock.At()))
			}), x.ID
		}
	case 3, 4:
		if len(c.Conditions) > 0 {
			x := c.Conditions[w.r.IntN(len(c.Conditions))]
			met := []caldicott.Action{caldicott.SubmitEvidence, caldicott.SubmitEvidence, caldicott.AcceptEvidence, caldicott.AcceptEvidence}
			return w.likely(append(met, caldicott.ConditionDeeds()...), func(a caldicott.Action) bool {
				return slices.Contains(demandFrom[a], x.State(c.Done, w.clock.At()))
			}), x.ID
		}
	case 5:
		if hanging := w.hanging(c); len(hanging) > 0 {
			d := hanging[w.r.IntN(len(hanging))]
			noun := map[caldicott.Action]caldicott.Noun{
				caldicott.RequestReview: caldicott.Reviews, caldicott.RecordDissent: caldicott.Dissents, caldicott.Attach: caldicott.Documents,
			}[d.Deed]
			if noun == "" {
				noun = caldicott.Incidents
			}
			return slices.DeleteFunc(caldicott.HangingDeeds(), func(a caldicott.Action) bool {
				return hangsOn[a] != noun || a == caldicott.InviteReviewer && w.r.IntN(3) > 0
			}), d.ID
		}
	}
	deeds = slices.DeleteFunc(caldicott.RequestDeeds(), func(a caldicott.Action) bool {
		_, possible := caldicott.Next(c.Request.State, a)
		seldom := slices.Contains([]caldicott.Action{
			caldicott.Comment, caldicott.Disclose, caldicott.SetAside, caldicott.RecordNotFollowed,
			caldicott.RecordDissent, caldicott.LinkRisk, caldicott.LinkIncident, caldicott.Attach, caldicott.Amend, caldicott.Consult, caldicott.Advise, caldicott.Ask,
		}, a)
		return a == caldicott.Draft || a == caldicott.RecordEmergency || !possible && w.r.IntN(12) > 0 || seldom && w.r.IntN(6) > 0 ||
			(a == caldicott.Withdraw || a == caldicott.HandBack) && w.r.IntN(12) > 0
	})
	for _, onward := range []caldicott.Action{
		caldicott.Submit, caldicott.Triage, caldicott.SeekRatification, caldicott.PutForward, caldicott.Open, caldicott.Decide,
	} {
		if slices.Contains(deeds, onward) {
			deeds = append(deeds, onward, onward, onward)
		}
	}
	return deeds, ""
}

// hanging are the deeds that made what hangs on the request.
func (w *walk) hanging(c *caldicott.Case) []caldicott.Done {
	return slices.DeleteFunc(slices.Clone(c.Done), func(d caldicott.Done) bool {
		breach := d.Deed == caldicott.BreachCondition && d.Details.Report != nil
		return !breach && !slices.Contains([]caldicott.Action{
			caldicott.RequestReview, caldicott.RecordDissent, caldicott.LinkIncident, caldicott.Attach,
		}, d.Deed)
	})
}

// likely leaves out most of what is not possible.
func (w *walk) likely(deeds []caldicott.Action, possible func(caldicott.Action) bool) []caldicott.Action {
	return slices.DeleteFunc(deeds, func(a caldicott.Action) bool { return !possible(a) && w.r.IntN(12) > 0 })
}

// somebody is most often one whom the lifecycle names for the deed.
func (w *walk) somebody(sc *scene, a caldicott.Action, subject string) member {
	var named []member
	dissent, _ := sc.c.Dissent(subject)
	against, _ := sc.c.DecisionOf(dissent.Decision)
	for _, m := range w.cast {
		if a == caldicott.AnswerDissent && against.DecidedBy == m.user && w.r.IntN(4) > 0 {
			return m
		}
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
func (w *walk) body(sc *scene, a caldicott.Action, m member, subject string) caldicott.Deed {
	if d := w.laterBody(sc, a, subject); d != nil {
		return d
	}
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
		d := caldicott.Disclosing{
			Recipient: []string{"TST02", "0", "1", "TST09"}[w.r.IntN(4)], Method: vocabulary.TransferMethodMesh,
			DisclosedAt: w.clock.At().Add(-time.Duration(w.r.IntN(2000)) * time.Hour),
		}
		if n := len(sc.c.Authorisations); n > 1 {
			d.Authorisation = sc.c.Authorisations[w.r.IntN(n)].ID
		}
		return d
	case caldicott.Decide:
		return w.decision(sc)
	case caldicott.Advise:
		d := sc.deed(a, m).(caldicott.Advising)
		d.View = []vocabulary.View{vocabulary.ViewSupport, vocabulary.ViewObject}[w.r.IntN(2)]
		return d
	}
	return sc.deed(a, m)
}

// laterBody is what is said of what was decided; nil for other deeds.
func (w *walk) laterBody(sc *scene, a caldicott.Action, subject string) caldicott.Deed {
	aware := w.clock.At().Add(-time.Duration(w.r.IntN(100)) * time.Hour)
	authorised := ""
	if n := len(sc.c.Authorisations); n > 0 && w.r.IntN(4) > 0 {
		authorised = sc.c.Authorisations[w.r.IntN(n)].ID
	}
	switch a {
	case caldicott.Submit:
		if sc.c.Request.Renews != "" && w.r.IntN(8) > 0 {
			return renewed
		}
	case caldicott.Vary:
		d := caldicott.Varying{Rationale: "Anew.", Principles: judged(), ReviewDate: w.day(1 + w.r.IntN(10)), ExpiryDate: w.day(11 + w.r.IntN(60))}
		if w.r.IntN(3) == 0 {
			d.Conditions = []caldicott.ConditionAsked{w.condition()}
		}
		return d
	case caldicott.RecordSupport:
		status := []vocabulary.S251Status{"FULL_SUPPORT", "FULL_SUPPORT", "EXPIRED"}[w.r.IntN(3)]
		return caldicott.RecordingSupport{Support: caldicott.Support{Status: status, AnnualReviewDue: w.day(w.r.IntN(40))}}
	case caldicott.RequestReview:
		return caldicott.RequestingReview{Ground: vocabulary.ReviewGroundErrorOfLaw, Reviewer: []string{"", "", "u-foreign", "u-review-idle"}[w.r.IntN(4)]}
	case caldicott.InviteReviewer:
		return caldicott.InvitingReviewer{Reviewer: []string{"u-review", "u-foreign", "u-review-idle"}[w.r.IntN(3)], Reason: "Not free."}
	case caldicott.DecideReview:
		d := caldicott.DecidingReview{Outcome: []vocabulary.Outcome{"REVIEW_UPHELD", "REVIEW_VARIED", "REVIEW_OVERTURNED"}[w.r.IntN(3)], Reason: "Weighed."}
		if d.Outcome == "REVIEW_VARIED" && w.r.IntN(2) == 0 {
			d.Conditions, d.ReviewDate, d.ExpiryDate = []caldicott.ConditionAsked{w.condition()}, w.day(5), w.day(9+w.r.IntN(30))
		}
		return d
	case caldicott.LinkIncident:
		return caldicott.LinkingIncident{Report: caldicott.IncidentReport{Number: "INC-1", AwareAt: &aware, Authorisation: authorised, Suspends: authorised != ""}}
	case caldicott.UpdateIncident:
		if w.r.IntN(2) == 0 {
			return caldicott.UpdatingIncident{Report: caldicott.IncidentReport{ReportedAt: &aware}}
		}
	case caldicott.BreachCondition:
		if w.r.IntN(2) == 0 {
			return caldicott.BreachingCondition{Text: "Broken.", Incident: "INC-2", AwareAt: &aware}
		}
	case caldicott.LinkRisk:
		return caldicott.LinkingRisk{Risk: caldicott.Risking{Register: vocabulary.RiskRegisterBoardAssuranceFramework, Reference: "BAF-1", Authorisation: authorised}}
	}
	return nil
}

// condition is one of any type.
func (w *walk) condition() caldicott.ConditionAsked {
	types := []vocabulary.ConditionType{"PRECEDENT", "PRECEDENT", "ONGOING", "DEADLINE", "DEADLINE", "ON_COMPLETION"}
	x := caldicott.ConditionAsked{Type: types[w.r.IntN(len(types))], Text: "Show it.", Owner: "u-owner"}
	if x.Type == "DEADLINE" {
		x.Due = w.day(w.r.IntN(5))
	}
	return x
}

func (w *walk) decision(sc *scene) caldicott.Deciding {
	outcomes := []vocabulary.Outcome{
		"APPROVE", "APPROVE", "APPROVE_WITH_CONDITIONS", "APPROVE_WITH_CONDITIONS", "APPROVE_WITH_CONDITIONS", "APPROVE_WITH_CONDITIONS", "REFUSE", "DEFER", "DEFER", "REFER", "ADVISE",
	}
	if sc.c.Request.Emergency {
		outcomes = []vocabulary.Outcome{"RATIFY", "RATIFY", "DECLINE_TO_RATIFY"}
	}
	if sc.c.Request.Renews != "" {
		outcomes = []vocabulary.Outcome{"RENEW", "RENEW", "APPROVE", "APPROVE_WITH_CONDITIONS", "REFUSE"}
	}
	d := decision(outcomes[w.r.IntN(len(outcomes))])
	switch {
	case d.ExpiryDate != "":
		d.ReviewDate, d.ExpiryDate = w.day(1+w.r.IntN(10)), w.day(11+w.r.IntN(60))
	case d.Outcome == "DEFER" || d.Outcome == "REFER":
		d.ReviewDate = w.day(w.r.IntN(12))
	}
	if d.Outcome != "APPROVE" && w.r.IntN(2) == 0 || d.Outcome == "APPROVE_WITH_CONDITIONS" {
		d.Conditions = []caldicott.ConditionAsked{w.condition()}
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
	switch d.Action() {
	case caldicott.RequestReview, caldicott.InviteReviewer:
		sc.sentTo = append(sc.sentTo, sentTo(r.Case))
	case caldicott.Renew:
		if r.Case.Request.Renews != subject || r.Case.Request.State != "DRAFT" || r.Case.Request.Requester != "u-asks" {
			w.t.Errorf("renewing began %+v", r.Case.Request)
		}
		sc.now()
		w.remember(sc.c, r.At)
		sc = &scene{stage: w.stage, mandatory: sc.mandatory, pressing: sc.pressing}
		w.scenes = append(w.scenes, sc)
	}
	sc.c = r.Case
	w.stale[sc] = len(r.Case.Authorisations) > 0 // what is on record of its recipients is not in the answer
	if r.Case.Request.Renews != "" && len(r.Case.Authorisations) > 0 {
		w.elsewhere()
	}
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
				w := &walk{stage: s, r: rand.New(rand.NewPCG(uint64(seed), 7)), cast: cast, read: map[string][]seen{}, refused: map[string]int{}, deedDone: map[caldicott.Action]int{}, stale: map[*scene]bool{}}
				walks[seed] = w
				for range 300 {
					w.step()
				}
				w.keep()
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
	var never []caldicott.Action
	for a := range whoMay {
		if done[a] == 0 {
			never = append(never, a)
		}
	}
	if len(never) > 2 {
		t.Errorf("never done: %q: this proves little (%v; refused %v)", never, done, walks[0].refused)
	}
	for _, a := range []caldicott.Action{
		caldicott.Activate, caldicott.Expire, caldicott.FallDue, caldicott.Trip, caldicott.Supersede, caldicott.Remind, caldicott.Escalate, "lapse",
	} {
		if done[a] == 0 {
			t.Errorf("the keeper never had to record %s: this proves little (%v)", a, done)
		}
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
	for i, s := range w.read[id] {
		if i%2 == 1 && i < len(w.read[id])-3 {
			continue // the others show the same
		}
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
		for hours := 0; hours < 75*24; hours += 11 {
			at := a.At.Add(time.Duration(hours) * time.Hour)
			if got, want := c.AuthorisationState(a, at), w.authorisationAt(c, a, at); got != want {
				t.Errorf("authorisation %+v at %s: %s, want %s (touched %v, ended %v)", a, at, got, want, touches(c, a), w.endedAt(c, a, at))
				break
			}
		}
		w.recorded(t, c, a)
	}
	once := map[string]bool{}
	for _, d := range c.Done {
		key := string(d.Deed) + " " + d.Subject + " " + d.Details.Moment
		if d.By == "" && d.Deed == caldicott.Close {
			w.deedDone["lapse"]++
		} else if d.By == "" {
			w.deedDone[d.Deed]++
		}
		if d.By == "" && (once[key] || d.Details.Dated == nil || d.Details.Dated.After(d.At)) {
			t.Errorf("the keeper recorded %s twice, or before it was so: %+v", key, d)
		}
		once[key] = once[key] || d.By == ""
	}
	for _, d := range c.Disclosures {
		if want := w.exceptionOf(c, d); d.Exception != want {
			t.Errorf("disclosure %+v is an exception %q, want %q", d, d.Exception, want)
		}
	}
}

// folds says that the request's row follows from its deeds.
func (w *walk) folds(t *testing.T, c caldicott.Case) {
	t.Helper()
	state, version, revision, decisions := caldicott.State(""), 0, 0, 0
	for i, d := range c.Done {
		to, ok := leads(c, d, state)
		if !ok || d.From != state || d.To != to || d.Version < version {
			t.Errorf("deed %d, %s, leads from %s to %s in version %d; the one before left %s in %d", i, d.Deed, d.From, d.To, d.Version, state, version)
		}
		if i > 0 {
			before := c.Done[i-1]
			atOnce := (d.By == "" || before.By == "") && d.At.Equal(before.At) // the keeper records beside somebody's deed
			if !atOnce && !d.At.After(before.At) {
				t.Errorf("deed %d, %s, was done at %s, the one before at %s", i, d.Deed, d.At, before.At)
			}
		}
		state, version = d.To, d.Version
		if moves(d) {
			revision++
		}
		if slices.Contains(makesDecision, d.Deed) {
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

// leads is where a deed leads the request: by the map, or nowhere; a review that did not let a decision stand opens it again.
func leads(c caldicott.Case, d caldicott.Done, from caldicott.State) (to caldicott.State, ok bool) {
	result, _ := c.DecisionOf(d.Target)
	_, hangs := hangsOn[d.Deed]
	switch {
	case d.By == "" && d.Deed == caldicott.Close:
		return vocabulary.StateClosed, from == vocabulary.StateDecided
	case d.By == "":
		return from, slices.Contains(caldicott.KeeperDeeds(), d.Deed)
	case d.Deed == caldicott.DecideReview && from == vocabulary.StateClosed && result.Outcome != vocabulary.OutcomeReviewUpheld:
		return vocabulary.StateDecided, true
	case hangs, slices.Contains(caldicott.AuthorisationDeeds(), d.Deed), slices.Contains(caldicott.ConditionDeeds(), d.Deed):
		return from, true
	}
	return caldicott.Next(from, d.Deed)
}

// moves says whether a deed makes what somebody has read of the request stale.
func moves(d caldicott.Done) bool {
	if d.By == "" {
		return false // what the keeper records was true before
	}
	switch d.Deed {
	case caldicott.Advise, caldicott.RequestReview, caldicott.InviteReviewer, caldicott.DecideReview:
		return true
	}
	_, ofRequest := caldicott.Next(d.From, d.Deed)
	return ofRequest && !slices.Contains(onlyAdds, d.Deed)
}

// london is where days begin and end.
func london(at time.Time) string {
	place, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err)
	}
	return at.In(place).Format(time.DateOnly)
}
