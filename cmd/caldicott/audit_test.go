package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/anchor"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/rehearse"
)

// kept is a stage on which everything is committed, as in service.
type kept struct{ store caldicott.Store }

func (k kept) Rehearse(_ context.Context, f func(caldicott.Store) error) error { return f(k.store) }

// sealed is a house in which scenario S03 has happened, sealed and signed; superuser can do everything to it.
type sealed struct {
	house                 *housetest.House
	environ               []string
	superuser             *sqlx.DB
	seal                  func() string // seals, signs, and gives the name of a file with the signed checkpoint
	keys, folder, request string
}

func newSealed(t *testing.T) sealed {
	t.Helper()
	h := housetest.New(t)
	f := housetest.Scenarios(t)
	at := slices.IndexFunc(f.Cases, func(c rehearse.Case) bool { return c.ID == "S03" })
	player := rehearse.Player{House: h.House, Policy: h.Policy, NewID: house.NewID}
	if report, err := player.Play(t.Context(), f, f.Cases[at], kept{h.DB}); err != nil || len(report.Differences) > 0 {
		t.Fatal(err, report.Differences)
	}
	s := sealable(t, h)
	if err := s.superuser.Get(&s.request, `SELECT reference FROM casework.requests`); err != nil {
		t.Fatal(err)
	}
	return s
}

// sealable is a house whose log can be sealed, signed and read.
func sealable(t *testing.T, h *housetest.House) sealed {
	t.Helper()
	s := sealed{house: h, folder: t.TempDir(), environ: []string{"CALDICOTT_READER_URL=" + housetest.ReaderURL(h.Database)}}
	var err error
	if s.superuser, err = sqlx.Open("postgres", h.Database.Superuser); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.superuser.Close() })
	office := housetest.NewOffice(t, h.Database)
	s.keys = s.file(t, "keys", office.Key.Verifier()+"\n")
	s.seal = func() string {
		t.Helper()
		office.Seal(t)
		signed, err := office.Signer.Memory.Recall()
		if err != nil {
			t.Fatal(err)
		}
		return s.file(t, "kept", signed)
	}
	return s
}

