package caldicott

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// lifecycle is the table of lifecycle.md, "Request: possible steps", with what the lines under it add: from, deed, to.
// "=" is: unchanged.
const lifecycle = `
	 | draft | DRAFT
	DRAFT | amend | =
	DRAFT | submit | SUBMITTED
	SUBMITTED | triage | TRIAGE
	TRIAGE IN_CONSULTATION IN_REVIEW | ask | AWAITING_INFORMATION
	AWAITING_INFORMATION | answer | TRIAGE
	TRIAGE | consult | IN_CONSULTATION
	IN_CONSULTATION READY_FOR_DECISION AWAITING_RATIFICATION IN_REVIEW DECIDED | consult | =
	IN_CONSULTATION TRIAGE READY_FOR_DECISION IN_REVIEW DECIDED AWAITING_RATIFICATION | advise | =
	IN_CONSULTATION READY_FOR_DECISION AWAITING_RATIFICATION IN_REVIEW DECIDED | waive | =
	TRIAGE IN_CONSULTATION | put_forward | READY_FOR_DECISION
	TRIAGE | set_aside | DECIDED
	READY_FOR_DECISION AWAITING_RATIFICATION | open | IN_REVIEW
	IN_REVIEW | hand_back | READY_FOR_DECISION
	IN_REVIEW | decide | DECIDED
	DRAFT SUBMITTED TRIAGE AWAITING_INFORMATION IN_CONSULTATION READY_FOR_DECISION IN_REVIEW | withdraw | WITHDRAWN
	DECIDED | resubmit | SUBMITTED
	DECIDED | close | CLOSED
	 | record_emergency | EMERGENCY_RECORDED
	EMERGENCY_RECORDED | seek_ratification | AWAITING_RATIFICATION
	DRAFT SUBMITTED TRIAGE AWAITING_INFORMATION IN_CONSULTATION READY_FOR_DECISION IN_REVIEW DECIDED EMERGENCY_RECORDED AWAITING_RATIFICATION WITHDRAWN CLOSED | comment | =
	DRAFT SUBMITTED TRIAGE AWAITING_INFORMATION IN_CONSULTATION READY_FOR_DECISION IN_REVIEW DECIDED EMERGENCY_RECORDED AWAITING_RATIFICATION WITHDRAWN CLOSED | disclose | =
	DRAFT SUBMITTED TRIAGE AWAITING_INFORMATION IN_CONSULTATION READY_FOR_DECISION IN_REVIEW DECIDED EMERGENCY_RECORDED AWAITING_RATIFICATION WITHDRAWN CLOSED | link_incident | =
	DRAFT SUBMITTED TRIAGE AWAITING_INFORMATION IN_CONSULTATION READY_FOR_DECISION IN_REVIEW DECIDED EMERGENCY_RECORDED AWAITING_RATIFICATION WITHDRAWN CLOSED | link_risk | =
	DRAFT SUBMITTED TRIAGE AWAITING_INFORMATION IN_CONSULTATION READY_FOR_DECISION IN_REVIEW DECIDED EMERGENCY_RECORDED AWAITING_RATIFICATION | attach | =
	DECIDED CLOSED | request_review | =
	DECIDED CLOSED | record_dissent | =
	DECIDED CLOSED | record_not_followed | =
`

type step struct {
	from State
	deed Action
	to   State
}

func stepsOfTheLifecycle(t *testing.T) []step {
	t.Helper()
	var steps []step
	for line := range strings.Lines(strings.TrimSpace(lifecycle)) {
		words := strings.Split(strings.TrimSpace(line), "|")
		if len(words) != 3 {
			t.Fatalf("%q", line)
		}
		froms := strings.Fields(words[0])
		if len(froms) == 0 {
			froms = []string{""}
		}
		for _, from := range froms {
			to := strings.TrimSpace(words[2])
			if to == "=" {
				to = from
			}
			steps = append(steps, step{State(from), Action(strings.TrimSpace(words[1])), State(to)})
		}
	}
	return steps
}

func TestTheMapIsTheLifecyclesTable(t *testing.T) {
	t.Parallel()
	want := map[step]bool{}
	for _, s := range stepsOfTheLifecycle(t) {
		if want[s] {
			t.Errorf("twice: %v", s)
		}
		want[s] = true
		if to, ok := Next(s.from, s.deed); !ok || to != s.to {
			t.Errorf("%s from %q leads to %q (%v), want %s", s.deed, s.from, to, ok, s.to)
		}
	}
	for from, deeds := range workflow {
		for deed, to := range deeds {
			if !want[step{from, deed, to}] {
				t.Errorf("%s from %q to %s is not in lifecycle.md", deed, from, to)
			}
		}
	}
}

