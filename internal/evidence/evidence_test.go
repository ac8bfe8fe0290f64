package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/evidence"
	"github.com/caldicott/caldicott/internal/merkle"
)

func profiles(t testing.TB) evidence.Profiles {
	t.Helper()
	lines, err := os.Open("../../policy/evidence.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	all, err := evidence.ParseProfiles(lines)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryProfileOfThePolicyRulesOnEveryPart(t *testing.T) {
	t.Parallel()
	all := profiles(t)
	if names := strings.Join(all.Named(), " "); names != "DSPT FOI ICO INTERNAL_AUDIT" {
		t.Errorf("the profiles are %s", names)
	}
	text, err := os.ReadFile("../../policy/evidence.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "profile,") {
			continue
		}
		without := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "\n")
		if _, err := evidence.ParseProfiles(strings.NewReader(without)); err == nil {
			t.Errorf("without %q the page is still taken", line)
		}
		if _, err := evidence.ParseProfiles(strings.NewReader(string(text) + line + "\n")); err == nil {
			t.Errorf("with %q twice the page is still taken", line)
		}
	}
}

func TestAPageThatContradictsItselfIsNotTaken(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../policy/evidence.csv")
	if err != nil {
		t.Fatal(err)
	}
	const foi = "FOI,            "
	for was, is := range map[string]string{
		foi + "details,     withhold,     FOIA_40_2": foi + "details,     disclose,     none",
		foi + "entries,     withhold,     FOIA_40_2": foi + "entries,     disclose,     none",
		foi + "words,       withhold,     FOIA_41":   foi + "words,       withhold,     none",
		foi + "title,       withhold,     FOIA_41":   foi + "title,       pseudonymise, FOIA_41",
		foi + "content,     withhold,     FOIA_41":   foi + "contents,    withhold,     FOIA_41",
		foi + "figures,     disclose,     none":      foi + "figures,     disclose,     FOIA_41",
		foi + "policy,      disclose,     none":      foi + "policy,      show,         none",
		"profile,        part,":                      "profile,        parts,",
		foi + "names,       pseudonymise, FOIA_40_2": foi + "names,       pseudonymise, KEPT",
	} {
		changed := strings.Replace(string(text), was, is, 1)
		if changed == string(text) {
			t.Fatalf("the page has no line %q", was)
		}
		if _, err := evidence.ParseProfiles(strings.NewReader(changed)); err == nil {
			t.Errorf("%q is taken", is)
		}
	}
}

