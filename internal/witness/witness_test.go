package witness_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/witness"
)

const origin = "trust.example/caldicott"

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// testLog is a log, grown and proved by another implementation.
type testLog struct {
	tree   *testonly.Tree
	signer note.Signer
	vkey   string
}

func newLog(t testing.TB, name string) *testLog {
	t.Helper()
	secret, vkey, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{testonly.New(rfc6962.DefaultHasher), signer, vkey}
}

// grow appends leaves that say what.
func (l *testLog) grow(n int, what string) *testLog {
	for range n {
		l.tree.AppendData([]byte(fmt.Sprintf("%s %d", what, l.tree.Size())))
	}
	return l
}

// fork is a log under the same key whose first leaves are the same.
func (l *testLog) fork(n int) *testLog {
	return (&testLog{testonly.New(rfc6962.DefaultHasher), l.signer, l.vkey}).grow(n, "leaf")
}

func (l *testLog) note(t testing.TB, size uint64) string {
	t.Helper()
	c := log.Checkpoint{Origin: l.signer.Name(), Size: size, Hash: l.tree.HashAt(size)}
	signed, err := note.Sign(&note.Note{Text: string(c.Marshal())}, l.signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// submission goes from one size to another.
func (l *testLog) submission(t testing.TB, from, to uint64) merkle.Submission {
	t.Helper()
	s := merkle.Submission{Old: int64(from), Note: l.note(t, to)}
	if from == 0 || from == to {
		return s
	}
	path, err := l.tree.ConsistencyProof(from, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range path {
		s.Path = append(s.Path, merkle.Hash(h))
	}
	return s
}

// host is a witness that is served.
type host struct {
	*witness.Witness
	vkey, folder, url string
	client            witness.Client
}

func newHost(t testing.TB, logs ...*testLog) host {
	t.Helper()
	secret, vkey, err := witness.GenerateKey("witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := witness.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	lines := "# known logs\n\n"
	for _, l := range logs {
		lines += "log " + l.vkey + "\n"
	}
	known, err := witness.ParseLogs(strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	h := host{vkey: vkey, folder: t.TempDir()}
	folder, err := witness.OpenFolder(h.folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	h.Witness = &witness.Witness{Key: key, Logs: known, Store: folder, Clock: func() time.Time { return now }}
	server := httptest.NewServer(witness.Handler(h.Witness, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	verifier, err := witness.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	h.url, h.client = server.URL, witness.Client{URL: server.URL + "/", Verifier: verifier}
	return h
}

func (h host) post(t testing.TB, body string) (status int, kind, answer string) {
	t.Helper()
	return h.ask(t, http.MethodPost, "/add-checkpoint", body)
}

func (h host) ask(t testing.TB, method, path, body string) (status int, kind, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answered, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answered.Body.Close()
	b, err := io.ReadAll(answered.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered.StatusCode, answered.Header.Get("Content-Type"), string(b)
}

func (h host) add(t testing.TB, s merkle.Submission) {
	t.Helper()
	if _, err := h.client.Add(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// Another implementation reads the cosignature, its time and the key.
func TestACosignatureIsVerifiedByAnotherImplementation(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(70, "leaf")
	h := newHost(t, l)
	verifier, err := formats.NewVerifierForCosignatureV1(h.vkey)
	if err != nil {
		t.Fatal(err)
	}
	sizes := []uint64{0, 1, 1, 8, 13, 70}
	for i, to := range sizes[1:] {
		s := l.submission(t, sizes[i], to)
		status, _, line := h.post(t, s.Text())
		if status != http.StatusOK {
			t.Fatalf("to %d: %d %s", to, status, line)
		}
		n, err := note.Open([]byte(s.Note+line), note.VerifierList(verifier))
		if err != nil || len(n.Sigs) != 1 {
			t.Fatalf("to %d: %v", to, err)
		}
		if at, err := formats.CoSigV1Timestamp(n.Sigs[0]); err != nil || !at.Equal(now) {
			t.Errorf("%v %v", at, err)
		}
		sum := sha256.Sum256([]byte(origin))
		status, _, last := h.ask(t, http.MethodGet, "/"+hex.EncodeToString(sum[:])+"/checkpoint", "")
		if status != http.StatusOK || last != s.Note+line {
			t.Errorf("%d\n%s\n%s%s", status, last, s.Note, line)
		}
	}
}

func TestAnotherImplementationsKeyCosignsAlike(t *testing.T) {
	t.Parallel()
	secret, vkey, err := witness.GenerateKey("w")
	if err != nil {
		t.Fatal(err)
	}
	other, err := formats.NewSignerForCosignatureV1(secret)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := witness.NewVerifier(vkey)
	if err != nil || ours.KeyHash() != other.KeyHash() {
		t.Fatalf("%v", err)
	}
	text := "a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
	signed, err := note.Sign(&note.Note{Text: text}, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(ours)); err != nil {
		t.Error(err)
	}
	if _, err := note.Open([]byte(strings.Replace(string(signed), "a\n", "b\n", 1)), note.VerifierList(ours)); err == nil {
		t.Error("another text passes")
	}
}

// Every refusal of the protocol, by its status.
func TestEveryRefusalHasTheProtocolsStatus(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(20, "leaf")
	stranger, impostor := newLog(t, "else.example").grow(20, "leaf"), newLog(t, origin).grow(20, "leaf")
	h := newHost(t, l)
	h.add(t, l.submission(t, 0, 8))
	good := l.submission(t, 8, 13)
	replace := func(old, by string) string { return strings.Replace(good.Text(), old, by, 1) }
	bad := good
	bad.Path = append([]merkle.Hash{{1}}, good.Path[1:]...)
	fork := l.fork(4).grow(16, "other")
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"nothing":               {"", 400},
		"no old size":           {replace("old 8", "new 8"), 400},
		"a zero in front":       {replace("old 8", "old 08"), 400},
		"a negative size":       {replace("old 8", "old -8"), 400},
		"a hash that is none":   {replace("old 8\n", "old 8\nx\n"), 400},
		"64 hashes":             {replace("old 8\n", "old 8\n"+strings.Repeat("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", 64)), 400},
		"no note":               {"old 8\n\n", 400},
		"a note without a size": {"old 8\n\n" + origin + "\nx\n\n— a AAAAAAAA\n", 400},
		"too long":              {good.Text() + strings.Repeat("x", 1<<16), 400},
		"a smaller log":         {l.submission(t, 0, 7).Text(), 409},
		"larger than the new":   {strings.Replace(l.submission(t, 0, 7).Text(), "old 0", "old 8", 1), 400},
		"another log":           {stranger.submission(t, 0, 8).Text(), 404},
		"another key":           {impostor.submission(t, 8, 13).Text(), 403},
		"another text":          {replace(origin+"\n13", origin+"\n14"), 403},
		"an older size":         {l.submission(t, 4, 13).Text(), 409},
		"a newer size":          {l.submission(t, 9, 13).Text(), 409},
		"another tree":          {fork.submission(t, 8, 8).Text(), 409},
		"a wrong proof":         {bad.Text(), 422},
		"a proof too much":      {merkle.Submission{Old: 8, Path: good.Path, Note: l.note(t, 8)}.Text(), 422},
		"no proof":              {merkle.Submission{Old: 8, Note: l.note(t, 13)}.Text(), 422},
		"a fork's proof":        {fork.submission(t, 8, 13).Text(), 422},
	} {
		status, kind, answer := h.post(t, c.body)
		if status != c.status {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		if sized := kind == "text/x.tlog.size"; sized != (status == 409 && name != "another tree") || sized && answer != "8\n" {
			t.Errorf("%s: %s %q", name, kind, answer)
		}
	}
	if status, _, _ := h.ask(t, http.MethodGet, "/add-checkpoint", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("GET is %d", status)
	}
	for _, id := range []string{"x", witness.LogID("else.example"), "..%2f..%2fetc"} {
		if status, _, _ := h.ask(t, http.MethodGet, "/"+id+"/checkpoint", ""); status != http.StatusNotFound {
			t.Errorf("%s is %d", id, status)
		}
	}
	h.add(t, good) // none of it has moved the witness
}

// What others have signed, and lines after the root, are taken with what they are.
func TestACheckpointMayCarryMoreThanItsLogsSignature(t *testing.T) {
	t.Parallel()
	l, other := newLog(t, origin).grow(3, "leaf"), newLog(t, "x")
	h := newHost(t, l)
	text, _, _ := strings.Cut(l.note(t, 3), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\nan extension\n"}, other.signer, l.signer)
	if err != nil {
		t.Fatal(err)
	}
	h.add(t, merkle.Submission{Note: string(signed)})
	kept, err := h.Store.Load(origin)
	if err != nil || strings.Contains(kept, "— x ") || !strings.Contains(kept, "an extension\n\n— "+origin) {
		t.Errorf("%v %s", err, kept)
	}
	h.add(t, l.submission(t, 3, 3))
}

// The log signs two histories: to one witness this, to another that. Both notes are kept by whoever is shown both.
func TestASplitViewLeavesEvidence(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(10, "leaf")
	fork := l.fork(6).grow(4, "other")
	first, second := newHost(t, l), newHost(t, l)
	first.add(t, l.submission(t, 0, 10))
	second.add(t, fork.submission(t, 0, 10))
	_, err := second.client.Add(t.Context(), l.submission(t, 10, 10))
	refusal, is := errors.AsType[*witness.Refusal](err)
	if !is || refusal.Status != http.StatusConflict || refusal.Known >= 0 {
		t.Fatalf("%v", err)
	}
	more := l.submission(t, 10, 10)
	more.Note = strings.Replace(more.Note, "\n\n", "\n\n— x AAAAAAAA\n", 1) // anybody can add this
	if _, err := second.client.Add(t.Context(), more); err == nil {
		t.Error("a fork is cosigned")
	}
	if _, err = second.client.Add(t.Context(), l.submission(t, 10, 10)); err == nil {
		t.Error("a fork is cosigned")
	}
	files, err := filepath.Glob(filepath.Join(second.folder, "*.evidence-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil || !strings.HasPrefix(string(b), fork.note(t, 10)) || !strings.HasSuffix(string(b), l.note(t, 10)) {
		t.Errorf("%v\n%s", err, b)
	}
	verifier, err := note.NewVerifier(l.vkey)
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(b), "\n\n"+"— ")
	_, last, _ = strings.Cut(last, "\n\n")
	if _, err := note.Open([]byte(last), note.VerifierList(verifier)); err != nil {
		t.Errorf("the second note does not stand alone: %v", err)
	}
}

// Of many submissions from one size exactly one goes on, and what it leads to is what is kept.
func TestOfConcurrentSubmissionsFromOneSizeOneSucceeds(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(60, "leaf")
	h := newHost(t, l)
	from := uint64(0)
	for range 10 {
		var done [5]error
		var all sync.WaitGroup
		for i := range done {
			s := l.submission(t, from, from+uint64(i)+1)
			all.Go(func() { _, done[i] = h.client.Add(context.WithoutCancel(t.Context()), s) })
		}
		all.Wait()
		won := 0
		for i, err := range done {
			refusal, refused := errors.AsType[*witness.Refusal](err)
			switch {
			case err == nil:
				won = i + 1
			case !refused || refusal.Status != http.StatusConflict || refusal.Known <= int64(from):
				t.Errorf("%v", err)
			}
		}
		succeeded := 0
		for _, err := range done {
			if err == nil {
				succeeded++
			}
		}
		if succeeded != 1 {
			t.Fatalf("%d succeeded from %d", succeeded, from)
		}
		from += uint64(won)
		if kept, err := h.Store.Load(origin); err != nil || !strings.HasPrefix(kept, fmt.Sprintf("%s\n%d\n", origin, from)) {
			t.Fatalf("%v %s", err, kept)
		}
	}
}

// killed is a store whose writer dies: before the file is replaced, or after it and before the answer.
type killed struct {
	witness.Store
	after bool
}

var errKilled = errors.New("killed")

func (k killed) Save(origin, cosigned string) error {
	if !k.after {
		return errKilled
	}
	return errors.Join(k.Store.Save(origin, cosigned), errKilled)
}

func TestAWitnessThatDiesWhileItWritesNeverCosignsTwoHistories(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(20, "leaf")
	fork := l.fork(8).grow(12, "other")
	for _, after := range []bool{false, true} {
		h := newHost(t, l)
		h.add(t, l.submission(t, 0, 8))
		store := h.Store
		h.Store = killed{store, after}
		status, _, answer := h.post(t, l.submission(t, 8, 13).Text())
		if status != http.StatusInternalServerError || strings.Contains(answer, "—") {
			t.Errorf("%d %s", status, answer)
		}
		h.Store = store
		want := map[bool]int64{false: 8, true: 13}[after]
		_, err := h.client.Add(t.Context(), l.submission(t, 0, 20))
		if refusal, is := errors.AsType[*witness.Refusal](err); !is || refusal.Known != want {
			t.Errorf("%v", err)
		}
		_, err = h.client.Add(t.Context(), fork.submission(t, 13, 13))
		if _, is := errors.AsType[*witness.Refusal](err); !is {
			t.Errorf("%v", err)
		}
		h.add(t, l.submission(t, uint64(want), 13)) // the log asks again
	}
}

func TestAWitnessThatCannotReadWhatItCosignedCosignsNothing(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(9, "leaf")
	h := newHost(t, l)
	h.add(t, l.submission(t, 0, 8))
	file := filepath.Join(h.folder, witness.LogID(origin)+".checkpoint")
	for _, content := range []string{"", "else\n8\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— x AAAAAAAA\n", "x"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []uint64{0, 8} {
			if status, _, _ := h.post(t, l.submission(t, from, 9).Text()); status != http.StatusInternalServerError {
				t.Errorf("%q: %d", content, status)
			}
		}
	}
	if _, err := witness.OpenFolder(h.folder); err == nil {
		t.Error("two witnesses have one folder")
	}
	if _, err := witness.OpenFolder(filepath.Join(h.folder, "lost")); err == nil {
		t.Error("a lost folder passes for a new one")
	}
}

// What a witness answers is not believed.
func TestALyingWitnessGivesNothing(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(9, "leaf")
	honest, other := newHost(t, l), newHost(t, l)
	line, err := other.client.Add(t.Context(), l.submission(t, 0, 9))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := honest.client.Add(t.Context(), l.submission(t, 0, 8))
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"another's key":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, line+"\n") },
		"another size":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, elsewhere+"\n") },
		"nothing":          func(http.ResponseWriter, *http.Request) {},
		"more than a line": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x\n\n"+elsewhere+"\n") },
		"a size that is none": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, "-1\n")
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, honest.url+"/add-checkpoint", http.StatusTemporaryRedirect)
		},
	} {
		server := httptest.NewServer(answer)
		client := witness.Client{URL: server.URL, Verifier: honest.client.Verifier}
		if line, err := client.Add(t.Context(), l.submission(t, 8, 9)); err == nil {
			t.Errorf("%s: %s", name, line)
		}
		server.Close()
	}
	honest.add(t, l.submission(t, 8, 9))
}

// A witness that cosigns more than it was sent gives a line that is of no use on the note.
func TestACosignatureOfMoreThanTheNoteIsRefused(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(1, "leaf")
	secret, vkey, err := witness.GenerateKey("w")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := formats.NewSignerForCosignatureV1(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := witness.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(l.note(t, 1), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n\nmore\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.TrimPrefix(string(signed), text+"\n\n"))
	}))
	defer server.Close()
	if line, err := (witness.Client{URL: server.URL, Verifier: verifier}).Add(t.Context(), l.submission(t, 0, 1)); err == nil {
		t.Error(line)
	}
}

func TestAKeyIsReadBackOrRefused(t *testing.T) {
	t.Parallel()
	secret, vkey, err := witness.GenerateKey("w")
	if err != nil {
		t.Fatal(err)
	}
	key, err := witness.ParseKey(" " + secret + "\n")
	if err != nil || key.Verifier() != vkey {
		t.Fatalf("%v %s", err, key.Verifier())
	}
	_, log, err := note.GenerateKey(nil, "w")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", vkey, secret[1:], strings.Replace(secret, "+w+", "+v+", 1), secret[:len(secret)-4], "PRIVATE+KEY+" + vkey} {
		if _, err := witness.ParseKey(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", log, strings.Replace(vkey, "w+", "v+", 1), vkey + "A", secret} {
		if _, err := witness.NewVerifier(bad); err == nil {
			t.Errorf("%q is a witness's", bad)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "\xff", "a\u00a0b"} {
		if _, _, err := witness.GenerateKey(name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}
