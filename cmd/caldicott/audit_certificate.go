package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/certificate"
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
	keys, err := readKeys(c.Keys)
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
	certified, err := document.Check(receipt.Suffix, keys)
	switch {
	case errors.As(err, new(*note.UnverifiedNoteError)), errors.Is(err, audit.ErrUnknownKey), errors.Is(err, certificate.ErrUnproved):
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
