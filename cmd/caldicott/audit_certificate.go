package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

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
	Keys string `required:"" type:"existingfile" placeholder:"FILE" help:"Public keys of the receipts and of the log, one a line, as you have them from elsewhere."`
	JSON bool   `name:"json" help:"Print for programs."`
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
	if errors.As(err, new(*note.UnverifiedNoteError)) || errors.Is(err, audit.ErrUnknownKey) || errors.Is(err, certificate.ErrUnproved) {
		return cannotTell(t, err)
	}
	said := printer{t: t, json: c.JSON}
	if err != nil {
		why := err.Error()
		return errors.Join(said.value(map[string]any{"holds": false, "why": why}, "THE CERTIFICATE DOES NOT HOLD: "+why), exit(exitTampered))
	}
	var text strings.Builder
	lines := make([][2]string, len(certified.Lines))
	for i, l := range certified.Lines {
		lines[i] = [2]string{l.Name, l.Value}
		fmt.Fprintf(&text, "%-14s %s\n", l.Name, l.Value)
	}
	fmt.Fprintf(&text, "The certificate holds: signed for the log %s, whose entry says the same, and is in the signed log.", certified.Origin)
	return said.value(map[string]any{"holds": true, "origin": certified.Origin, "lines": lines}, text.String())
}
