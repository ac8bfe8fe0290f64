package logdir_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/logdir"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/witness"
)

const origin = "trust.example/caldicott"

// book is a sealed and signed log in memory. Every third entry is a reading outside of all chains.
type book struct {
	rows        []audit.Row
	roots       []merkle.Hash // after each leaf
	checkpoints []audit.Checkpoint
	key         notary.Key
	verifier    string
	requests    []string
}

func (b *book) Checkpoints(_ context.Context, f func(audit.Checkpoint) error) error {
	for _, c := range b.checkpoints {
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) Keys(_ context.Context, f func(audit.Key) error) error {
	return f(audit.Key{Verifier: b.verifier, Span: audit.Span{From: 1}})
}

func (b *book) Sealed(_ context.Context, size int64, f func(*audit.Row) error) error {
	for i := range b.rows[:size] {
		if err := f(&b.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newBook(t testing.TB, n int) *book {
	t.Helper()
	b := &book{}
	var secret string
	var err error
	if secret, b.verifier, err = notary.GenerateKey(origin); err != nil {
		t.Fatal(err)
	}
	keys, err := notary.ParseKeys(strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	b.key = keys[0]
	const requests = 50
	heads, seqs := make([][32]byte, requests), make([]int, requests)
	for range requests {
		b.requests = append(b.requests, uuid.NewString())
	}
	var edge merkle.Edge
	for i := range n {
		r := i % requests
		e := audit.Entry{
			Stream: caldicott.RequestStream(b.requests[r]), Seq: seqs[r] + 1, Prev: heads[r], Request: b.requests[r], Action: "amend", Outcome: audit.Done,
			At: began.Add(time.Duration(i) * time.Second), Actor: b.requests[0], Line: "policy.csv:41", Policy: strings.Repeat("ab", 32), Nonce: [16]byte{1, byte(i), byte(i >> 8), byte(i >> 16)},
		}
		if i%3 == 2 {
			e.Stream, e.Seq, e.Prev, e.Action = "access:20260102", 0, [32]byte{}, audit.Viewed
		}
		canon, err := e.Canon()
		if err != nil {
			t.Fatal(err)
		}
		leaf := merkle.Leaf(canon)
		if e.Seq != 0 {
			heads[r], seqs[r] = leaf, e.Seq
		}
		edge.Append(leaf)
		b.rows = append(b.rows, audit.Row{ID: int64(1000 + i), Index: int64(i), Stream: []byte(e.Stream), Seq: int64(e.Seq), Canon: canon, Leaf: leaf[:], Sealed: leaf[:]})
		b.roots = append(b.roots, edge.Root())
	}
	return b
}

// sign signs the log as it was of that size, on that day.
func (b *book) sign(t testing.TB, size int, day int) audit.Note {
	t.Helper()
	c := merkle.Checkpoint{Origin: origin, Tree: merkle.Tree{Size: int64(size), Root: b.roots[size-1]}}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, b.key)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(signed), "\n\n")
	b.checkpoints = append(b.checkpoints, audit.Checkpoint{Size: c.Size, Root: c.Root[:], At: began.AddDate(0, 0, day), Lines: []string{strings.TrimSpace(line)}})
	n, err := audit.ParseNote(string(signed))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *book) export(t testing.TB) (string, logdir.Manifest) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "export")
	m, err := logdir.Exporter{Source: b, Now: func() time.Time { return began }}.Write(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, m
}

func (b *book) auditor(t testing.TB) audit.Auditor {
	t.Helper()
	keys, err := audit.ParseKeys(strings.NewReader(b.verifier))
	if err != nil {
		t.Fatal(err)
	}
	return audit.Auditor{Keys: keys, Workers: 2}
}

func verify(t testing.TB, a audit.Auditor, dir string) (audit.Summary, []audit.Finding) {
	t.Helper()
	var findings []audit.Finding
	sum, err := a.Directory(t.Context(), os.DirFS(dir), func(f audit.Finding) { findings = append(findings, f) })
	if err != nil {
		t.Fatal(err)
	}
	return sum, findings
}

func TestAnExportOfAnySizeIsSound(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 255, 256, 257, 600, 66_000} {
		b := newBook(t, n)
		b.sign(t, (n+1)/2, 0)
		b.sign(t, n, 1)
		dir, m := b.export(t)
		sum, findings := verify(t, b.auditor(t), dir)
		if !sum.Sound() || !sum.Certain() || sum.Entries != int64(n) || sum.Signatures != int64(m.Checkpoints) || len(findings) > 0 {
			t.Errorf("%d entries: %+v %v", n, sum, findings)
		}
	}
}

// Another implementation reads what is there: its checkpoint parser, and the layout as the specification spells it.
func TestAnExportIsLaidOutAsC2SPSays(t *testing.T) {
	t.Parallel()
	b := newBook(t, 66_000)
	b.sign(t, 300, 0)
	b.sign(t, 400, 0)
	b.sign(t, 66_000, 3)
	dir, m := b.export(t)
	verifier, err := note.NewVerifier(b.verifier)
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]uint64{"checkpoint": 66_000, "checkpoints/400": 400} {
		signed, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if c, _, _, err := log.ParseCheckpoint(signed, origin, verifier); err != nil || c.Size != size {
			t.Errorf("%s: %+v %v", name, c, err)
		}
	}
	for name, size := range map[string]int{"tile/0/000": 8192, "tile/0/256": 8192, "tile/0/257.p/208": 208 * 32, "tile/1/000": 8192, "tile/1/001.p/1": 32, "tile/2/000.p/1": 32} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(b) != size {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	bundle, err := os.ReadFile(filepath.Join(dir, "tile/entries/257.p/208"))
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := merkle.ParseBundle(bundle); err != nil || len(entries) != 208 || !bytes.Equal(entries[207], b.rows[65_999].Canon) {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	stored, err := os.Open(filepath.Join(dir, "keys"))
	must(t, err)
	defer stored.Close()
	if keys, err := audit.ParseKeys(stored); err != nil || !keys.Given() {
		t.Errorf("the keys are not in the form in which keys are given: %v", err)
	}
	requireSums(t, dir, m)
}

// requireSums holds every file but two against the list of digests.
func requireSums(t *testing.T, dir string, m logdir.Manifest) {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(sums); hex.EncodeToString(sum[:]) != m.Sums || strings.Count(string(sums), "\n") != m.Files {
		t.Errorf("the manifest says %+v", m)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "SHA256SUMS" || d.Name() == "manifest.json" {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(b), filepath.ToSlash(name)); !bytes.Contains(sums, []byte(line)) {
			t.Errorf("no line %s", line)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

var number = regexp.MustCompile(`"entry":[0-9]+,`)

// Whatever byte of what proves anything is changed, it does not pass; or is a signature by nobody known, and counted so.
func TestAnyChangedByteOfAnExportIsFound(t *testing.T) {
	t.Parallel()
	b := newBook(t, 600)
	b.sign(t, 300, 0)
	b.sign(t, 600, 1)
	dir, _ := b.export(t)
	a := b.auditor(t)
	var names []string
	for _, pattern := range []string{"checkpoint", "checkpoints/*", "tile/*/*", "tile/*/*/*", "entries.ndjson"} {
		found, _ := fs.Glob(os.DirFS(dir), pattern)
		names = append(names, slices.DeleteFunc(found, func(n string) bool { return strings.HasSuffix(n, ".p") })...)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := filepath.Join(dir, rapid.SampledFrom(names).Draw(t, "file"))
		was, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		defer os.WriteFile(name, was, 0o600) //nolint:errcheck // the next look fails
		now := bytes.Clone(was)
		at := rapid.IntRange(0, len(now)-1).Draw(t, "at")
		now[at] ^= rapid.ByteMin(1).Draw(t, "change")
		if bytes.Equal(number.ReplaceAll(was, nil), number.ReplaceAll(now, nil)) {
			t.Skip("an entry's number is the database's word, which nothing proves")
		}
		if err := os.WriteFile(name, now, 0o600); err != nil {
			t.Fatal(err)
		}
		sum, err := a.Directory(context.Background(), os.DirFS(dir), func(audit.Finding) {})
		if err == nil && sum.Sound() && sum.Certain() && sum.Unchecked == 0 {
			t.Fatalf("byte %d of %s passed", at, name)
		}
	})
}

// An export carries what witnesses have signed, so that a policy can be asked of it where there is no database.
func TestAnExportSatisfiesAPolicyByTheCosignaturesThatItCarries(t *testing.T) {
	t.Parallel()
	b := newBook(t, 300)
	earlier, signed := b.sign(t, 200, 0), b.sign(t, 300, 0)
	secret, vkey, err := witness.GenerateKey("witness.example/w")
	if err != nil {
		t.Fatal(err)
	}
	key, err := witness.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := witness.ParseLogs(strings.NewReader("log " + b.verifier))
	if err != nil {
		t.Fatal(err)
	}
	cosigned := func(n audit.Note) []string {
		folder, err := witness.OpenFolder(t.TempDir()) // it knows no other
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		cosigner := witness.Witness{Key: key, Logs: logs, Store: folder, Clock: func() time.Time { return began }}
		line, err := cosigner.Add(merkle.Submission{Note: n.Signed})
		if err != nil {
			t.Fatal(err)
		}
		return []string{line}
	}
	p, err := witness.ParsePolicy(strings.NewReader("log " + b.verifier + "\nwitness w " + vkey + "\nquorum w\n"))
	if err != nil {
		t.Fatal(err)
	}
	a := b.auditor(t)
	a.Policy = func(signed string) error {
		_, err := p.Check(signed)
		return err
	}
	for name, c := range map[string]struct {
		cosigned       []string
		sound, certain bool
	}{
		"cosigned": {cosigned(signed), true, true}, "by nobody": {nil, true, false}, "by what was said of another": {cosigned(earlier), false, true},
	} {
		b.checkpoints[1].Cosigned = c.cosigned
		dir, _ := b.export(t)
		var findings []audit.Finding
		sum, err := a.Directory(t.Context(), os.DirFS(dir), func(f audit.Finding) { findings = append(findings, f) })
		if err != nil || sum.Sound() != c.sound || sum.Certain() != c.certain || (sum.Public == 300) != (c.sound && c.certain) {
			t.Errorf("%s: %v %+v %v", name, err, sum, findings)
		}
	}
}

func TestWhatIsWrongInAnExportIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(t *testing.T, dir string)
		want string // empty: it cannot be told
	}{
		"an entry":           {replace("tile/entries/001", "amend", "amenx"), "entry 1256 seq 4 leaf 256 has other bytes than its tile remembers (want"},
		"a hash":             {flip("tile/0/001", 3), "I8: stream request:"},
		"a tile above":       {flip("tile/1/000.p/2", 3), "I8: tile/1/000.p/2 is not made of what stands below it"},
		"a name":             {replace("entries.ndjson", `"entry":1256,`, `"entry":99,`), ""},
		"a stream":           {replace("entries.ndjson", `"index":256,"entry":1256,"stream":"request`, `"index":256,"entry":1256,"stream":"rxquest`), "I12: stream request:"},
		"an older root":      {replace("checkpoints/300", "300\n", "301\n"), "!"},
		"a bundle cut":       {func(t *testing.T, dir string) { must(t, os.Truncate(filepath.Join(dir, "tile/entries/001"), 1000)) }, "I7: bundle 1 ends within leaf"},
		"a bundle away":      {away("tile/entries/001"), ""},
		"a tile away":        {away("tile/0/001"), ""},
		"a tile above away":  {away("tile/1/000.p/2"), ""},
		"bundle and tile":    {func(t *testing.T, dir string) { away("tile/entries/001")(t, dir); away("tile/0/001")(t, dir) }, ""},
		"the signature":      {replace("checkpoint", "— trust.example", "— trusx.example"), ""},
		"the signature, bad": {replace("checkpoint", "600\n", "601\n"), "!"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t, 600)
			b.sign(t, 300, 0)
			b.sign(t, 600, 1)
			dir, _ := b.export(t)
			c.do(t, dir)
			var findings []audit.Finding
			sum, err := b.auditor(t).Directory(t.Context(), os.DirFS(dir), func(f audit.Finding) { findings = append(findings, f) })
			switch said := fmt.Sprint(findings); {
			case name == "a name": // nothing proves a number, and it says so
				return
			case c.want == "!":
				if err == nil && sum.Sound() {
					t.Errorf("%+v %s", sum, said)
				}
			case err != nil:
				t.Error(err)
			case c.want == "" && (!sum.Sound() || sum.Certain()):
				t.Errorf("it can be told: %+v %s", sum, said)
			case c.want != "" && (sum.Sound() || !strings.Contains(said, c.want)):
				t.Errorf("nobody says %q: %+v %s", c.want, sum, said)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func edit(name string, change func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		now := change(bytes.Clone(b))
		if bytes.Equal(b, now) {
			t.Fatal("nothing was changed")
		}
		must(t, os.WriteFile(filepath.Join(dir, name), now, 0o600))
	}
}

func replace(name, old, new string) func(*testing.T, string) {
	return edit(name, func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) })
}

func flip(name string, at int) func(*testing.T, string) {
	return edit(name, func(b []byte) []byte { b[at] ^= 1; return b })
}

func away(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { t.Helper(); must(t, os.Remove(filepath.Join(dir, name))) }
}

// A log that is rolled back, or rewritten and signed anew, is sound in itself: only an older checkpoint shows it.
func TestAnAnchorShowsWhatTheExportCannot(t *testing.T) {
	t.Parallel()
	b := newBook(t, 600)
	anchor := b.sign(t, 450, 0)
	later := b.sign(t, 600, 1)
	a := b.auditor(t)
	a.Anchors = []audit.Note{anchor, later}
	dir, _ := b.export(t)
	if sum, findings := verify(t, a, dir); !sum.Sound() || sum.Anchors != 2 {
		t.Errorf("%+v %v", sum, findings)
	}
	back := *b
	back.checkpoints = back.checkpoints[:1]
	dir, _ = back.export(t)
	if sum, _ := verify(t, b.auditor(t), dir); !sum.Sound() {
		t.Error("a log that was rolled back is not sound in itself")
	}
	if sum, findings := verify(t, a, dir); sum.Findings != 1 || !strings.Contains(fmt.Sprint(findings), "anchor: the log was rolled back: it has 450 whole leaves, and a checkpoint of 600") {
		t.Errorf("%+v %v", sum, findings)
	}
	forged := newBook(t, 600)
	forged.key, forged.verifier = b.key, b.verifier
	other := forged.sign(t, 600, 1)
	dir, _ = forged.export(t)
	if sum, findings := verify(t, a, dir); sum.Findings != 2 || !strings.Contains(fmt.Sprint(findings), "anchor: the log was rewritten: its first 450 leaves") {
		t.Errorf("%+v %v", sum, findings)
	}
	for _, c := range []struct {
		old, new audit.Note
		want     error
	}{{later, other, audit.ErrForged}, {anchor, other, audit.ErrForged}, {other, anchor, audit.ErrForged}, {other, other, nil}} {
		if err := audit.Consistency(os.DirFS(dir), c.old, c.new, a.Keys); !errors.Is(err, c.want) {
			t.Errorf("%d to %d: %v", c.old.N, c.new.N, err)
		}
	}
}

// Everything below the genuine checkpoint was made anew, without a hash that is wrong anywhere.
func TestAnotherLogUnderAGenuineCheckpointIsFound(t *testing.T) {
	t.Parallel()
	b, forged := newBook(t, 600), newBook(t, 600)
	old, genuine := b.sign(t, 300, 0), b.sign(t, 600, 1)
	forged.sign(t, 600, 1)
	dir, _ := forged.export(t)
	must(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte(genuine.Signed), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "checkpoints"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "checkpoints/300"), []byte(old.Signed), 0o600))
	sum, findings := verify(t, b.auditor(t), dir)
	for _, want := range []string{"I9: the entries make another root than checkpoints/300 of size 300 says (want ", "I9: the entries make another root than checkpoint of size 600 says (want "} {
		if sum.Findings != 2 || !strings.Contains(fmt.Sprint(findings), want) {
			t.Errorf("nobody says %q: %+v %v", want, sum, findings)
		}
	}
}