func TestTheMapSpeaksOfEveryStateAndEveryDeedOnARequest(t *testing.T) {
	t.Parallel()
	states := States()
	if len(workflow) != len(states)+1 {
		t.Errorf("the map has %d states, there are %d and the unborn", len(workflow), len(states))
	}
	for _, s := range states {
		if _, ok := workflow[s]; !ok {
			t.Errorf("%s is missing", s)
		}
	}
	deeds := map[Action]bool{}
	for _, steps := range workflow {
		for a, to := range steps {
			deeds[a] = true
			if !slices.Contains(states, to) {
				t.Errorf("%s leads to %q, which is no state", a, to)
			}
			if !slices.Contains(RequestDeeds(), a) {
				t.Errorf("%s is no deed on a request", a)
			}
		}
	}
	for _, a := range RequestDeeds() {
		if !deeds[a] {
			t.Errorf("%s is possible nowhere", a)
		}
	}
	if _, ok := Next("NOWHERE", Submit); ok {
		t.Error("something is possible in a state that does not exist")
	}
}

func TestEveryStateCanBeReachedAndTheEndsAreEnds(t *testing.T) {
	t.Parallel()
	reached := map[State]bool{}
	for queue := []State{unborn}; len(queue) > 0; queue = queue[1:] {
		for _, to := range workflow[queue[0]] {
			if !reached[to] {
				reached[to] = true
				queue = append(queue, to)
			}
		}
	}
	for _, s := range States() {
		if !reached[s] {
			t.Errorf("nothing leads to %s", s)
		}
		end := true
		for _, to := range workflow[s] {
			end = end && to == s
		}
		if end != (s == closed || s == withdrawn) {
			t.Errorf("%s: end %v", s, end)
		}
	}
}

// The words of the map are the vocabulary's, so that nobody outside can meet a state that is explained nowhere.
func TestTheMapsStatesAreTheVocabularys(t *testing.T) {
	t.Parallel()
	words := vocabulary.Codes[State]("request_state")
	if len(words) == 0 {
		t.Fatal("the vocabulary has no request_state")
	}
	if !slices.Equal(words, States()) {
		t.Errorf("the vocabulary has %q, the map %q", words, States())
	}
}

func TestEveryDeedHasOneNameInSnakeCase(t *testing.T) {
	t.Parallel()
	seen := map[Action]bool{}
	for _, a := range Actions() {
		if seen[a] || !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(string(a)) {
			t.Errorf("%q", a)
		}
		seen[a] = true
	}
	for a := range guards {
		if !seen[a] {
			t.Errorf("a guard stands on %s, which is no deed", a)
		}
	}
}

// deedsOfAllKinds is every deed's body, empty.
func deedsOfAllKinds() []Deed {
	return []Deed{
		Drafting{}, Amending{}, Submitting{}, Triaging{}, Asking{}, Answering{}, Consulting{}, Advising{}, Waiving{}, PuttingForward{},
		SettingAside{}, Opening{}, HandingBack{}, Deciding{}, Withdrawing{}, Resubmitting{}, Closing{}, RecordingEmergency{},
		SeekingRatification{}, Commenting{}, Disclosing{}, RequestingReview{}, RecordingDissent{}, RecordingNotFollowed{}, LinkingIncident{},
		LinkingRisk{}, Attaching{}, InvitingReviewer{}, DecidingReview{}, AnsweringDissent{}, UpdatingIncident{}, ErasingDocument{},
		Suspending{}, Reinstating{}, Revoking{}, Completing{}, Varying{}, Renewing{}, RecordingSupport{}, SubmittingEvidence{},
		AcceptingEvidence{}, RejectingEvidence{}, WaivingCondition{}, BreachingCondition{},
	}
}

func TestEveryDeedOnACaseHasItsBody(t *testing.T) {
	t.Parallel()
	var have []Action
	for _, d := range deedsOfAllKinds() {
		have = append(have, d.Action())
	}
	want := slices.Concat(RequestDeeds(), HangingDeeds(), AuthorisationDeeds(), ConditionDeeds())
	if !slices.Equal(have, want) {
		t.Errorf("bodies for %q, deeds are %q", have, want)
	}
}
