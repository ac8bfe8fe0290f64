package rehearse_test

import (
	"os"
	"path/filepath"
	"testing"
	_ "time/tzdata"

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
