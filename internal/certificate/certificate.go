// Package certificate is a decision on paper: what was decided, as signed lines of codes that anybody can check without the
// service, beside the entry of the trail that they rest on and the proof that it is in the log.
package certificate

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Suffix is how the first line ends; what stands before it is the log's origin. Nothing else that is signed ends so.
const Suffix = "/certificate"

// Line is one statement: codes, ids, dates and digests, never words that somebody wrote.
type Line struct{ Name, Value string }

// Certificate is what is signed.
type Certificate struct {
	Origin string // of the log
	Lines  []Line // in the order of the form
}

// form is the names of the lines in their order, and how often each may stand: least and most, 0 for any number.
var form = []struct {
	name        string
	least, most int
}{
	{"organisation", 1, 1}, {"request", 1, 1}, {"reference", 0, 1}, {"decision", 1, 1}, {"deed", 1, 1}, {"version", 1, 1}, {"digest", 1, 1},
	{"outcome", 1, 1}, {"decided-at", 1, 1}, {"decided-by", 1, 1}, {"person", 0, 1}, {"capacity", 0, 1}, {"appointment", 0, 1},
	{"delegation", 0, 1}, {"lawful-basis", 0, 0}, {"principle", 0, 0}, {"finding", 0, 0}, {"rationale", 0, 1}, {"condition", 0, 0},
	{"refer-to", 0, 0}, {"review-date", 0, 1}, {"expiry-date", 0, 1}, {"authorisation", 0, 1}, {"entry", 1, 1}, {"leaf", 1, 1}, {"issued-at", 1, 1},
}

// ErrForm is what everything fails with that is no certificate.
var ErrForm = errors.New("it is no certificate")

// New puts lines into the order of the form; those without a value are left out.
func New(origin string, lines ...Line) (Certificate, error) {
	c := Certificate{Origin: origin}
	for _, f := range form {
		for _, l := range lines {
			if l.Name == f.name && l.Value != "" {
				c.Lines = append(c.Lines, l)
			}
		}
	}
	if _, err := Parse(c.Text()); err != nil {
		return Certificate{}, err
	}
	return c, nil
}

// Text is the body of the signed note.
func (c Certificate) Text() string {
	var b strings.Builder
	b.WriteString(c.Origin + Suffix + "\n")
	for _, l := range c.Lines {
		b.WriteString(l.Name + " " + l.Value + "\n")
	}
	return b.String()
}

// Parse reads the body of a signed note. It takes what Text writes: every line known, in its order, as often as it may stand.
func Parse(text string) (Certificate, error) {
	first, rest, _ := strings.Cut(text, "\n")
	c := Certificate{Origin: strings.TrimSuffix(first, Suffix)}
	for line := range strings.Lines(rest) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		c.Lines = append(c.Lines, Line{name, value})
	}
	if c.Origin == "" || c.Text() != text || !c.inForm() {
		return Certificate{}, ErrForm
	}
	return c, nil
}

func (c Certificate) inForm() bool {
	rest := c.Lines
	for _, f := range form {
		n := 0
		for n < len(rest) && rest[n].Name == f.name && plain(rest[n].Value) {
			n++
		}
		if n < f.least || f.most > 0 && n > f.most {
			return false
		}
		rest = rest[n:]
	}
	return len(rest) == 0
}

// plain says whether a value is printable ASCII, without blanks at its ends.
func plain(s string) bool {
	return s != "" && s == strings.TrimSpace(s) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// Get is the value of a line that stands once; "" where it does not stand.
func (c Certificate) Get(name string) string {
	for _, l := range c.Lines {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// Open reads a signed certificate and checks that a key of that name behind the log's origin has signed it.
func Open(signed, keySuffix string, keys note.Verifiers) (Certificate, error) {
	opened, err := note.Open([]byte(signed), keys)
	if err != nil {
		return Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	c, err := Parse(opened.Text)
	if err != nil {
		return Certificate{}, err
	}
	for _, s := range opened.Sigs {
		if s.Name == c.Origin+keySuffix {
			return c, nil
		}
	}
	return Certificate{}, fmt.Errorf("certificate: signed, but not by a key of %s", c.Origin+keySuffix)
}

// Word is something that somebody wrote, which the certificate binds without showing it: whoever has the word can prove it, and
// nobody can guess it from the certificate.
type Word struct {
	Of   string `json:"of"` // rationale, or a condition's label
	Text string `json:"text"`
	Salt string `json:"salt"` // hexadecimal
}

// NewWord salts a word.
func NewWord(of, text string) (Word, error) {
	var salt [16]byte
	_, err := rand.Read(salt[:])
	return Word{of, text, hex.EncodeToString(salt[:])}, err
}

// Digest is what the certificate says of the word.
func (w Word) Digest() string {
	sum := sha256.Sum256([]byte(w.Salt + w.Text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Bound says whether the certificate was signed over this word.
func (c Certificate) Bound(w Word) bool {
	for _, l := range c.Lines {
		fields := strings.Fields(l.Value)
		if len(fields) == 0 || fields[len(fields)-1] != w.Digest() {
			continue
		}
		if l.Name == w.Of && len(fields) == 1 || l.Name == "condition" && fields[0] == w.Of {
			return true
		}
	}
	return false
}

// Document is a certificate with what proves it. Proof is "" until the entry is in the signed log; Words are for those only
// who may read the request.
type Document struct {
	Certificate string `json:"certificate"`
	Entry       string `json:"entry"`
	Proof       string `json:"proof,omitempty"`
	Words       []Word `json:"words,omitempty"`
}

const entryMark = "\nentry "

// Text is the document as one file: the note, the entry in one line, and the proof. The words are left out.
func (d Document) Text() string {
	text := d.Certificate + entryMark + d.Entry + "\n"
	if d.Proof != "" {
		text += "\n" + d.Proof
	}
	return text
}

// Read reads a document, as JSON or as Text wrote it.
func Read(file string) (Document, error) {
	var d Document
	if strings.HasPrefix(file, "{") {
		err := json.Unmarshal([]byte(file), &d)
		return d, err
	}
	signed, rest, found := strings.Cut(file, "\n"+entryMark) // the note ends with its line's end
	entry, proof, whole := strings.Cut(rest, "\n")
	if !found || !whole {
		return Document{}, ErrForm
	}
	d.Certificate, d.Entry = signed+"\n", entry
	if proof != "" {
		if d.Proof, found = strings.CutPrefix(proof, "\n"); !found || d.Proof == "" {
			return Document{}, ErrForm
		}
	}
	return d, nil
}
