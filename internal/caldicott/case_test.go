package caldicott

import (
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// history is a case to which deeds were done, an hour apart.
func history(deeds ...Done) *Case {
	c := &Case{Request: Request{ID: "r", State: drafting}, Current: Version{N: 1, Content: sound()}}
	for i, d := range deeds {
		d.At, d.From = hour(i), c.Request.State
		if i == 0 {
			d.From = unborn
		}
		if d.To == "" {
			d.To, _ = Next(d.From, d.Deed)
		}
		if d.Version == 0 {
			d.Version = 1
		}
		c.Request.State, c.Request.Version = d.To, d.Version
		c.Done = append(c.Done, d)
	}
	return c
}

func hour(i int) time.Time { return time.Date(2026, 10, 5, 9+i, 0, 0, 0, time.UTC) }

func TestACaseIsOpenedByOnePersonUntilItIsHandedBackOrPutForwardAgain(t *testing.T) {
	t.Parallel()
	by := func(a Action, who string) Done { return Done{Deed: a, By: who} }
	opened := []Done{by(Draft, "u-a"), by(Submit, "u-a"), by(Triage, "u-o"), by(Ask, "u-o"), by(Answer, "u-a"), by(Consult, "u-o"), by(PutForward, "u-o"), by(Open, "u-g")}
	for name, c := range map[string]struct {
		deeds []Done
		want  string
	}{
		"never":               {opened[:7], ""},
		"opened":              {opened, "u-g"},
		"commented since":     {append(opened[:8:8], by(Comment, "u-o")), "u-g"},
		"handed back":         {append(opened[:8:8], by(HandBack, "u-g")), ""},
		"opened by another":   {append(opened[:8:8], by(HandBack, "u-g"), by(Open, "u-d")), "u-d"},
		"asked and answered":  {append(opened[:8:8], by(Ask, "u-g"), by(Answer, "u-a"), by(Consult, "u-o"), by(PutForward, "u-o")), ""},
		"decided":             {append(opened[:8:8], by(Decide, "u-g")), "u-g"},
		"ratification sought": {[]Done{by(RecordEmergency, "u-a"), by(SeekRatification, "u-a")}, ""},
	} {
		if got := history(c.deeds...).OpenedBy(); got != c.want {
			t.Errorf("%s: opened by %q, want %q", name, got, c.want)
		}
	}
}

func TestACaseStaysHandedToWhomItWasEverHandedTo(t *testing.T) {
	t.Parallel()
	c := history(Done{Deed: Draft}, Done{Deed: HandBack, Target: "u-r", To: ready}, Done{Deed: Open}, Done{Deed: HandBack, Target: "u-d"})
	if !c.HandedTo("u-r") || !c.HandedTo("u-d") || c.HandedTo("u-x") || c.HandedTo("") {
		t.Error("handed to the wrong people")
	}
}

// The clock stands still while the requester has the ball, and a resubmission starts anew.
func TestPausesAreThoseOfTheCurrentRound(t *testing.T) {
	t.Parallel()
	c := history(Done{Deed: Draft}, Done{Deed: Submit}, Done{Deed: Triage}, Done{Deed: Ask}, Done{Deed: Comment}, Done{Deed: Answer}, Done{Deed: Ask})
	if got := c.Pauses(); len(got) != 2 || got[0] != (Pause{hour(3), hour(5)}) || got[1] != (Pause{From: hour(6)}) {
		t.Errorf("%v", got)
	}
	if !c.SubmittedAt().Equal(hour(1)) {
		t.Errorf("submitted at %v", c.SubmittedAt())
	}
	withdrawn := history(Done{Deed: Draft}, Done{Deed: Submit}, Done{Deed: Triage}, Done{Deed: Ask}, Done{Deed: Withdraw})
	if got := withdrawn.Pauses(); len(got) != 1 || !got[0].To.Equal(hour(4)) {
		t.Errorf("withdrawn: %v", got)
	}
	again := history(Done{Deed: Draft}, Done{Deed: Submit}, Done{Deed: Triage}, Done{Deed: Ask}, Done{Deed: Answer}, Done{Deed: Decide, To: decided}, Done{Deed: Resubmit, Version: 2})
	if got := again.Pauses(); len(got) != 0 || !again.SubmittedAt().Equal(hour(6)) {
		t.Errorf("resubmitted: %v since %v", got, again.SubmittedAt())
	}
}

func TestWhoeverHasAnsweredOrWasWaivedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c := &Case{
		Consultations: []Consultation{{Role: "DPO"}, {Role: "IAO"}, {Role: "SIRO"}},
		Advice:        []Advice{{Role: "DPO", Version: 1}}, Waivers: []Waiver{{Role: "IAO"}},
	}
	c.Request.Version = 3 // an answer on an earlier version counts (V021)
	got := c.Waiting([]vocabulary.Role{"IAO", "SIRO", "DPO", "CYBER"})
	if len(got) != 2 || got[0] != "SIRO" || got[1] != "CYBER" {
		t.Errorf("%v", got)
	}
}