func TestConsistencyOfEverySizeIsProvedByTheTiles(t *testing.T) {
	t.Parallel()
	b := newBook(t, 66_000)
	var notes []audit.Note
	for _, size := range []int{1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000} {
		notes = append(notes, b.sign(t, size, 0))
	}
	dir, _ := b.export(t)
	keys, other := b.auditor(t).Keys, newBook(t, 1).auditor(t).Keys
	for i, old := range notes {
		for _, next := range notes[i:] {
			if err := audit.Consistency(os.DirFS(dir), old, next, keys); err != nil {
				t.Errorf("%d to %d: %v", old.N, next.N, err)
			}
		}
		if err := audit.Consistency(os.DirFS(dir), old, notes[10], other); !errors.Is(err, audit.ErrUnknownKey) {
			t.Errorf("%v", err)
		}
	}
	if err := audit.Consistency(os.DirFS(t.TempDir()), notes[3], notes[10], keys); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without tiles: %v", err)
	}
}

func TestWhatWasDisposedOfIsLeftOutAndStaysProved(t *testing.T) {
	t.Parallel()
	b := newBook(t, 600)
	b.sign(t, 600, 0)
	b.rows[300].Canon = nil
	dir, m := b.export(t)
	if m.Disposed != 1 || !slices.Equal(m.Pruned, []int64{1}) {
		t.Errorf("%+v", m)
	}
	sum, findings := verify(t, b.auditor(t), dir)
	if !sum.Sound() || !sum.Certain() || sum.Entries != 344 || sum.Disposed != 256 || len(findings) != 1 || !findings[0].Note() {
		t.Errorf("%+v %v", sum, findings)
	}
}

