package notarydb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
)

const origin = "trust.example/caldicott"

func newKey(t testing.TB) (key notary.Key, verifier note.Verifier) {
	t.Helper()
	_, key, verifier = newSecret(t)
	return key, verifier
}

func newSecret(t testing.TB) (secret string, key notary.Key, verifier note.Verifier) {
	t.Helper()
	secret, public, err := notary.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := notary.ParseKeys(strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	if verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	return secret, keys[0], verifier
}

func (h house) newSigner(memory string, keys ...notary.Key) *notary.Signer {
	return &notary.Signer{Origin: origin, Keys: keys, Desk: notarydb.Desk{Shelf: notarydb.Shelf{DB: h.sealer}}, Memory: notary.File(memory)}
}

func (h house) proofs() notary.Proofs {
	return notary.Proofs{Origin: origin, Shelf: notarydb.Shelf{DB: h.reader}}
}

func sign(t testing.TB, s *notary.Signer) {
	t.Helper()
	if err := s.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// During a rotation both keys sign, and whoever has either of them can check; then the old one signs no more.
func TestKeysOverlapAndThenTheOldOneEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	memory := filepath.Join(t.TempDir(), "signed")
	old, oldVerifier := newKey(t)
	next, nextVerifier := newKey(t)
	sealer := h.newSealer()
	check := func(s *notary.Signer, size int64, want ...note.Verifier) {
		t.Helper()
		h.fill(t, 300)
		seal(t, sealer)
		sign(t, s)
		tree, signed, err := h.proofs().Checkpoint(t.Context())
		if err != nil || tree.Size != size {
			t.Fatalf("%+v %v", tree, err)
		}
		both, err := note.Open([]byte(signed), note.VerifierList(oldVerifier, nextVerifier))
		if err != nil || len(both.Sigs) != len(want) || len(both.UnverifiedSigs) != 0 {
			t.Fatalf("%+v %v", both, err)
		}
		for _, v := range want {
			c, _, _, err := log.ParseCheckpoint([]byte(signed), origin, v)
			if err != nil || c.Size != uint64(size) || string(c.Hash) != string(tree.Root[:]) {
				t.Errorf("another implementation reads %+v, %v", c, err)
			}
		}
	}
	check(h.newSigner(memory, old), 300, oldVerifier)
	overlap := h.newSigner(memory, old, next)
	check(overlap, 600, oldVerifier, nextVerifier)
	if err := overlap.Retire(t.Context(), old.Verifier()); err != nil {
		t.Fatal(err)
	}
	check(overlap, 900, nextVerifier)
	check(h.newSigner(memory, next), 1200, nextVerifier)
	h.fill(t, 1)
	seal(t, sealer)
	if alarm, is := notary.Alarmed(h.newSigner(memory, old).Sign(t.Context())); !is || alarm.Name != notary.AlarmKey {
		t.Error("a key signs after its end")
	}
}

// Whoever asks for the keys is told which one signs receipts; it signs no log, and ends like the log's.
func TestAKeyOfReceiptsIsOnTheListOnceAndSignsNoLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	receipts := housetest.LogKey(t, origin+"/receipt")
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	h.grow(t, 7, signer)
	noted := 0
	onRecord := func(context.Context, string, notary.Span) error { noted++; return nil }
	for range 2 { // at every start
		if err := notary.Introduce(t.Context(), signer.Desk, onRecord, []notary.Key{receipts}); err != nil {
			t.Fatal(err)
		}
	}
	roles := func() (list []string) {
		keys, err := h.proofs().Shelf.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			list = append(list, fmt.Sprintf("%s from %d, ended %t", k.Role, k.From, k.To != nil))
		}
		return list
	}
	if got := roles(); noted != 1 || !slices.Equal(got, []string{"log from 7, ended false", "receipt from 7, ended false"}) {
		t.Errorf("%d entries, and the list is %q", noted, got)
	}
	if err := signer.Retire(t.Context(), receipts.Verifier()); err != nil {
		t.Fatal(err)
	}
	h.grow(t, 1, signer)
	if got := roles(); !slices.Equal(got, []string{"log from 7, ended false", "receipt from 7, ended true"}) {
		t.Errorf("the list is %q", got)
	}
}

func TestSigningAgainAfterACrashGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, 40)
	seal(t, h.newSealer())
	memory := filepath.Join(t.TempDir(), "signed")
	key, _ := newKey(t)
	sign(t, h.newSigner(memory, key))
	_, first, err := h.proofs().Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.superuser.ExecContext(t.Context(), `ALTER TABLE audit.signatures DISABLE TRIGGER ALL; DELETE FROM audit.signatures`); err != nil {
		t.Fatal(err)
	}
	sign(t, h.newSigner(memory, key))
	_, again, err := h.proofs().Checkpoint(t.Context())
	if err != nil || again != first {
		t.Errorf("%v\n%s\n%s", err, first, again)
	}
	if remembered, err := os.ReadFile(memory); err != nil || string(remembered) != first {
		t.Errorf("%v %s", err, remembered)
	}
}

