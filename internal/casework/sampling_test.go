package casework_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// The guardian looks again at a sample of what was decided at triage or by the express way.

// setAside is a request that the head set aside at triage; rule "" for none.
func (s *stage) setAside(content caldicott.Content, rule string) *scene {
	sc := s.scene("", content).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{})
	return sc.by("u-lead", caldicott.SettingAside{Outcome: vocabulary.OutcomeNotRequired, Reason: "Anonymous.", StandingRule: rule})
}

// express is a request put forward straight from triage, and decided.
func (s *stage) express(by string, d caldicott.Deciding) *scene {
	sc := s.scene("", pressing()).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{}, caldicott.PuttingForward{Recommendation: "Approve."})
	return sc.by(by, unconflicted, d)
}

// samples are the organisation's, as a guardian reads them.
func (s *stage) samples() []casework.Sample {
	s.t.Helper()
	samples, err := s.service.Samples(s.ctx, s.meet("u-guardian"))
	if err != nil {
		s.t.Fatal(whole(err))
	}
	return samples
}

// draw draws and gives the one sample that there is.
func (s *stage) draw() casework.Sample {
	s.t.Helper()
	if err := s.service.DrawSamples(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	all := s.samples()
	if len(all) != 1 {
		s.t.Fatalf("%d samples", len(all))
	}
	return all[0]
}

// repeated is the drawing done anew from what is on record: the decisions whose SHA-256 over seed and id come first, a tenth of
// them and at least three; the digest over all ids in order, one a line.
func repeated(t *testing.T, seed string, population []string) (drawn []string, digest string) {
	t.Helper()
	raw, err := hex.DecodeString(seed)
	if err != nil || len(raw) != 32 {
		t.Fatalf("the seed is %q", seed)
	}
	slices.Sort(population)
	var lines []byte
	for _, id := range population {
		lines = append(lines, id+"\n"...)
	}
	sum := sha256.Sum256(lines)
	ranked := slices.Clone(population)
	slices.SortFunc(ranked, func(a, b string) int {
		x, y := sha256.Sum256([]byte(string(raw)+a)), sha256.Sum256([]byte(string(raw)+b))
		return bytes.Compare(x[:], y[:])
	})
	n := len(population) / 10
	if len(population)%10 != 0 {
		n++
	}
	return ranked[:min(max(n, 3), len(ranked))], hex.EncodeToString(sum[:])
}

func TestAnybodyCanRepeatTheDrawingFromTheRecordedSeed(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	var population []string
	count := func(sc *scene) { population = append(population, sc.c.Decisions[0].ID) }
	s.until("2026-10-01", 0, 0, 0) // the quarter's first instant
	count(s.setAside(sound(), ""))
	for range 28 {
		s.clock.Put(s.clock.At().Add(3 * 24 * time.Hour))
		count(s.setAside(sound(), ""))
	}
	s.clock.Put(monday)
	for range 3 {
		count(s.express("u-guardian", decision(vocabulary.OutcomeApprove)))
	}
	s.express("u-guardian", decision(vocabulary.OutcomeRefuse)) // was not approved
	s.decidedOn("", decision(vocabulary.OutcomeApprove))        // went through consultation
	s.until("2026-12-31", 23, 59, 59)
	count(s.setAside(sound(), ""))
	s.until("2027-01-01", 0, 0, 0)
	s.setAside(sound(), "") // the next quarter's
	s.until("2027-01-04", 9, 0, 0)

	x := s.draw()
	want, digest := repeated(t, x.Seed, population)
	var drawn []string
	for _, d := range x.Drawn {
		drawn = append(drawn, d.Decision)
	}
	if x.Quarter != "2026-Q4" || x.Population != len(population) || x.Digest != digest || !slices.Equal(drawn, want) || len(want) != 4 {
		t.Errorf("of %d in %s drawn %q, want %q; digest %s, want %s", x.Population, x.Quarter, drawn, want, x.Digest, digest)
	}
	for _, d := range x.Drawn {
		if !slices.Contains(population, d.Decision) || d.Reference == "" || d.Kind == "" || d.DecidedBy == "" || d.Outcome == "" {
			t.Errorf("drawn: %+v", d)
		}
	}
	entries := written(t, s.superuser(), caldicott.DrawSample, "done")
	if len(entries) != 1 || entries[0].Facts["seed"] != x.Seed || entries[0].Facts["quarter"] != "2026-Q4" || entries[0].Subject != x.ID {
		t.Errorf("in the trail: %+v", entries)
	}
	for _, who := range []string{"u-auditor", "u-lead", "u-deputy"} {
		if again, err := s.service.Samples(s.ctx, s.people[who]); err != nil || len(again) != 1 || again[0].Seed != x.Seed {
			t.Errorf("%s reads %d samples: %v", who, len(again), err)
		}
	}
	for _, who := range []string{"u-officer", "u-asks", "u-admin", "u-foreign"} {
		if again, err := s.service.Samples(s.ctx, s.people[who]); len(again) > 0 {
			t.Errorf("%s reads %d samples: %v", who, len(again), err)
		}
	}
}

func TestAQuarterIsDrawnOnceByHoweverManyReplicasHoweverOften(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	for range 5 {
		s.setAside(sound(), "")
	}
	if err := s.service.DrawSamples(s.ctx); err != nil || len(s.samples()) != 0 {
		t.Errorf("before the quarter is over: %d samples, %v", len(s.samples()), err)
	}
	s.until("2027-01-04", 9, 0, 0)
	for _, err := range allAtOnce(6, func(int) error { return s.on(s.store).service.DrawSamples(s.ctx) }) {
		if err != nil {
			t.Errorf("a replica: %v", err)
		}
	}
	first := s.draw()
	if again := s.draw(); again.Seed != first.Seed || again.ID != first.ID {
		t.Errorf("drawn again: %+v", again)
	}
	if n := count(t, s.superuser(), `SELECT count(*) FROM casework.ledger WHERE kind = 'sample'`); n != 1 {
		t.Errorf("%d samples are on record (an organisation without any such decision has none)", n)
	}
	if n := count(t, s.superuser(), `SELECT count(*) FROM casework.notices WHERE event = 'SAMPLE_DRAWN' AND recipient = 'u-guardian-b'`); n != 1 {
		t.Errorf("the guardian was told %d times", n)
	}
	s.until("2027-04-05", 9, 0, 0)
	if err := s.service.DrawSamples(s.ctx); err != nil || len(s.samples()) != 1 {
		t.Errorf("a quarter in which nothing was set aside: %d samples, %v", len(s.samples()), err)
	}
}

// judge is the guardian's word on one decision of the sample.
func (s *stage) judge(by string, x casework.Sample, n int, agrees bool, reason string) error {
	_, err := s.service.JudgeSample(s.ctx, casework.Call{By: s.meet(by)}, nil, x.ID, x.Drawn[n].Decision, &agrees, reason)
	return err
}

func TestTwoDisagreementsSwitchAStandingRuleOffAndAReviewSwitchesItOn(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	for range 3 {
		s.setAside(sound(), "SR-1")
	}
	s.until("2027-01-04", 9, 0, 0)
	x := s.draw()
	kind := sound().Kind
	off := func() bool {
		rules, err := s.service.StandingRules(s.ctx, s.people["u-guardian"])
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(rules, func(r casework.StandingRule) bool { return r.Kind == kind && r.Off })
	}
	review := func(by, reason string) error {
		_, err := s.service.ReviewStandingRule(s.ctx, casework.Call{By: s.meet(by)}, nil, kind, reason)
		return err
	}
	say := func(n int, agrees bool, reason string) {
		t.Helper()
		s.clock.Put(s.clock.At().Add(time.Minute))
		if err := s.judge("u-guardian", x, n, agrees, reason); err != nil {
			t.Fatal(whole(err))
		}
	}
	looks := func() bool {
		return slices.ContainsFunc(tasks(s, "u-guardian-b"), func(r caldicott.TaskRow) bool { return r.Name == vocabulary.TaskReviewStandingRule })
	}
	say(0, false, "It named people.")
	if off() || looks() {
		t.Error("one disagreement switched the rule off")
	}
	say(1, false, "So did this.")
	if !off() || !looks() {
		t.Errorf("after two it is off: %v; a guardian is asked to look: %v", off(), looks())
	}
	sc := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{})
	byRule := caldicott.SettingAside{Outcome: vocabulary.OutcomeNotRequired, Reason: "Anonymous.", StandingRule: "SR-1"}
	if _, err := s.may("u-lead", sc.c, "", byRule); !slices.Equal(faults(err), []string{"standing_rule FIELD"}) {
		t.Errorf("set aside under a rule that is off: %v", whole(err))
	}
	if _, err := s.on(undoing{s.store}).may("u-lead", sc.c, "", caldicott.SettingAside{Outcome: vocabulary.OutcomeNotRequired, Reason: "Anonymous."}); !isUndone(err) {
		t.Errorf("set aside without a rule: %v", whole(err))
	}
	other := s.scene("", pressing()).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{})
	if _, err := s.on(undoing{s.store}).may("u-lead", other.c, "", byRule); !isUndone(err) {
		t.Errorf("another kind's rule is off too: %v", whole(err))
	}
	for by, want := range map[string]string{"u-lead": "POLICY", "u-auditor": "POLICY", "u-deputy-idle": "AUTHORITY", "u-asks": "POLICY"} {
		if err := review(by, "Fine."); code(err) != want {
			t.Errorf("switched on again by %s: %v, want %s", by, err, want)
		}
	}
	s.clock.Put(s.clock.At().Add(time.Minute))
	if err := review("u-deputy", "Mended."); err != nil || off() || looks() {
		t.Errorf("after the review it is off: %v; a guardian is still asked: %v (%v)", off(), looks(), whole(err))
	}
	sc.by("u-lead", byRule)
	say(2, false, "And this.")
	if off() {
		t.Error("one disagreement after the review switched it off: those before it count no more")
	}
}

