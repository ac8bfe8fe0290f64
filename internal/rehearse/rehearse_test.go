package rehearse_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	_ "time/tzdata"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/pgtest"
	"github.com/caldicott/caldicott/internal/rehearse"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// files are the scenarios as they were given, and the house's own rehearsals.
func files(t testing.TB) []string {
	t.Helper()
	own, err := filepath.Glob("../../testdata/rehearsals/*.json")
	if err != nil || len(own) == 0 {
		t.Fatalf("no rehearsals: %v", err)
	}
	return append([]string{"../../testdata/scenarios.json"}, own...)
}

func read(t testing.TB, path string) rehearse.File {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := rehearse.Read(r)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return f
}

func player(t testing.TB, h *housetest.House) rehearse.Player {
	t.Helper()
	return rehearse.Player{House: h.House, Policy: h.Policy, NewID: house.NewID}
}

func TestEveryRehearsalComesOutAsWritten(t *testing.T) {
	t.Parallel()
	h := housetest.New(t)
	for _, path := range files(t) {
		f := read(t, path)
		p := player(t, h)
		for _, difference := range p.CheckGuard(f) {
			t.Errorf("%s: %s", filepath.Base(path), difference)
		}
		for _, c := range f.Cases {
			report, err := p.Play(t.Context(), f, c, h.DB)
			if err != nil {
				t.Errorf("%s %s: %v", filepath.Base(path), c.ID, err)
			}
			for _, d := range report.Differences {
				t.Errorf("%s %s: %s", filepath.Base(path), c.ID, d)
			}
		}
	}
}

// TestEveryKindDeedOutcomeAndDutyIsRehearsed keeps the written cases complete: whoever adds a deed adds a case.
func TestEveryKindDeedOutcomeAndDutyIsRehearsed(t *testing.T) {
	t.Parallel()
	kinds, deeds, outcomes, refusals := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, path := range files(t) {
		for _, c := range read(t, path).Cases {
			var content caldicott.Content
			if err := json.Unmarshal(c.Content, &content); err != nil {
				t.Fatal(err)
			}
			kinds[string(content.Kind)] = true
			for _, s := range c.Steps {
				if s.Refused != nil {
					refusals[s.Refused.Code] = true
					continue
				}
				var outcome string
				if raw := s.Body["outcome"]; raw != nil {
					if err := json.Unmarshal(raw, &outcome); err != nil {
						t.Fatal(err)
					}
				}
				deeds[string(s.Deed)], outcomes[outcome] = true, true
			}
		}
	}
	need := func(what string, have map[string]bool, names ...string) {
		for _, name := range names {
			if !have[name] {
				t.Errorf("%s %s is never rehearsed", what, name)
			}
		}
	}
	need("kind", kinds, vocabulary.Codes[string]("request_kind")...)
	for _, a := range slices.Concat(caldicott.RequestDeeds(), caldicott.AuthorisationDeeds(), caldicott.ConditionDeeds()) {
		need("deed", deeds, string(a))
	}
	need("deed", deeds, "enrol", "appoint", "confirm_appointment", "end_appointment", "delegate", "accept_delegation", "revoke_delegation")
	need("outcome", outcomes, "APPROVE", "APPROVE_WITH_CONDITIONS", "REFUSE", "DEFER", "REFER", "ADVISE", "NOT_REQUIRED", "OUT_OF_REMIT",
		"RATIFY", "DECLINE_TO_RATIFY")
	need("refusal", refusals, "SD1", "SD2", "SD3", "SD4", "SD6", "SD7", "SD8", "SD9", "SD10", "SD11", "SD12", "POLICY", "AUTHORITY",
		"STATE", "NOT_FOUND", "CP", "REQUIRED", "CONDITION", "V013")
}
