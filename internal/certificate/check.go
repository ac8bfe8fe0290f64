package certificate

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/merkle"
)

// ErrUnproved says that everything agrees, but that the entry was not in the signed log yet.
var ErrUnproved = errors.New("the certificate was issued before its entry was in the signed log; ask for it again")

// Check holds the note against its signature (by a key of that name behind the log's origin), the entry against the note, and the
// proof against both.
func (d Document) Check(keySuffix string, keys audit.Keys) (Certificate, error) {
	c, err := Open(d.Certificate, keySuffix, keys.Receipts())
	if err != nil {
		return c, err
	}
	leaf := merkle.Leaf([]byte(d.Entry))
	if leaf.String() != c.Get("leaf") {
		return c, fmt.Errorf("the entry has the leaf hash %s, and the certificate names %s", leaf, c.Get("leaf"))
	}
	entry, err := audit.ParseEntry([]byte(d.Entry))
	if err != nil {
		return c, err
	}
	if err := sameDecision(c, entry); err != nil {
		return c, err
	}
	for _, w := range d.Words {
		if !c.Bound(w) {
			return c, fmt.Errorf("what is given as the words of %s is not what was certified", w.Of)
		}
	}
	if d.Proof == "" {
		return c, ErrUnproved
	}
	proof, err := audit.CheckLeaf(d.Proof, leaf)
	if err != nil {
		return c, err
	}
	return c, keys.OfLog(proof.Note, c.Origin)
}

// sameDecision holds what the certificate says against what the entry says. A decision on an authorisation may be about an
// earlier version than the one that stood when it was made; the entry's digest is then that of the latter.
func sameDecision(c Certificate, e audit.Entry) error {
	pairs := []struct{ name, entry string }{
		{"deed", e.Action}, {"outcome", e.Facts["decision"]}, {"request", e.Request}, {"reference", e.Facts["reference"]},
		{"decided-at", e.At.Format(time.RFC3339Nano)}, {"person", e.Actor}, {"capacity", e.Acting}, {"appointment", e.Appointment},
		{"delegation", e.Delegation}, {"entry", e.Stream + " " + strconv.Itoa(e.Seq)},
	}
	if c.Get("version") == strconv.Itoa(e.Version) {
		pairs = append(pairs, struct{ name, entry string }{"digest", e.Digest})
	}
	if e.Action == "decide" || e.Action == "set_aside" { // the others' subject is what the decision was about
		pairs = append(pairs, struct{ name, entry string }{"decision", e.Subject})
	}
	for _, p := range pairs {
		if c.Get(p.name) != p.entry {
			return fmt.Errorf("%s is %q in the certificate, and %q in the entry", p.name, c.Get(p.name), p.entry)
		}
	}
	if e.Outcome != audit.Done {
		return fmt.Errorf("the entry is of a deed that was %s", e.Outcome)
	}
	return nil
}
