package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/receipt"
)

const testOrigin = housetest.LogOrigin

// keyring is a log's key and its receipt key, with the public halves in a file.
type keyring struct {
	log, receipts notary.Key
	public        string
}

func newKeyring(t *testing.T) keyring {
	t.Helper()
	k := keyring{log: housetest.LogKey(t, testOrigin), receipts: housetest.LogKey(t, testOrigin+receipt.Suffix)}
	k.public = written(t, "keys", "# of the trust\n"+k.log.Verifier()+" 0\n"+k.receipts.Verifier()+"\n")
	return k
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// promised signs a receipt, given at that instant and good for a minute.
func (k keyring) promised(t *testing.T, leaf merkle.Hash, at time.Time) string {
	t.Helper()
	signer, err := receipt.NewSigner([]notary.Key{k.receipts}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign("request:r1", 1, leaf, at)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Header(signed)
}

// exported writes a log of so many entries, one a second, as an export directory, and gives their leaves.
func (k keyring) exported(t *testing.T, n int, begin time.Time) (dir string, leaves []merkle.Hash) {
	t.Helper()
	dir = t.TempDir()
	var edge merkle.Edge
	tiles, bundles := map[string][]byte{}, map[string][]byte{}
	for i := range n {
		canon, err := audit.Entry{
			Stream: "access:1", Action: audit.Viewed, Outcome: audit.Done, At: begin.Add(time.Duration(i) * time.Second), Nonce: [16]byte{1, byte(i), byte(i >> 8)},
		}.Canon()
		if err != nil {
			t.Fatal(err)
		}
		leaf := merkle.Leaf(canon)
		edge.Append(leaf)
		path := tilePath(int64(i/merkle.TileWidth), int64(n))
		tiles[path] = append(tiles[path], leaf[:]...)
		if bundles[path], err = merkle.AppendEntry(bundles[path], canon); err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
	}
	text := merkle.Checkpoint{Origin: testOrigin, Tree: merkle.Tree{Size: edge.Size(), Root: edge.Root()}}.Text()
	signed, err := note.Sign(&note.Note{Text: text}, k.log)
	if err != nil {
		t.Fatal(err)
	}
	put := func(path string, b []byte) {
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("checkpoint", signed)
	for path := range tiles {
		put("tile/0/"+path, tiles[path])
		put("tile/entries/"+path, bundles[path])
	}
	return dir, leaves
}

func TestAReceiptIsCheckedAgainstAnExportWithNothingElse(t *testing.T) {
	t.Parallel()
	k, other := newKeyring(t), newKeyring(t)
	begin := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	dir, leaves := k.exported(t, 700, begin)
	absent := merkle.Hash{1, 2, 3}
	check := func(header, keys, dir string) said {
		return do(t, nil, "audit", "receipt", "check", written(t, "receipt", header), "--keys", keys, "--directory", dir)
	}
	for _, i := range []int{0, 255, 256, 699} {
		if s := check(k.promised(t, leaves[i], begin), k.public, dir); s.code != exitOK || !strings.Contains(s.out, fmt.Sprintf("leaf %d ", i)) {
			t.Errorf("leaf %d: exit %d %s%s", i, s.code, s.out, s.err)
		}
	}
	if s := check(k.promised(t, absent, begin), k.public, dir); s.code != exitTampered || !strings.Contains(s.out, "data protection officer") {
		t.Errorf("an entry that was taken away: exit %d %s%s", s.code, s.out, s.err)
	}
	for header, want := range map[string]string{k.promised(t, leaves[7], begin): `"leaf":7,`, k.promised(t, absent, begin): `"verdict":"broken"`} {
		s := do(t, nil, "audit", "receipt", "check", written(t, "receipt", header), "--keys", k.public, "--directory", dir, "--json")
		if !strings.Contains(s.out, want) {
			t.Errorf("for programs: exit %d %s", s.code, s.out)
		}
	}
	if s := check(k.promised(t, absent, begin.Add(11*time.Minute)), k.public, dir); s.code != exitUnknown {
		t.Errorf("the export ends before the time promised: exit %d %s%s", s.code, s.out, s.err)
	}
	if s := check(other.promised(t, leaves[0], begin), k.public, dir); s.code != exitUnknown {
		t.Errorf("somebody else's receipt: exit %d %s%s", s.code, s.out, s.err)
	}
	mixed := written(t, "mixed", k.receipts.Verifier()+"\n"+other.log.Verifier()+"\n")
	if s := check(k.promised(t, leaves[0], begin), mixed, dir); s.code != exitUnknown {
		t.Errorf("no key of the log: exit %d %s%s", s.code, s.out, s.err)
	}
	if s := check("nothing", k.public, dir); s.code != exitFault {
		t.Errorf("no receipt: exit %d", s.code)
	}
	tile := filepath.Join(dir, "tile", "0", "000")
	b, err := os.ReadFile(tile)
	if err != nil {
		t.Fatal(err)
	}
	copy(b, absent[:]) // the export is made to hold what the log does not
	if err := os.WriteFile(tile, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := check(k.promised(t, absent, begin), k.public, dir); s.code != exitUnknown {
		t.Errorf("a forged tile: exit %d %s%s", s.code, s.out, s.err)
	}
}

// The holder of a receipt asks the database: before sealing, after it, and after a hostile administrator took the entry away.
func TestAReceiptIsCheckedAgainstTheLogItself(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	h := housetest.New(t)
	h.Enrol(t)
	signer, err := receipt.NewSigner([]notary.Key{k.receipts}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	h.Service.Promise = promising(signer, nil)
	by, err := h.DB.ActorByUserID(t.Context(), "u-req-research")
	if err != nil {
		t.Fatal(err)
	}
	draft := func() casework.Result {
		r, err := h.Service.Begin(t.Context(), casework.Call{By: by}, caldicott.Drafting{Content: caldicott.Content{Title: "T", Kind: "RESEARCH"}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	environ := []string{"CALDICOTT_READER_URL=" + housetest.ReaderURL(h.Database), "CALDICOTT_DATABASE_URL=" + housetest.AppURL(h.Database)}
	check := func(header string) said {
		return do(t, environ, "audit", "receipt", "check", written(t, "receipt", header), "--keys", k.public)
	}
	kept, lost := draft(), draft()
	if s := check(kept.Receipt); s.code != exitUnknown {
		t.Errorf("not sealed yet, and not due: exit %d %s%s", s.code, s.out, s.err)
	}
	super, err := sqlx.Connect("postgres", h.Database.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close()
	super.MustExec(`SET session_replication_role = replica`)
	super.MustExec(`ALTER TABLE audit.entries DISABLE TRIGGER ALL`)
	super.MustExec(`DELETE FROM audit.entries WHERE request_id = $1`, lost.Case.Request.ID)
	housetest.OfficeOf(t, h.Database, k.log).Seal(t)
	if s := check(kept.Receipt); s.code != exitOK {
		t.Errorf("sealed: exit %d %s%s", s.code, s.out, s.err)
	}
	for { // the promise was one of seconds
		s := check(lost.Receipt)
		if s.code == exitTampered {
			break
		}
		if s.code != exitUnknown || t.Context().Err() != nil {
			t.Fatalf("taken away: exit %d %s%s", s.code, s.out, s.err)
		}
	}
}