func TestWhatIsNotTheSignedLogIsNotExported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(*book)
		want error
	}{
		"nothing signed":    {func(b *book) { b.checkpoints = nil }, logdir.ErrUnsigned},
		"another entry":     {func(b *book) { b.rows[7].Canon = b.rows[8].Canon }, logdir.ErrTampered},
		"another leaf":      {func(b *book) { b.rows[7].Canon, b.rows[7].Sealed = b.rows[8].Canon, b.rows[8].Leaf }, logdir.ErrTampered},
		"a leaf missing":    {func(b *book) { b.rows[7].Index = 8 }, logdir.ErrTampered},
		"an entry missing":  {func(b *book) { b.rows[7].Canon, b.rows[7].Leaf = nil, nil }, logdir.ErrTampered},
		"another signature": {func(b *book) { b.checkpoints[0].Root = make([]byte, 32) }, logdir.ErrTampered},
	} {
		b := newBook(t, 20)
		b.sign(t, 20, 0)
		c.do(b)
		dir := filepath.Join(t.TempDir(), "export")
		if _, err := (logdir.Exporter{Source: b, Now: time.Now}).Write(t.Context(), dir); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err == nil {
			t.Errorf("%s: it says that it is whole", name)
		}
	}
	b := newBook(t, 20)
	b.sign(t, 20, 0)
	if dir, _ := b.export(t); true {
		if _, err := (logdir.Exporter{Source: b, Now: time.Now}).Write(t.Context(), dir); err == nil {
			t.Error("one export was written over another")
		}
	}
}

