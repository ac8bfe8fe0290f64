package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/pgtest"
)

var update = flag.Bool("update", false, "write the generated documents anew")

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// said is what a command did.
type said struct {
	code     int
	out, err string
}

// do runs the command line with just these settings.
func do(t *testing.T, environ []string, args ...string) said {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, environ, &out, &errs)
	return said{code, out.String(), errs.String()}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	t.Parallel()
	s := do(t, nil, "--help")
	for _, name := range []string{"serve", "migrate", "bootstrap", "token", "rehearse", "audit verify", "config", "version"} {
		if !strings.Contains(s.out, name) {
			t.Errorf("help does not name %s", name)
		}
	}
	if s.code != 0 {
		t.Errorf("help exits %d", s.code)
	}
}

func TestAnUnknownCommandIsRefused(t *testing.T) {
	t.Parallel()
	if s := do(t, nil, "approve-everything"); s.code == 0 || s.err == "" {
		t.Errorf("exit %d, said %q", s.code, s.err)
	}
}

func TestConfigHidesSecretsAndReadsThemFromFiles(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(secret, []byte("postgres://app:hush@db/caldicott\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := do(t, []string{"CALDICOTT_DATABASE_URL_FILE=" + secret, "CALDICOTT_CLOSURES=2026-12-24,2026-12-31"}, "config")
	if s.code != 0 || strings.Contains(s.out, "hush") || !strings.Contains(s.out, "CALDICOTT_DATABASE_URL=(hidden)") ||
		!strings.Contains(s.out, "[2026-12-24 2026-12-31]") {
		t.Errorf("exit %d, said %q %q", s.code, s.out, s.err)
	}
}

func TestAWrongSettingIsNamedAndItsValueIsNot(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"CALDICOTT_LOG_LEVEL":   {"CALDICOTT_LOG_LEVEL=hush"},
		"CALDICOTT_CLOSURES":    {"CALDICOTT_CLOSURES=hush"},
		"CALDICOTT_CONNECTIONS": {"CALDICOTT_CONNECTIONS=1"},
		"both given":            {"CALDICOTT_OWNER_URL=postgres://hush", "CALDICOTT_OWNER_URL_FILE=hush"},
	} {
		if s := do(t, environ, "config"); s.code == 0 || !strings.Contains(s.err, name) || strings.Contains(s.err, "hush\n") {
			t.Errorf("%s: exit %d, said %q", name, s.code, s.err)
		}
	}
}

func TestTheSettingsReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	const path = "../../docs/configuration.md"
	want := settingsReference()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/configuration.md is out of date (%v): go generate ./cmd/caldicott", err)
	}
}

func TestServeSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	if s := do(t, nil, "serve"); s.code == 0 || !strings.Contains(s.err, "CALDICOTT_DATABASE_URL") {
		t.Errorf("exit %d, said %q", s.code, s.err)
	}
}

func TestADemonstrationIsNeverRunBesideARealService(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"CALDICOTT_DATABASE_URL=postgres://db/x", "CALDICOTT_OIDC_ISSUER=https://login.example"} {
		s := do(t, []string{setting, "CALDICOTT_PG_DATA=" + t.TempDir()}, "serve", "--demonstration", "../../deploy/demonstration.json")
		if s.code == 0 || !strings.Contains(s.err, "never run beside") {
			t.Errorf("%s: exit %d, said %q", setting, s.code, s.err)
		}
	}
}

func TestBootstrapFoundsOnceAsOneEntry(t *testing.T) {
	t.Parallel()
	d := housetest.Database(t)
	environ := []string{"CALDICOTT_OWNER_URL=" + d.Superuser}
	if s := do(t, environ, "bootstrap", "../../deploy/demonstration.json"); s.code != 0 || !strings.Contains(s.out, "u-guardian is guardian") {
		t.Fatalf("exit %d, said %q %q", s.code, s.out, s.err)
	}
	if s := do(t, environ, "bootstrap", "../../deploy/demonstration.json"); s.code == 0 || !strings.Contains(s.err, "exist already") {
		t.Errorf("a second founding: exit %d, said %q", s.code, s.err)
	}
	db, err := sqlx.Open("postgres", d.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var entries, appointments, inForce int
	if err := db.QueryRow(`SELECT (SELECT count(*) FROM audit.entries), (SELECT count(*) FROM casework.appointments),
		(SELECT count(*) FROM casework.appointments WHERE confirmed_by IS NOT NULL)`).Scan(&entries, &appointments, &inForce); err != nil {
		t.Fatal(err)
	}
	if entries != 1 || appointments != 3 || inForce != 3 {
		t.Errorf("%d entries, %d appointments, %d of them confirmed; want 1, 3, 3", entries, appointments, inForce)
	}
}

func TestOnlyTheOwnerFounds(t *testing.T) {
	t.Parallel()
	s := do(t, []string{"CALDICOTT_OWNER_URL=" + housetest.AppURL(housetest.Database(t))}, "bootstrap", "../../deploy/demonstration.json")
	if s.code == 0 || !strings.Contains(s.err, "does not own it") {
		t.Errorf("the application's login: exit %d, said %q", s.code, s.err)
	}
}

func TestMigrateSaysHowFarTheSchemaIs(t *testing.T) {
	t.Parallel()
	environ := []string{"CALDICOTT_OWNER_URL=" + housetest.Database(t).Superuser}
	if s := do(t, environ, "migrate", "--status"); s.code != 0 || !strings.HasPrefix(s.out, "0 migrations") {
		t.Errorf("exit %d, said %q %q", s.code, s.out, s.err)
	}
	if s := do(t, nil, "migrate"); s.code == 0 || !strings.Contains(s.err, "CALDICOTT_OWNER_URL") {
		t.Errorf("without an owner: exit %d, said %q", s.code, s.err)
	}
}

func TestVerifyCannotTellWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := do(t, []string{"CALDICOTT_READER_URL=postgres://reader:hush@127.0.0.1:1/none?sslmode=disable"}, "audit", "verify")
	if s.code != exitUnknown || strings.Contains(s.err, "hush") {
		t.Errorf("exit %d, said %q", s.code, s.err)
	}
}