func FuzzParseProfiles(f *testing.F) {
	text, err := os.ReadFile("../../policy/evidence.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("profile,part,ruling,ground\nX,names,disclose,none\n")
	f.Fuzz(func(t *testing.T, page string) {
		all, err := evidence.ParseProfiles(strings.NewReader(page))
		if (err == nil) != (all != nil) {
			t.Errorf("%d profiles and %v", len(all), err)
		}
	})
}

// log is a small tree with entries of a request in it.
type log struct {
	entries []evidence.Entry
	about   evidence.About
}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// logOf makes a log of entries with words.
func logOf(t testing.TB, words ...string) log {
	t.Helper()
	var l log
	var hashes []merkle.Hash
	for i, word := range words {
		body, salt := []byte(`{"Details":{"reason":`+quoted(t, word)+`}}`), bytes.Repeat([]byte{byte(i)}, 32)
		h := sha256.New()
		h.Write([]byte("cg/detail/v1"))
		h.Write(salt)
		h.Write(body)
		canon := fmt.Appendf(nil, `{"action":"comment","at":%d,"detail":"%x","nonce":"%032x","outcome":"done","stream":"s","v":1}`,
			noon.UnixMicro(), h.Sum(nil), i)
		hashes = append(hashes, merkle.Leaf(canon))
		l.entries = append(l.entries, evidence.Entry{
			ID: int64(100 + i), Canon: canon, Leaf: merkle.Leaf(canon), Index: int64(i), Detailed: true, Salt: salt, Body: body,
			Person: evidence.Person{UserID: "u-one", Name: "One"},
		})
	}
	var edge merkle.Edge
	for _, h := range hashes {
		edge.Append(h)
	}
	tree := merkle.Tree{Size: edge.Size(), Root: edge.Root()}
	for i := range l.entries {
		path, err := merkle.Inclusion(tree, int64(i), func(places []merkle.Place) ([][]byte, error) {
			var data [][]byte
			for _, p := range places {
				if p.Level != 0 || p.Index != 0 {
					return nil, errors.New("a test's tree has one tile")
				}
				data = append(data, merkle.Join(hashes[:p.Width]))
			}
			return data, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		l.entries[i].Path = path
	}
	l.about = evidence.About{Origin: "test.example/log", Request: "r", MadeAt: noon, Purpose: "FOI", Checkpoint: evidence.CheckpointOf(tree, "a note\n")}
	return l
}

func quoted(t testing.TB, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// memory is a folder in memory.
type memory map[string]string

func (m memory) Add(name string, data []byte) error {
	if _, twice := m[name]; twice {
		return fmt.Errorf("%s comes twice", name)
	}
	m[name] = string(data)
	return nil
}
func (m memory) Close() error { return nil }

// packed packs a request.
func (l log) packed(t testing.TB, profile string, c *evidence.Case) (memory, evidence.Counts) {
	t.Helper()
	m := memory{}
	p := evidence.New(m, l.about, profiles(t)[profile], [32]byte{7})
	if err := p.Add("", c, l.entries); err != nil {
		t.Fatal(err)
	}
	counts, err := p.Close()
	if err != nil {
		t.Fatal(err)
	}
	return m, counts
}

// A pack claims nothing that it has not found: what does not match is marked, on the page and in the figures.
func TestWhatDoesNotMatchIsMarked(t *testing.T) {
	t.Parallel()
	l := logOf(t, "one", "two", "three", "four", "five")
	l.entries[0].Canon = bytes.Replace(l.entries[0].Canon, []byte("comment"), []byte("approve"), 1)
	l.entries[1].Body = []byte(`{"Details":{"reason":"another"}}`)
	l.entries[2].Path, l.entries[2].Index = l.entries[3].Path, 3
	l.entries[3].Index = -1
	m, counts := l.packed(t, "ICO", &evidence.Case{Versions: []evidence.Version{{N: 1, Content: []byte("{}"), SHA256: strings.Repeat("0", 64)}}})
	if counts.Wrong != 4 || counts.Proved != 2 || counts.Waiting != 1 {
		t.Errorf("%+v", counts)
	}
	if n := strings.Count(m["index.html"], "DOES NOT MATCH"); n != 4 || !strings.Contains(m["index.html"], `role="alert"`) {
		t.Errorf("the page marks %d", n)
	}
}

func TestErasedAndDisposedEntriesStayProvable(t *testing.T) {
	t.Parallel()
	l := logOf(t, "Zaffre", "Quokka")
	l.entries[0].Salt, l.entries[0].Body, l.entries[0].Erased = nil, nil, true
	l.entries[1].Canon, l.entries[1].Salt, l.entries[1].Body, l.entries[1].Erased, l.entries[1].Disposed = nil, nil, nil, true, "7"
	for _, profile := range profiles(t).Named() {
		m, counts := l.packed(t, profile, nil)
		if counts.Proved != 2 || counts.Erased != 2 || counts.Disposed != 1 || counts.Wrong != 0 {
			t.Errorf("%s: %+v", profile, counts)
		}
		if html := m["index.html"]; !strings.Contains(html, "[erased]") || !strings.Contains(html, "disposed of under certificate 7") {
			t.Errorf("%s: the page does not say what is gone", profile)
		}
		if m["proofs/101.tlog-proof"] == "" {
			t.Errorf("%s: there is no proof of what was disposed of", profile)
		}
	}
}

// What people wrote is text on the page, whatever it looks like.
func TestNothingThatSomebodyWroteRunsOnThePage(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)> javascript:alert(3) {{.}}`
	l := logOf(t, hostile)
	l.entries[0].Name = hostile
	m, _ := l.packed(t, "ICO", &evidence.Case{
		ID: hostile, Title: hostile, Reference: hostile, Requester: "u-one", People: []evidence.Person{{UserID: "u-one", Name: hostile}},
		Decisions: []evidence.Decision{{Rationale: hostile, Outcome: hostile, Principles: []evidence.Principle{{Code: "CP1", Note: hostile}}}},
		Documents: []evidence.Document{{Name: hostile, SHA256: hostile}},
	})
	for _, tag := range []string{"<script", "<img", "onerror=alert(2)>"} {
		if strings.Contains(m["index.html"], tag) {
			t.Errorf("the page holds %s", tag)
		}
	}
	if n := strings.Count(m["index.html"], "&lt;script&gt;"); n < 6 {
		t.Errorf("it is shown %d times", n)
	}
}

func TestTheSamePackIsTheSameBytes(t *testing.T) {
	t.Parallel()
	l := logOf(t, "one", "two")
	var sums [2][32]byte
	for i := range sums {
		var b bytes.Buffer
		p := evidence.New(evidence.Zip(&b), l.about, profiles(t)["FOI"], [32]byte{7})
		if err := p.Add("", &evidence.Case{ID: "r", Title: "Quokka"}, l.entries); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Close(); err != nil {
			t.Fatal(err)
		}
		sums[i] = sha256.Sum256(b.Bytes())
	}
	if sums[0] != sums[1] {
		t.Error("two packs of the same differ")
	}
}

// A digest of what is withheld is another one in every pack, so that no two of them can be held against each other.
func TestADigestTellsNothingWithoutItsSalt(t *testing.T) {
	t.Parallel()
	a, b := evidence.Digest([32]byte{1}, "title", []byte("yes")), evidence.Digest([32]byte{2}, "title", []byte("yes"))
	if a == b || a == evidence.Digest([32]byte{1}, "rationale", []byte("yes")) {
		t.Error("two digests of one value are the same")
	}
	salt := evidence.SaltOf([32]byte{1}, "title")
	if sum := sha256.Sum256(append(append([]byte("cg/withheld/v1"), salt[:]...), "yes"...)); hex.EncodeToString(sum[:]) != a {
		t.Error("the salt does not open the digest")
	}
}

type signer struct{}

func (signer) Origin() string { return "one" }

func (signer) State(text string) (string, error) { return text + "\n— signed\n", nil }

func TestAManifestIsSignedWhereSomebodySigns(t *testing.T) {
	t.Parallel()
	l := logOf(t, "one")
	m := memory{}
	p := evidence.New(m, l.about, profiles(t)["ICO"], [32]byte{})
	p.Signer = signer{}
	if err := p.Add("", nil, l.entries); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("one/evidence/v1\nmanifest sha256:%x\n\n— signed\n", sha256.Sum256([]byte(m["manifest.json"]))); m["manifest.sig"] != want {
		t.Errorf("the signature is %q", m["manifest.sig"])
	}
}

func TestAFolderOnDiskIsNewAndKeepsItsFilesInside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pack")
	d, err := evidence.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Add("a/b.json", []byte("x")); err != nil {
		t.Error(err)
	}
	if err := d.Add("../outside", []byte("x")); err == nil {
		t.Error("a file was written outside")
	}
	if _, err := evidence.Dir(path); err == nil {
		t.Error("a folder that exists is taken")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// A period of many requests passes through: what stays is a name and a digest for each file. (Not parallel: it measures.)
func TestAPackOfManyRequestsNeedsLittleMemory(t *testing.T) {
	l := logOf(t, strings.Repeat("word ", 2000), "two")
	from, to := noon.Add(-time.Hour), noon
	l.about.Request, l.about.From, l.about.To = "", &from, &to
	reader, writer := io.Pipe()
	var size int64
	read := make(chan error, 1)
	go func() {
		n, err := io.Copy(io.Discard, reader)
		size = n
		read <- err
	}()
	p := evidence.New(evidence.Zip(writer), l.about, profiles(t)["ICO"], [32]byte{})
	base := heap()
	const requests, content = 1000, 200 << 10
	for i := range requests {
		c := &evidence.Case{ID: fmt.Sprint(i), State: "DECIDED", Versions: []evidence.Version{{N: 1, Content: bytes.Repeat([]byte{byte(i)}, content)}}}
		if err := p.Add(fmt.Sprintf("requests/%d/", i), c, l.entries); err != nil {
			t.Fatal(err)
		}
	}
	grown := heap() - base
	counts, err := p.Close()
	if err := errors.Join(err, writer.Close(), <-read); err != nil {
		t.Fatal(err)
	}
	if counts.Requests != requests || size == 0 {
		t.Errorf("%+v in %d bytes", counts, size)
	}
	if most := int64(8 << 20); grown > most {
		t.Errorf("%d MiB of content left %d MiB in memory", requests*content>>20, grown>>20)
	}
	t.Logf("%d MiB of content left %d KiB in memory", requests*content>>20, grown>>10)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAZipThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := logOf(t, "one")
	p := evidence.New(evidence.Zip(gone{ctx}), l.about, profiles(t)["ICO"], [32]byte{})
	err := p.Add("", nil, l.entries)
	_, closed := p.Close()
	if errors.Join(err, closed) == nil {
		t.Error("nobody noticed")
	}
}

// gone is a reader who has left.
type gone struct{ context.Context }

func (g gone) Write([]byte) (int, error) { return 0, g.Err() }

// Every word and every person in a case, wherever it stands.
func TestUnderTheFreedomOfInformationActNoWordOfACaseIsShown(t *testing.T) {
	t.Parallel()
	const word, who = "Zaffre", "u-secret"
	l := logOf(t, word)
	l.entries[0].Person = evidence.Person{UserID: who, Name: word, JobTitle: word}
	m, counts := l.packed(t, "FOI", &evidence.Case{
		ID: "r", Title: word, Requester: who, People: []evidence.Person{{UserID: who, Name: word, JobTitle: word}},
		Versions: []evidence.Version{{N: 1, By: who, Content: []byte(word), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(word)))}},
		Advice:   []evidence.Advice{{Text: word, By: who}},
		Decisions: []evidence.Decision{{
			By: who, Rationale: word, HarmStatement: word, AlternativeOffered: word, Principles: []evidence.Principle{{Code: "CP1", Note: word}},
		}},
		Conditions:  []evidence.Condition{{Owner: who, Text: word, Evidence: word}},
		Disclosures: []evidence.Disclosure{{By: who, Note: word}},
		Documents:   []evidence.Document{{ID: "d", Name: word, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(word))), By: who}},
	})
	for name, text := range m {
		for _, secret := range []string{word, who, fmt.Sprintf("%x", sha256.Sum256([]byte(word)))} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
	var list []evidence.Withheld
	if err := json.Unmarshal([]byte(m["withheld.json"]), &list); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, w := range list {
		listed[w.What] = true
	}
	for _, what := range []string{
		"title", "versions/1", "advice[0].text", "decisions[0].rationale", "decisions[0].harm_statement", "decisions[0].alternative_offered",
		"decisions[0].principles.CP1", "conditions[0].text", "conditions[0].evidence_expected", "disclosures[0].note", "documents[0]", "people/1",
		"entries/100", "details/100",
	} {
		if !listed[what] {
			t.Errorf("%s is not listed", what)
		}
	}
	if n := len(listed); n != 14 || n != len(list) || counts.Withheld["FOIA_40_2"]+counts.Withheld["FOIA_41"] != n {
		t.Errorf("%d are listed: %v", len(list), counts.Withheld)
	}
	if !strings.Contains(m["index.html"], "account, until the entry is shown") || !strings.Contains(m["README.txt"], "account, until the entry is shown") {
		t.Error("nobody says what a proof without its entry does not prove")
	}
}