// built is the command, built once, in a folder that goes when the tests are done.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "caldicott")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "caldicott")
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", name, "../../cmd/caldicott").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return name, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if used.Load() {
		if name, err := built(); err == nil {
			_ = os.RemoveAll(filepath.Dir(name))
		}
	}
	os.Exit(code)
}

var used atomic.Bool // whether anybody needed the command

func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the command")
	}
	used.Store(true)
	name, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func (b *book) proof(t *testing.T, index int64, signed audit.Note) string {
	t.Helper()
	size := signed.N
	path, err := merkle.Inclusion(merkle.Tree{Size: size, Root: merkle.Hash(signed.Hash)}, index, func(places []merkle.Place) ([][]byte, error) {
		var data [][]byte
		for _, p := range places {
			var joined []byte
			for i := range int64(p.Width) {
				first := (p.Index*merkle.TileWidth + i) << (merkle.TileHeight * p.Level)
				var edge merkle.Edge
				for _, r := range b.rows[first : first+1<<(merkle.TileHeight*p.Level)] {
					edge.Append(merkle.Hash(r.Leaf))
				}
				root := edge.Root()
				joined = append(joined, root[:]...)
			}
			data = append(data, joined)
		}
		return data, nil
	})
	must(t, err)
	return merkle.Proof{Index: index, Path: path, Note: signed.Signed}.Text()
}