// The database is put back, or another is put in its place: sound in itself, but not what was signed.
func TestALogThatDoesNotExtendTheSignedOneIsRefusedForGood(t *testing.T) {
	t.Parallel()
	memory := filepath.Join(t.TempDir(), "signed")
	key, _ := newKey(t)
	first := newHouse(t)
	first.deeds(t, 300)
	seal(t, first.newSealer())
	sign(t, first.newSigner(memory, key))
	for name, entries := range map[string]int{"shorter": 200, "as long": 300, "longer": 700} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.deeds(t, entries)
			seal(t, h.newSealer())
			s := h.newSigner(memory, key)
			for range 2 {
				if alarm, is := notary.Alarmed(s.Sign(t.Context())); !is || alarm.Name != notary.AlarmFork {
					t.Errorf("%+v", alarm)
				}
			}
			if n := count(t, h.superuser, `SELECT count(*) FROM audit.signatures`); n != 0 {
				t.Error("it is signed")
			}
		})
	}
}

// Every proof is judged by another implementation, from its text alone.
func TestAnEntryAndARequestAreProvedToAnybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, verifier := newKey(t)
	sealer, signer := h.newSealer(), h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	request, ids := h.deeds(t, 5)
	h.fill(t, 1000)
	if _, err := h.proofs().Entry(t.Context(), ids[0]); err != notary.ErrUnsealed { //nolint:errorlint // as it is given
		t.Errorf("%v", err)
	}
	seal(t, sealer)
	sign(t, signer)
	h.fill(t, 500)
	late, err := h.deed(t.Context(), h.app, request)
	if err != nil {
		t.Fatal(err)
	}
	seal(t, sealer)
	proved, waiting, err := h.proofs().Request(t.Context(), request)
	if err != nil || len(proved) != 5 || len(waiting) != 1 || waiting[0] != late {
		t.Fatalf("%d proofs, waiting %v: %v", len(proved), waiting, err)
	}
	sign(t, signer)
	if proved, _, err = h.proofs().Request(t.Context(), request); err != nil || len(proved) != 6 {
		t.Fatalf("%d proofs: %v", len(proved), err)
	}
	for _, p := range proved {
		single, err := h.proofs().Entry(t.Context(), p.Entry)
		if err != nil || single.Text() != p.Text() {
			t.Errorf("%v: %+v", err, single)
		}
		requireProof(t, h, p, verifier)
	}
	if _, err := h.proofs().Entry(t.Context(), 1<<40); err != notary.ErrNoEntry { //nolint:errorlint // as it is given
		t.Errorf("%v", err)
	}
}

func requireProof(t *testing.T, h house, p notary.EntryProof, verifier note.Verifier) {
	t.Helper()
	var canon []byte
	if err := h.reader.GetContext(t.Context(), &canon, `SELECT canon FROM audit.entries WHERE id = $1`, p.Entry); err != nil {
		t.Fatal(err)
	}
	var read formats.TLogProof
	if err := read.Unmarshal([]byte(p.Text())); err != nil {
		t.Fatal(err)
	}
	c, _, _, err := log.ParseCheckpoint(read.Checkpoint, origin, verifier)
	if err != nil {
		t.Fatal(err)
	}
	var path [][]byte
	for _, hash := range read.Hashes {
		path = append(path, hash[:])
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, read.Index, c.Size, rfc6962.DefaultHasher.HashLeaf(canon), path, c.Hash); err != nil {
		t.Errorf("entry %d: %v", p.Entry, err)
	}
	if again, err := merkle.ParseProof(p.Text()); err != nil || again.Text() != p.Text() {
		t.Errorf("%v", err)
	}
}

func TestOneCheckpointIsProvedToContinueAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, _ := newKey(t)
	sealer := h.newSealer()
	for _, n := range []int{3, 300, 70_000} {
		h.fill(t, n)
		seal(t, sealer)
	}
	sign(t, h.newSigner(filepath.Join(t.TempDir(), "signed"), key))
	sizes := []int64{0, 3, 303, 70_303}
	for i, from := range sizes {
		for _, to := range sizes[max(i, 1):] {
			path, old, now, err := h.proofs().Consistency(t.Context(), from, to)
			if err != nil {
				t.Fatalf("%d to %d: %v", from, to, err)
			}
			var rows [][]byte
			for _, p := range path {
				rows = append(rows, p[:])
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from), uint64(to), rows, old.Root[:], now.Root[:]); err != nil {
				t.Errorf("%d to %d: %v", from, to, err)
			}
		}
	}
	if _, _, _, err := h.proofs().Consistency(t.Context(), 4, 303); err != notary.ErrUnsigned { //nolint:errorlint // as it is given
		t.Errorf("%v", err)
	}
	requireTiles(t, h)
}

func requireTiles(t *testing.T, h house) {
	t.Helper()
	for place, there := range map[merkle.Place]bool{
		{Level: 0, Index: 0, Width: 256}: true, {Level: 0, Index: 274, Width: 159}: true, {Level: 0, Index: 274, Width: 160}: false,
		{Level: 1, Index: 1, Width: 18}: true, {Level: 1, Index: 1, Width: 19}: false, {Level: 2, Index: 0, Width: 1}: true, {Level: 2, Index: 0, Width: 2}: false,
		{Level: 0, Index: 1 << 60, Width: 1}: false, {Level: 9, Index: 0, Width: 1}: false, {Level: -1, Index: 0, Width: 1}: false,
	} {
		data, err := h.proofs().Tile(t.Context(), place)
		if (err == nil) != there || there && len(data) != 32*place.Width {
			t.Errorf("%+v: %d bytes, %v", place, len(data), err)
		}
	}
}