func (s sealed) file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(s.folder, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func (s sealed) require(t *testing.T, environ []string, code int, says string, args ...string) said {
	t.Helper()
	got := do(t, environ, append([]string{"audit"}, args...)...)
	if got.code != code || !strings.Contains(got.out+got.err, says) {
		t.Errorf("%v: exit %d, want %d and %q, said %s%s", args, got.code, code, says, got.out, got.err)
	}
	return got
}

// From the database to a person without one: what the reader's login exports and proves is verified from files alone.
func TestWhatIsSealedIsVerifiedExportedProvedAndExplained(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	export, proofs := filepath.Join(s.folder, "export"), filepath.Join(s.folder, "proofs")
	s.require(t, s.environ, exitUnknown, "there is no signed checkpoint", "export", "--to", export)
	if err := os.RemoveAll(export); err != nil {
		t.Fatal(err)
	}
	s.require(t, s.environ, exitUnknown, "not in the signed log yet", "prove", "--request", s.request, "--to", proofs)
	s.require(t, s.environ, exitOK, "not sealed yet", "explain", "--request", s.request)
	anchor := s.seal()
	s.require(t, s.environ, exitOK, "The trail holds", "verify", "--keys", s.keys, "--anchor", anchor, "-j", "2")
	s.require(t, s.environ, exitOK, `"Anchors":1`, "verify", "--json", "--keys", s.keys, "--anchor", anchor)
	s.require(t, s.environ, exitOK, "signatures were not checked", "verify")
	s.require(t, s.environ, exitOK, "entries of trust.example/caldicott are in", "export", "--to", export)
	s.require(t, nil, exitOK, "The trail holds", "verify", "--directory", export, "--keys", s.keys, "--anchor", anchor)
	var decided int64
	var request string
	if err := s.superuser.QueryRow(`SELECT id, request_id FROM audit.entries WHERE action = 'decide' AND outcome = 'done'`).Scan(&decided, &request); err != nil {
		t.Fatal(err)
	}
	s.require(t, s.environ, exitOK, fmt.Sprintf("entry-%d.json", decided), "prove", "--request", s.request, "--to", proofs)
	entry := filepath.Join(proofs, fmt.Sprintf("entry-%d", decided))
	s.require(t, nil, exitOK, "The entry is leaf", "verify", "--proof", entry+".tlog-proof", "--entry", entry+".json", "--keys", s.keys)
	s.require(t, s.environ, exitFault, "no such request", "prove", "--entry", "99999", "--to", proofs)
	live := s.require(t, s.environ, exitOK, "u-guardian (CALDICOTT_GUARDIAN)  decide  in_review → decided  [policy.csv:", "explain", "--request", s.request, "--keys", s.keys)
	for _, says := range []string{"✓ its bytes are the hashed ones, ✓ no. ", "of its chain, ✓ leaf ", "✓ signed by trust.example/caldicott+", "words present", "[policy.csv:"} {
		if !strings.Contains(live.out, says) {
			t.Errorf("nobody says %q: %s", says, live.out)
		}
	}
	far := s.require(t, nil, exitOK, "decide  in_review → ", "explain", "--request", request, "--directory", export, "--keys", s.keys)
	if strings.Contains(far.out, "u-guardian") || strings.Count(far.out, "✓ signed by") != strings.Count(live.out, "✓ signed by") {
		t.Errorf("an export names people, or proves less: %s\n%s", far.out, live.out)
	}
}

// An auditor's policy names the log's key and a witness: of a database, of an export and of a proof it asks for both, and
// for nothing else.
func TestAPolicyIsAskedOfADatabaseAnExportAndAProof(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	s.seal()
	key, err := os.ReadFile(s.keys)
	if err != nil {
		t.Fatal(err)
	}
	w := housetest.NewWitness(t, "witness.example/w", strings.TrimSpace(string(key)), nil)
	policy := s.file(t, "policy", "log "+string(key)+"witness w "+w.Key+"\nquorum w\n")
	s.file(t, "keys", string(key)+w.Key+" # a witness's\n")
	var decided int64
	if err := s.superuser.Get(&decided, `SELECT id FROM audit.entries WHERE action = 'decide' AND outcome = 'done'`); err != nil {
		t.Fatal(err)
	}
	every := func(name string, code int, says string) {
		t.Helper()
		to := filepath.Join(s.folder, name)
		s.require(t, s.environ, exitOK, "entries of", "export", "--to", to)
		s.require(t, s.environ, exitOK, "entry-", "prove", "--entry", fmt.Sprint(decided), "--to", to+"-proofs")
		entry := filepath.Join(to+"-proofs", fmt.Sprintf("entry-%d", decided))
		s.require(t, s.environ, code, says, "verify", "--policy", policy)
		s.require(t, nil, code, says, "verify", "--policy", policy, "--directory", to)
		s.require(t, nil, code, says, "verify", "--policy", policy, "--proof", entry+".tlog-proof", "--entry", entry+".json")
		s.require(t, nil, exitOK, "", "verify", "--keys", s.keys, "--proof", entry+".tlog-proof", "--entry", entry+".json")
	}
	s.require(t, s.environ, exitOK, "is a witness's", "verify", "--keys", s.keys)
	every("alone", exitUnknown, `the quorum "w" has not cosigned it`)
	desk := notarydb.Desk{Shelf: notarydb.Shelf{DB: s.superuser}}
	p := notary.Publisher{Origin: testOrigin, Log: desk, Store: desk, Witnesses: []notary.Witness{w.Witness}, Clock: time.Now}
	if err := p.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	every("cosigned", exitOK, "")
	proofs := notary.Proofs{Origin: testOrigin, Shelf: notarydb.Shelf{DB: s.superuser}}
	daily := anchor.Daily{Newest: proofs.Checkpoint, Store: desk, Anchors: []anchor.Anchor{anchor.Folder(s.folder)}, Clock: time.Now}
	if err := daily.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(s.folder, "*.checkpoint"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	s.require(t, s.environ, exitOK, "satisfies the policy", "verify", "--policy", policy, "--anchor", kept[0])
	s.require(t, nil, exitOK, `"Anchors":1`, "verify", "--json", "--policy", policy, "--directory", filepath.Join(s.folder, "cosigned"), "--anchor", kept[0])
	stranger := housetest.NewWitness(t, "witness.example/w", strings.TrimSpace(string(key)), nil).Key
	another := s.file(t, "another", "log "+string(key)+"witness w "+stranger+"\nquorum w\n")
	s.require(t, s.environ, exitUnknown, "no checkpoint satisfies the policy", "verify", "--policy", another)
	s.require(t, s.environ, exitFault, "policy: line 1", "verify", "--policy", s.keys)
	if _, err := s.superuser.Exec(`UPDATE audit.cosignatures SET line = overlay(line PLACING 'BBBB' FROM length(line) - 20)`); err == nil {
		t.Fatal("a cosignature was changed")
	}
	s.superuser.MustExec(`ALTER TABLE audit.cosignatures DISABLE TRIGGER ALL`)
	s.superuser.MustExec(`UPDATE audit.cosignatures SET line = overlay(line PLACING 'BBBB' FROM length(line) - 20)`)
	every("forged", exitTampered, "")
}

func TestWhatASuperuserDidToTheLogIsExplainedAndNeverExported(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	anchor := s.seal()
	for _, statement := range []string{
		`ALTER TABLE audit.entries DISABLE TRIGGER ALL, DROP CONSTRAINT entries_leaf_hash_check`,
		`UPDATE audit.entries SET canon = c, leaf_hash = sha256('\x00'::bytea || c) FROM (
			SELECT id AS decided, convert_to(replace(convert_from(canon, 'UTF8'), '"to":"', '"to":"x'), 'UTF8') AS c
			FROM audit.entries WHERE action = 'decide' AND outcome = 'done') x WHERE id = decided`,
	} {
		if _, err := s.superuser.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	s.require(t, s.environ, exitTampered, "is not what was sealed as leaf", "verify", "--keys", s.keys, "--anchor", anchor)
	s.require(t, s.environ, exitTampered, "nothing was exported", "export", "--to", filepath.Join(s.folder, "export"))
	s.require(t, s.environ, exitTampered, "✗ it follows", "explain", "--request", s.request, "--keys", s.keys)
}
