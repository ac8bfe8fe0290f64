package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/caldicott/caldicott/internal/witness"
)

// witnessCommand is somebody else's: whoever runs it stands outside the house, with a machine of their own.
type witnessCommand struct {
	Serve  witnessServeCommand  `cmd:"" default:"withargs" help:"Cosign what known logs become, and no rollback or fork (C2SP tlog-witness). Needs no database."`
	Keygen witnessKeygenCommand `cmd:"" help:"Make a witness's key: the secret goes into a new file, the verifier key is printed."`
}

// witnessServeCommand reads no settings: a witness shares nothing with the service.
type witnessServeCommand struct {
	Address string `default:"127.0.0.1:8082" help:"Where it listens."`
	Key     string `required:"" type:"existingfile" placeholder:"FILE" help:"Its key, of keygen."`
	Logs    string `required:"" type:"existingfile" placeholder:"FILE" help:"The logs that it knows, one a line: log <verifier key>. During a rotation a log has two lines."`
	State   string `required:"" type:"existingdir" placeholder:"DIR" help:"What it remembers. Whoever loses it must make a new witness: without it any history would pass."`
}

// Run serves until it is told to stop.
func (c *witnessServeCommand) Run(t *tools) (err error) {
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return fmt.Errorf("the witness's key: %w", err)
	}
	w := &witness.Witness{Clock: time.Now}
	if w.Key, err = witness.ParseKey(string(key)); err != nil {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	logs, err := os.ReadFile(c.Logs)
	if err != nil {
		return fmt.Errorf("the known logs: %w", err)
	}
	if w.Logs, err = witness.ParseLogs(bytes.NewReader(logs)); err != nil {
		return fmt.Errorf("%s: %w", c.Logs, err)
	}
	folder, err := witness.OpenFolder(c.State)
	if err != nil {
		return fmt.Errorf("the witness's state: %w", err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	w.Store = folder
	t.log.Info("witness", "verifier", w.Key.Verifier(), "logs", len(w.Logs))
	return listen(t.ctx, t, Config{Address: c.Address, StopWithin: witnessStopWithin}, witness.Handler(w, t.log), func(string) {})
}

// witnessStopWithin is more than any submission takes.
const witnessStopWithin = 5 * time.Second

// witnessKeygenCommand makes a key.
type witnessKeygenCommand struct {
	Name string `arg:"" help:"The witness's name, as example.org/witness: it stands in every cosignature."`
	Out  string `required:"" type:"path" placeholder:"FILE" help:"File for the secret, made anew: it must not be there yet."`
}

// Run keeps the secret, and prints what logs and verifiers are given.
func (c *witnessKeygenCommand) Run(t *tools) error {
	secret, verifier, err := witness.GenerateKey(c.Name)
	if err != nil {
		return err
	}
	return keepKey(t, c.Out, os.O_EXCL, secret, verifier)
}