// The command on files alone: no database is configured, and none is needed.
func TestTheCommandVerifiesFilesWithoutAnyDatabase(t *testing.T) {
	t.Parallel()
	b := newBook(t, 600)
	old := b.sign(t, 300, 0)
	newest := b.sign(t, 600, 1)
	dir, _ := b.export(t)
	caldicott, work := program(t), t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(work, name)
		must(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	keys, stranger := file("keys", b.verifier+"\n"), file("stranger", newBook(t, 1).verifier+"\n")
	proof, entry := file("e.tlog-proof", b.proof(t, 299, newest)), file("e.json", string(b.rows[299].Canon))
	anotherEntry, early := file("f.json", string(b.rows[300].Canon)), file("early", newest.Signed)
	oldNote, narrow := file("old", old.Signed), file("narrow", b.verifier+" 1 500\n")
	forged := newBook(t, 600)
	forged.key = b.key
	fork := file("fork", forged.sign(t, 600, 0).Signed)
	endless, linked := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(endless, "checkpoint"), []byte(strings.Replace(newest.Signed, "\n600\n", "\n4611686018427387904\n", 1)), 0o600))
	must(t, os.Symlink("/dev/zero", filepath.Join(linked, "checkpoint")))
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{2, "everything from leaf 0 on", []string{"verify", "--directory", endless, "--keys", keys}},
		{3, "everything from leaf 0 on", []string{"verify", "--directory", endless}},
		{3, "escapes", []string{"verify", "--directory", linked, "--keys", keys}},
		{0, "The trail holds: 600 entries", []string{"verify", "--directory", dir, "--keys", keys, "--anchor", oldNote, "--anchor", early, "-j", "3"}},
		{0, `"Anchors":1`, []string{"verify", "--json", "--directory", dir, "--keys", keys, "--anchor", oldNote}},
		{2, "the log was rewritten", []string{"verify", "--directory", dir, "--keys", keys, "--anchor", fork}},
		{2, "signs from 1 to 500, and has signed 600", []string{"verify", "--directory", dir, "--keys", narrow}},
		{3, "IT CANNOT BE TOLD", []string{"verify", "--directory", dir, "--keys", stranger}},
		{3, "no keys were given", []string{"verify", "--directory", dir}},
		{3, "", []string{"verify", "--directory", work, "--keys", keys}},
		{1, "", []string{"verify", "--directory", filepath.Join(work, "nowhere")}},
		{1, "", []string{"verify", "--directory", dir, "--keys", entry}},
		{1, "", []string{"verify", "--proof", proof}},
		{0, "leaf 299 of the log trust.example/caldicott of 600 leaves", []string{"verify", "--proof", proof, "--entry", entry, "--keys", keys}},
		{0, `"holds":true`, []string{"verify", "--proof", proof, "--entry", entry, "--keys", keys, "--json"}},
		{2, "NOT PROVED", []string{"verify", "--proof", proof, "--entry", anotherEntry, "--keys", keys}},
		{3, "NOT PROVED", []string{"verify", "--proof", proof, "--entry", entry, "--keys", stranger}},
		{3, "NOT PROVED", []string{"verify", "--proof", proof, "--entry", entry}},
		{0, "The log of 600 leaves began as that of 300", []string{"consistency", oldNote, early, "--directory", dir, "--keys", keys}},
		{2, "NOT PROVED", []string{"consistency", oldNote, fork, "--directory", dir, "--keys", keys}},
		{2, "cannot have become", []string{"consistency", early, oldNote, "--directory", dir, "--keys", keys}},
		{3, "does not reach so far", []string{"consistency", oldNote, early, "--directory", work, "--keys", keys}},
		{0, "amend  [policy.csv:41]\n    entry 1001  ✓ its bytes are the hashed ones, ✓ no. 1 of its chain, ✓ leaf 1 of the checkpoint of 600, ✓ signed by trust.example/caldicott+", []string{"explain", "--request", b.requests[1], "--directory", dir, "--keys", keys}},
		{0, `"action":"viewed"`, []string{"explain", "--request", b.requests[2], "--directory", dir, "--keys", keys, "--json"}},
		{3, "", []string{"explain", "--request", b.requests[2], "--directory", dir}},
		{1, "", []string{"explain", "--request", uuid.NewString(), "--directory", dir, "--keys", keys}},
	} {
		cmd := exec.CommandContext(t.Context(), caldicott, append([]string{"audit"}, c.args...)...)
		cmd.Env, cmd.Dir = []string{}, work
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%v: exit %d, want %d (%v), said %s", c.args, code, c.code, err, out)
		}
		if slices.Contains(c.args, "--json") {
			for line := range strings.Lines(string(out)) {
				if !json.Valid([]byte(line)) {
					t.Errorf("%v: %q is no JSON", c.args, line)
				}
			}
		}
	}
}
