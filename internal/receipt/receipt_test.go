package receipt_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/receipt"
)

const origin = "trust.example/caldicott"

var at = time.Date(2026, 11, 22, 9, 30, 0, 250_000_000, time.UTC)

// key makes a key pair of that name.
func key(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

// signed is a receipt for the seventh entry of a chain.
func signed(t testing.TB, keys ...note.Signer) string {
	t.Helper()
	s, err := receipt.NewSigner(keys, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Sign("request:r1", 7, merkle.Hash{1, 2, 3}, at)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAReceiptSaysWhatIsPromisedAndByWhom(t *testing.T) {
	t.Parallel()
	signer, verifier := key(t, origin+receipt.Suffix)
	r, err := receipt.Open(signed(t, signer), note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	want := receipt.Receipt{
		Origin: origin, Stream: "request:r1", Seq: 7, Leaf: merkle.Hash{1, 2, 3}, SealBy: time.Date(2026, 11, 22, 9, 31, 1, 0, time.UTC),
	}
	if r != want {
		t.Errorf("it says %+v, not %+v", r, want)
	}
}

func TestAReceiptIsKeptInWhateverFormItCame(t *testing.T) {
	t.Parallel()
	signer, _ := key(t, origin+receipt.Suffix)
	want := signed(t, signer)
	header := receipt.Header(want)
	if strings.ContainsAny(header, "\r\n") {
		t.Error("a header has one line")
	}
	for _, kept := range []string{want, header, header + "\n", "Audit-Receipt: " + header + "\r\n", "HTTP/1.1 201 Created\r\nETag: \"1\"\r\naudit-receipt:" + header + "\r\nDate: today\r\n"} {
		if got, err := receipt.Unfold(kept); err != nil || got != want {
			t.Errorf("%.30q: %v", kept, err)
		}
	}
	for _, kept := range []string{"", "Date: today", "not base64!", strings.Repeat("A", 1<<15)} {
		if got, err := receipt.Unfold(kept); err == nil && got != "" {
			t.Errorf("%.30q was taken for a receipt", kept)
		}
	}
}

func TestNobodyElseSignsReceipts(t *testing.T) {
	t.Parallel()
	ours, public := key(t, origin+receipt.Suffix)
	other, others := key(t, origin+receipt.Suffix)
	foreign, foreigner := key(t, "elsewhere.example/log"+receipt.Suffix)
	changed := strings.Replace(signed(t, ours), " 7\n", " 8\n", 1)
	text, _, _ := strings.Cut(signed(t, ours), "\n\n")
	under, err := note.Sign(&note.Note{Text: text + "\n"}, foreign)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		note string
		key  note.Verifier
	}{
		"changed": {changed, public}, "another key of the name": {signed(t, other), public}, "the wrong public key": {signed(t, ours), others},
		"another log's key": {string(under), foreigner}, "no note": {"receipt", public}, "too long": {strings.Repeat("a", 1<<14), public},
	} {
		if _, err := receipt.Open(c.note, note.VerifierList(c.key)); err == nil {
			t.Errorf("%s: it was believed", name)
		}
	}
}

func TestBothKeysSignWhileOneTakesOverFromTheOther(t *testing.T) {
	t.Parallel()
	old, before := key(t, origin+receipt.Suffix)
	fresh, after := key(t, origin+receipt.Suffix)
	text := signed(t, old, fresh)
	for _, v := range []note.Verifier{before, after} {
		if _, err := receipt.Open(text, note.VerifierList(v)); err != nil {
			t.Error(err)
		}
	}
	stray, _ := key(t, origin)
	foreign, _ := key(t, "elsewhere.example/log"+receipt.Suffix)
	for _, keys := range [][]note.Signer{{}, {stray}, {old, foreign}} {
		if _, err := receipt.NewSigner(keys, time.Minute); err == nil {
			t.Error("keys of no log's receipts were taken")
		}
	}
}

func TestAPromiseIsBrokenOnlyOnceTheLogHasGoneOnWithoutIt(t *testing.T) {
	t.Parallel()
	r := receipt.Receipt{SealBy: at}
	for _, c := range []struct {
		found bool
		until time.Time
		want  receipt.Verdict
	}{
		{true, at.Add(-time.Hour), receipt.Sealed}, {true, at.Add(time.Hour), receipt.Sealed},
		{false, time.Time{}, receipt.Due}, {false, at, receipt.Due}, {false, at.Add(time.Second), receipt.Broken},
	} {
		if got := r.Judge(c.found, c.until); got != c.want {
			t.Errorf("found %t, until %s: %s, not %s", c.found, c.until, got, c.want)
		}
	}
}

func TestAStreamThatWouldMakeAnotherReceiptIsNotSigned(t *testing.T) {
	t.Parallel()
	signer, _ := key(t, origin+receipt.Suffix)
	s, err := receipt.NewSigner([]note.Signer{signer}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"", "a b", "a\nb"} {
		if _, err := s.Sign(stream, 1, merkle.Hash{}, at); !errors.Is(err, receipt.ErrForm) {
			t.Errorf("%q: %v", stream, err)
		}
	}
	if _, err := s.Sign("request:r1", 0, merkle.Hash{}, at); !errors.Is(err, receipt.ErrForm) {
		t.Errorf("place 0 of a chain: %v", err)
	}
}

func TestWhatIsStatedInTheLogsNameIsTakenForNoOtherPromise(t *testing.T) {
	t.Parallel()
	signer, verifier := key(t, origin+receipt.Suffix)
	s, err := receipt.NewSigner([]note.Signer{signer}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	const statement = origin + "/statement/v1\ncount 0\n"
	if text, err := s.State(statement); err != nil {
		t.Error(err)
	} else if opened, err := note.Open([]byte(text), note.VerifierList(verifier)); err != nil || opened.Text != statement {
		t.Errorf("%q %v", text, err)
	}
	checkpoint := merkle.Checkpoint{Origin: origin, Tree: merkle.Tree{Size: 7}}
	another := checkpoint
	another.Origin += "/statement"
	promised := receipt.Receipt{Origin: origin, Stream: "request:r1", Seq: 7, SealBy: at}
	for _, text := range []string{
		checkpoint.Text(), another.Text(), promised.Text(), "elsewhere.example/statement/v1\n", origin + "\n", origin + "/statement/v1", "",
	} {
		if _, err := s.State(text); err == nil {
			t.Errorf("it states %q", text)
		}
	}
}

// FuzzParse: whatever is read is written back as it was.
func FuzzParse(f *testing.F) {
	f.Add(receipt.Receipt{Origin: origin, Stream: "request:r1", Seq: 7, SealBy: at}.Text())
	f.Add(origin + "/receipt\nrequest:r1 07\n\nseal-by 1\n")
	f.Add("\n\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := receipt.Parse(text)
		if err == nil && r.Text() != text {
			t.Errorf("%q was read as %q", text, r.Text())
		}
		if signed, err := receipt.Unfold(text); err == nil {
			_, _ = receipt.Open(signed, note.VerifierList())
		}
	})
}