func TestTheDecisionIsTheNewestThatDecidedTheRequest(t *testing.T) {
	t.Parallel()
	c := &Case{Decisions: []Decision{{N: 1, Outcome: "DEFER"}, {N: 2, Outcome: "APPROVE"}, {N: 3, Outcome: "SUSPEND"}, {N: 4, Outcome: "REVOKE"}}}
	if d, ok := c.Decision(); !ok || d.N != 2 {
		t.Errorf("%+v", d)
	}
	if _, ok := (&Case{Decisions: c.Decisions[2:]}).Decision(); ok {
		t.Error("a suspension decides no request")
	}
}

func TestAsOfLeavesOutWhatCameLater(t *testing.T) {
	t.Parallel()
	c := history(Done{Deed: Draft}, Done{Deed: Amend, Version: 2}, Done{Deed: Submit, Version: 2}, Done{Deed: Triage, Version: 2}, Done{Deed: SetAside, Version: 2})
	c.Request.Reference = "CG-TST01-2026-0001"
	c.Decisions = []Decision{{ID: "d", At: hour(4)}}
	c.Disclosures = []Disclosure{{ID: "x", DisclosedAt: hour(-5), RecordedAt: hour(3)}}
	c.Conditions, c.Authorisations = []Condition{{At: hour(4)}}, []Authorisation{{At: hour(4)}}
	c.Consultations, c.Advice, c.Waivers, c.Declarations = []Consultation{{At: hour(3)}}, []Advice{{At: hour(3)}}, []Waiver{{At: hour(3)}}, []Declaration{{At: hour(3)}}
	for i, want := range []struct {
		state     State
		version   int
		reference string
		decisions int
		others    int
	}{
		{drafting, 1, "", 0, 0}, {drafting, 2, "", 0, 0}, {submitted, 2, "CG-TST01-2026-0001", 0, 0},
		{triage, 2, "CG-TST01-2026-0001", 0, 5}, {decided, 2, "CG-TST01-2026-0001", 1, 7},
	} {
		for _, at := range []time.Time{hour(i), hour(i + 1).Add(-time.Microsecond)} {
			past, ok := c.AsOf(at)
			others := len(past.Consultations) + len(past.Advice) + len(past.Waivers) + len(past.Declarations) + len(past.Disclosures) + len(past.Conditions) + len(past.Authorisations)
			if !ok || past.Request.State != want.state || past.Request.Version != want.version || past.Request.Reference != want.reference ||
				len(past.Decisions) != want.decisions || others != want.others || len(past.Done) != i+1 {
				t.Errorf("as of %s: %+v with %d decisions, %d others (%v), want %+v", at.Format(time.TimeOnly), past.Request, len(past.Decisions), others, ok, want)
			}
		}
	}
	if _, ok := c.AsOf(hour(0).Add(-time.Microsecond)); ok {
		t.Error("it existed before it was begun")
	}
	if len(c.Done) != 5 || len(c.Decisions) != 1 || c.Request.State != decided {
		t.Error("looking back has changed the case")
	}
}
