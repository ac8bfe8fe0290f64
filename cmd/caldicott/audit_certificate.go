package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/certificate"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/receipt"
)

// certificateCommand is about the certificates of decisions.
type certificateCommand struct {
	Check checkCertificateCommand `cmd:"" help:"Check a decision's certificate without the service: exit 0 sound, 2 tampered, 3 cannot tell."`
}

// checkCertificateCommand needs a file and public keys, and nothing else.
type checkCertificateCommand struct {
	File string `arg:"" type:"existingfile" help:"The certificate, as JSON or as text/plain."`
	Keys string `required:"" type:"existingfile" help:"Verifier keys of the service's receipts and of the log, one a line, as you have them from elsewhere."`
}

// Run says whether everything that the document holds agrees, and what it certifies.
func (c *checkCertificateCommand) Run(t *tools) error {
	keys, err := verifierKeys(c.Keys)
	if err != nil {
		return err
	}
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	document, err := certificate.Read(string(file))
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	certified, err := checkCertificate(document, keys)
	switch {
	case errors.As(err, new(*note.UnverifiedNoteError)), errors.Is(err, errUnproved):
		return cannotTell(t, err)
	case err != nil:
		fmt.Fprintln(t.out, "THE CERTIFICATE DOES NOT HOLD:", err)
		return exit(exitTampered)
	}
	for _, l := range certified.Lines {
		if _, err := fmt.Fprintf(t.out, "%-14s %s\n", l.Name, l.Value); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(t.out, "The certificate holds: signed for the log %s, whose entry says the same, and is in the signed log.\n", certified.Origin)
	return err
}

// errUnproved says that everything agrees, but that the entry was not in the signed log yet.
var errUnproved = errors.New("the certificate was issued before its entry was in the signed log; ask for it again")

// checkCertificate holds the note against its signature, the entry against the note, and the proof against both.
func checkCertificate(d certificate.Document, keys note.Verifiers) (certificate.Certificate, error) {
	c, err := certificate.Open(d.Certificate, receipt.Suffix, keys)
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
		return c, errUnproved
	}
	proof, err := merkle.ParseProof(d.Proof)
	if err != nil {
		return c, err
	}
	return c, checkProof(proof, c.Origin, leaf, keys)
}

// sameDecision holds what the certificate says against what the entry says. A decision on an authorisation may be about an
// earlier version than the one that stood when it was made; the entry's digest is then that of the latter.
func sameDecision(c certificate.Certificate, e audit.Entry) error {
	pairs := []struct{ name, entry string }{
		{"deed", e.Action}, {"outcome", e.Facts["decision"]}, {"request", e.Request}, {"reference", e.Facts["reference"]},
		{"decided-at", e.At.Format(time.RFC3339Nano)}, {"person", e.Actor}, {"capacity", e.Acting}, {"appointment", e.Appointment},
		{"delegation", e.Delegation}, {"entry", e.Stream + " " + strconv.Itoa(e.Seq)},
	}
	if c.Get("version") == strconv.Itoa(e.Version) {
		pairs = append(pairs, struct{ name, entry string }{"digest", e.Digest})
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