// isUndone says that the deed would have been done.
func isUndone(err error) bool { return errors.As(err, new(undone)) }

func TestWhoJudgesASampledDecision(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.express("u-guardian", decision(vocabulary.OutcomeApprove))
	s.express("u-deputy", decision(vocabulary.OutcomeApprove))
	s.setAside(sound(), "")
	s.until("2027-01-04", 9, 0, 0)
	x := s.draw()
	of := func(who string) int {
		return slices.IndexFunc(x.Drawn, func(d caldicott.Samplable) bool { return d.DecidedBy == who })
	}
	for _, step := range []struct{ who, decided, want string }{
		{"u-guardian", "u-guardian", "SD5"}, // who took a decision does not look at it again
		{"u-deputy", "u-deputy", "SD5"},
		{"u-lead", "u-guardian", "POLICY"}, {"u-auditor", "u-guardian", "POLICY"}, {"u-asks", "u-guardian", "POLICY"},
		{"u-deputy-idle", "u-guardian", "AUTHORITY"},
		{"u-guardian-b", "u-guardian", ""}, {"u-guardian-b", "u-guardian", "STATE"}, {"u-guardian", "u-deputy", ""},
	} {
		if err := s.judge(step.who, x, of(step.decided), true, ""); code(err) != step.want {
			t.Errorf("%s on a decision of %s: %v, want %q", step.who, step.decided, err, step.want)
		}
	}
	if err := s.judge("u-guardian", x, of("u-lead"), false, ""); !slices.Equal(faults(err), []string{"reason REQUIRED"}) {
		t.Errorf("disagreed without a reason: %v", whole(err))
	}
	waiting := func() bool {
		return slices.ContainsFunc(tasks(s, "u-guardian-b"), func(r caldicott.TaskRow) bool { return r.Name == vocabulary.TaskJudgeSample })
	}
	if !waiting() {
		t.Error("with one decision still to be judged, nothing waits for the guardian")
	}
	if err := s.judge("u-guardian-b", x, of("u-lead"), true, ""); err != nil || waiting() {
		t.Errorf("with all judged it still waits: %v (%v)", waiting(), err)
	}
	var bodies []json.RawMessage
	if err := s.superuser().Select(&bodies, `SELECT body FROM casework.ledger WHERE kind = 'judgement'`); err != nil || len(bodies) != 3 {
		t.Errorf("%d judgements on record: %v", len(bodies), err)
	}
	if got := s.samples()[0].Judgements; len(got) != 3 {
		t.Errorf("the sample shows %+v", got)
	}
}