// rehearsal is a file with one case of somebody's own: strangers to the service, partial expectations.
func rehearsal(t *testing.T, steps, expected string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "own.json")
	document := `{"organisations":[{"code":"NEW77","name":"A trust nobody knows","type":"NHS_BODY"}],
		"actors":[{"user_id":"n-asker","display_name":"N","role":"REQUESTER","org_code":"NEW77"},
			{"user_id":"n-guardian","display_name":"G","role":"CALDICOTT_GUARDIAN","org_code":"NEW77"}],
		"scenarios":[{"id":"OWN1","title":"A question","kind":"ADVICE_ONLY","purpose_category":"REGULATION","urgency":"ROUTINE",
			"submitted_at":"2026-09-07T08:00:00Z","requester":{"user_id":"n-asker","org_code":"NEW77"},"sponsor_user_id":"n-unheard-of",
			"summary":"S","purpose":"P","is_individual_care":false,"identifiability":"NONE","steps":` + steps + `,"expected":` + expected + `}]}`
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const draftStep = `{"deed":"draft","actor":"n-asker","at":"2026-09-07T07:00:00Z","content":"scenario","state_after":"DRAFT"}`

func TestACaseNeverSeenBeforeIsRehearsed(t *testing.T) {
	t.Parallel()
	path := rehearsal(t, `[`+draftStep+`]`, `{"validation":[{"rule":"V017","severity":"BLOCK_APPROVE","field":"retention"}],"mandatory_consultees":[]}`)
	s := do(t, []string{"HOME=" + os.Getenv("HOME")}, "rehearse", "--json", path)
	var reports []fileReport
	if err := json.Unmarshal([]byte(s.out), &reports); err != nil || s.code != 0 || reports[0].Cases[0].Steps != 1 {
		t.Errorf("exit %d, said %q %q: %v", s.code, s.out, s.err, err)
	}
}

// A step may say what it needs; what nobody has heard of is a fault of the file.
func TestAStepThatNeedsWhatNobodyKnowsIsAFaultOfTheFile(t *testing.T) {
	t.Parallel()
	unknown := rehearsal(t, `[`+draftStep+`,{"deed":"submit","actor":"n-asker","at":"2026-09-07T08:00:00Z","needs":"magic"}]`, `{}`)
	if s := do(t, []string{"HOME=" + os.Getenv("HOME")}, "rehearse", unknown); s.code == 0 || !strings.Contains(s.err+s.out, "capability") {
		t.Errorf("an unknown capability: exit %d, said %q %q", s.code, s.out, s.err)
	}
}

func TestADifferenceIsPrintedAndExitsOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ steps, expected, says string }{
		"a finding that is not found":  {`[]`, `{"validation":[{"rule":"V004","severity":"BLOCK_APPROVE","field":"identifiability"}]}`, "V004"},
		"another state":                {`[{"deed":"draft","actor":"n-asker","at":"2026-09-07T07:00:00Z","content":"scenario","state_after":"SUBMITTED"}]`, `{}`, "state is DRAFT"},
		"a refusal that does not come": {`[{"deed":"draft","actor":"n-asker","at":"2026-09-07T07:00:00Z","content":"scenario","refused":{"status":403,"code":"SD1"}}]`, `{}`, "but was done"},
		"an unexpected refusal":        {`[` + draftStep + `,{"deed":"triage","actor":"n-asker","at":"2026-09-07T08:00:00Z"}]`, `{}`, "POLICY"},
		"an unknown key in a step":     {`[` + draftStep + `,{"deed":"submit","actor":"n-asker","at":"2026-09-07T08:00:00Z","stat_after":"SUBMITTED"}]`, `{}`, "stat_after"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := do(t, []string{"HOME=" + os.Getenv("HOME")}, "rehearse", rehearsal(t, c.steps, c.expected))
			if s.code != 1 || !strings.Contains(s.out, c.says) {
				t.Errorf("exit %d, said %q %q", s.code, s.out, s.err)
			}
		})
	}
}
