package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/receipt"
	"github.com/caldicott/caldicott/internal/vault"
)

// demoOrigin is the name of the demonstration's log.
const demoOrigin = "caldicott.invalid/demonstration"

// demoKeys gives a demonstration the keys that it needs, made the first time: for documents, the log and receipts. The public
// halves of the last two are put beside the data in the file keys, for whoever tries to verify.
func demoKeys(c Config) (Config, error) {
	at := func(name string) string { return filepath.Join(c.Embedded.DataDir, name) }
	signing := func(name string) func() (string, error) {
		return func() (string, error) {
			secret, _, err := notary.GenerateKey(name)
			return secret, err
		}
	}
	if c.LogKeys == "" {
		c.LogOrigin, c.LogMemory = demoOrigin, at("log-signed")
	}
	var faults error
	for _, k := range []struct {
		setting  *string
		file     string
		generate func() (string, error)
	}{
		{&c.DocumentKeys, "document-key", func() (string, error) { return vault.GenerateKey("demonstration", nil) }},
		{&c.LogKeys, "log-key", signing(demoOrigin)},
		{&c.ReceiptKey, "receipt-key", signing(demoOrigin + receipt.Suffix)},
	} {
		if *k.setting != "" {
			continue
		}
		var err error
		*k.setting, err = demoKey(at(k.file), k.generate)
		faults = errors.Join(faults, err)
	}
	if faults != nil {
		return c, faults
	}
	keys, err := notary.ParseKeys(strings.NewReader(c.LogKeys + "\n" + c.ReceiptKey))
	if err != nil {
		return c, err
	}
	var public strings.Builder
	for _, k := range keys {
		public.WriteString(k.Verifier() + "\n")
	}
	return c, os.WriteFile(at("keys"), []byte(public.String()), 0o644) //nolint:gosec // they are for everybody
}

// demoKey reads a key of the demonstration, or makes it the first time.
func demoKey(path string, generate func() (string, error)) (string, error) {
	b, err := os.ReadFile(path)
	if !errors.Is(err, os.ErrNotExist) {
		return string(b), err
	}
	line, err := generate()
	if err != nil {
		return "", err
	}
	return line, os.WriteFile(path, []byte(line+"\n"), 0o600)
}
