// Package receipt is the promise that every deed is answered with: by when its entry of the trail is sealed into the log.
// Whoever keeps the answer can prove that a promise was broken.
package receipt

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Suffix is how the name of a receipt key ends; what stands before it is the log's origin. A receipt signed under it can
// never be taken for a checkpoint.
const Suffix = "/receipt"

// Receipt promises that one entry of a chain is a leaf of the log by an instant.
//
//	receipt.Receipt{Origin: "trust.example/caldicott", Stream: "request:…", Seq: 7, Leaf: leaf, SealBy: now.Add(time.Minute)}
type Receipt struct {
	Origin string // of the log
	Stream string // the chain
	Seq    int    // place in the chain, from 1
	Leaf   merkle.Hash
	SealBy time.Time // whole seconds
}

// ErrForm is what everything fails with that is no receipt.
var ErrForm = errors.New("it is no receipt")

// Text is the body of the signed note.
func (r Receipt) Text() string {
	return r.Origin + Suffix + "\n" + r.Stream + " " + strconv.Itoa(r.Seq) + "\n" + base64.StdEncoding.EncodeToString(r.Leaf[:]) +
		"\nseal-by " + strconv.FormatInt(r.SealBy.Unix(), 10) + "\n"
}

// Parse reads the body of a signed note, and takes nothing but what Text writes: two spellings of one promise would be two
// signatures.
func Parse(text string) (Receipt, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 {
		return Receipt{}, ErrForm
	}
	stream, seq, _ := strings.Cut(lines[1], " ")
	n, err := strconv.Atoi(seq)
	if err != nil || n < 1 || stream == "" {
		return Receipt{}, ErrForm
	}
	leaf, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(leaf) != len(merkle.Hash{}) {
		return Receipt{}, ErrForm
	}
	by, err := strconv.ParseInt(strings.TrimPrefix(lines[3], "seal-by "), 10, 64)
	if err != nil || by < 0 {
		return Receipt{}, ErrForm
	}
	r := Receipt{
		Origin: strings.TrimSuffix(lines[0], Suffix), Stream: stream, Seq: n, Leaf: merkle.Hash(leaf), SealBy: time.Unix(by, 0).UTC(),
	}
	if r.Origin == "" || r.Text() != text {
		return Receipt{}, ErrForm
	}
	return r, nil
}

// Signer signs receipts, and what else is said in the log's name, with every key it has: during a rotation, the old one and the
// new one.
type Signer struct {
	origin  string
	keys    []note.Signer
	promise time.Duration
}

// NewSigner takes keys that are all named after one log's origin, and for how long after it an entry may be unsealed.
func NewSigner[K note.Signer](keys []K, promise time.Duration) (*Signer, error) {
	s := &Signer{promise: promise}
	for _, k := range keys {
		origin, ok := strings.CutSuffix(k.Name(), Suffix)
		if !ok || origin == "" || s.origin != "" && origin != s.origin {
			return nil, fmt.Errorf("the name of a receipt key is its log's origin and %s, the same for all of them", Suffix)
		}
		s.origin, s.keys = origin, append(s.keys, k)
	}
	if len(s.keys) == 0 {
		return nil, errors.New("there is no receipt key")
	}
	return s, nil
}

// Sign promises, as of that instant, that the entry will be sealed. It gives the signed note.
func (s *Signer) Sign(stream string, seq int, leaf merkle.Hash, at time.Time) (string, error) {
	by := at.Add(s.promise + time.Second - 1).Truncate(time.Second) // the promise is never shorter than it was meant
	r := Receipt{Origin: s.origin, Stream: stream, Seq: seq, Leaf: leaf, SealBy: by}
	if _, err := Parse(r.Text()); err != nil {
		return "", fmt.Errorf("receipt for %s: %w", stream, err)
	}
	signed, err := note.Sign(&note.Note{Text: r.Text()}, s.keys...)
	if err != nil {
		return "", fmt.Errorf("sign a receipt: %w", err)
	}
	return string(signed), nil
}

// Origin is the log's.
func (s *Signer) Origin() string { return s.origin }

// State signs another text that is said in the log's name, such as a certificate. Its first line says what it is, behind the
// log's origin; it must be one that could be taken neither for a receipt nor for a checkpoint, which are other promises.
func (s *Signer) State(text string) (string, error) {
	first, _, _ := strings.Cut(text, "\n")
	if _, err := merkle.ParseCheckpoint(text); err == nil || !strings.HasPrefix(first, s.origin+"/") || first == s.origin+Suffix {
		return "", errors.New("it is no statement of this log")
	}
	signed, err := note.Sign(&note.Note{Text: text}, s.keys...)
	if err != nil {
		return "", fmt.Errorf("sign a statement: %w", err)
	}
	return string(signed), nil
}

// maxNote bounds a signed note: a header has to hold it.
const maxNote = 8192

// Open reads a signed receipt and checks that one of the keys has signed it under its own name.
func Open(signed string, keys note.Verifiers) (Receipt, error) {
	if len(signed) > maxNote {
		return Receipt{}, ErrForm
	}
	n, err := note.Open([]byte(signed), keys)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	r, err := Parse(n.Text)
	if err != nil {
		return Receipt{}, err
	}
	for _, s := range n.Sigs {
		if s.Name == r.Origin+Suffix {
			return r, nil
		}
	}
	return Receipt{}, fmt.Errorf("receipt: signed, but not by a key of %s%s", r.Origin, Suffix)
}

// Header is a signed note in one line, as the header Audit-Receipt has it.
func Header(signed string) string { return base64.StdEncoding.EncodeToString([]byte(signed)) }

// Unfold gives the signed note of what somebody has kept: the header's value, the headers of the answer, or the note itself.
func Unfold(kept string) (string, error) {
	if len(kept) > 2*maxNote {
		return "", ErrForm
	}
	if strings.Contains(kept, "\n\n— ") {
		return kept, nil
	}
	for line := range strings.Lines(kept) {
		if name, value, found := strings.Cut(line, ":"); found && strings.EqualFold(strings.TrimSpace(name), "Audit-Receipt") {
			kept = value
			break
		}
	}
	signed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(kept))
	if err != nil {
		return "", ErrForm
	}
	return string(signed), nil
}

// Verdict is what became of a promise.
type Verdict string

// Verdicts.
const (
	Sealed Verdict = "sealed" // the leaf is in the log
	Due    Verdict = "due"    // it is not, and what was seen of the log ends before the time promised
	Broken Verdict = "broken" // the log has gone on past the time promised without it
)

// Judge says what became of the promise, by whether the leaf was found in the log, and until when that log is known to
// have gone on.
func (r Receipt) Judge(found bool, until time.Time) Verdict {
	switch {
	case found:
		return Sealed
	case until.After(r.SealBy):
		return Broken
	}
	return Due
}
