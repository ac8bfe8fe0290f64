package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/logdir"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
)

// exportCommand writes the log as a directory.
type exportCommand struct {
	To     string `required:"" placeholder:"DIR" help:"New or empty directory."`
	Origin string `help:"The log's name, where it is not that of its keys."`
	JSON   bool   `name:"json" help:"Print the manifest."`
}

// Run exports up to the newest signed checkpoint, all of it as it stands at one moment.
func (c *exportCommand) Run(t *tools) error {
	return reading(t, func(_ Config, db *sqlx.DB) error {
		return within(t, db, func(trail auditdb.Trail) error {
			x := logdir.Exporter{Source: trail, Origin: c.Origin, Now: time.Now, Progress: t.progress("export")}
			m, err := x.Write(t.ctx, c.To)
			switch {
			case errors.Is(err, logdir.ErrTampered):
				fmt.Fprintln(t.err, "caldicott: nothing was exported:", err, "(caldicott audit verify says where)")
				return exit(exitTampered)
			case errors.Is(err, logdir.ErrUnsigned):
				fmt.Fprintln(t.err, "caldicott: nothing was exported:", err)
				return exit(exitUnknown)
			case err != nil:
				return err
			}
			said := printer{t: t, json: c.JSON}
			return said.value(m, fmt.Sprintf("%d entries of %s are in %s, %d of them disposed of; the root is %s.", m.Size, m.Origin, c.To, m.Disposed, m.Root))
		})
	})
}

// proveCommand writes entries that can be sent to somebody, with what proves them.
type proveCommand struct {
	Entry   int64  `xor:"what" required:"" placeholder:"N" help:"The entry's number."`
	Request string `xor:"what" required:"" placeholder:"REF" help:"All entries about a request, by its reference or id."`
	To      string `required:"" placeholder:"DIR" help:"Directory for entry-N.json and entry-N.tlog-proof."`
	Origin  string `help:"The log's name, where it is not that of its keys."`
	JSON    bool   `name:"json" help:"Print for programs, one JSON value a line."`
}

// Run writes what is in the signed log. Where something is not, it exits with 3; where it cannot be proved because the log is
// not the signed one, with 2.
func (c *proveCommand) Run(t *tools) error {
	return reading(t, func(_ Config, db *sqlx.DB) error {
		accounts, err := c.accounts(t, auditdb.History{DB: db})
		if err != nil {
			return err
		}
		if err := os.MkdirAll(c.To, 0o700); err != nil {
			return err
		}
		p, err := proofs(t, db, c.Origin)
		if err != nil {
			return err
		}
		code := exitOK
		for _, a := range accounts {
			err := errDisposed
			if a.Canon != nil {
				err = c.prove(t, p, a)
			}
			switch {
			case errors.Is(err, audit.ErrForged):
				code = exitTampered
			case errors.Is(err, audit.ErrWaiting) || errors.Is(err, errDisposed):
				if code == exitOK {
					code = exitUnknown
				}
			case err != nil:
				return err
			}
			if err != nil {
				fmt.Fprintf(t.err, "caldicott: entry %d: %v\n", a.Entry, err)
			}
		}
		if code != exitOK {
			return exit(code)
		}
		return nil
	})
}

// prove writes one entry beside its proof.
func (c *proveCommand) prove(t *tools, p notary.Proofs, a audit.Account) error {
	proof, err := prove(t, p, a)
	if err != nil {
		return err
	}
	name := filepath.Join(c.To, fmt.Sprintf("entry-%d", a.Entry))
	bytes, proved := name+".json", name+".tlog-proof"
	if err := errors.Join(os.WriteFile(bytes, a.Canon, 0o600), os.WriteFile(proved, []byte(proof), 0o600)); err != nil {
		return err
	}
	said := printer{t: t, json: c.JSON}
	return said.value(map[string]any{"entry": a.Entry, "bytes": bytes, "proof": proved}, bytes+" and "+proved)
}

func (c *proveCommand) accounts(t *tools, h auditdb.History) ([]audit.Account, error) {
	if c.Request == "" {
		a, err := h.Account(t.ctx, c.Entry)
		return []audit.Account{a}, err
	}
	id, err := h.Request(t.ctx, c.Request)
	if err != nil {
		return nil, err
	}
	return h.Accounts(t.ctx, id)
}

var errDisposed = errors.New("its bytes were disposed of")

// proofs gives the log's proofs, under the name that its newest signature was made with unless another is given.
func proofs(t *tools, db *sqlx.DB, origin string) (notary.Proofs, error) {
	p := notary.Proofs{Origin: origin, Shelf: notarydb.Shelf{DB: db}}
	if origin != "" {
		return p, nil
	}
	_, lines, err := p.Shelf.LastSigned(t.ctx)
	if len(lines) > 0 {
		p.Origin = audit.OriginOf("", lines[0])
	}
	return p, err
}

// prove gives the proof of an entry as text, checked with the verifier's own arithmetic.
func prove(t *tools, p notary.Proofs, a audit.Account) (string, error) {
	proof, err := p.Entry(t.ctx, a.Entry)
	_, alarmed := notary.Alarmed(err)
	switch {
	case errors.Is(err, notary.ErrUnsealed):
		return "", audit.ErrWaiting
	case alarmed || errors.Is(err, merkle.ErrTree): // the stored tree is not the signed one
		return "", fmt.Errorf("%w: %w", audit.ErrForged, err)
	case err != nil:
		return "", err
	}
	_, err = a.CheckProof(proof.Text(), audit.Keys{})
	return proof.Text(), err
}

// consistencyCommand asks whether one checkpoint continues another.
type consistencyCommand struct {
	Old       string `arg:"" type:"existingfile" help:"The older signed checkpoint."`
	New       string `arg:"" type:"existingfile" help:"The newer one."`
	Directory string `required:"" type:"existingdir" placeholder:"DIR" help:"An export of the log, at least as long as the newer one."`
	Keys      string `required:"" type:"existingfile" placeholder:"FILE" help:"Public keys, one a line."`
	JSON      bool   `name:"json" help:"Print for programs."`
}

// Run exits with 0 if it does, 2 if it does not, 3 if it cannot be told.
func (c *consistencyCommand) Run(t *tools) error {
	keys, err := readKeys(c.Keys)
	if err != nil {
		return err
	}
	old, err := readNote(c.Old)
	if err != nil {
		return err
	}
	newer, err := readNote(c.New)
	if err != nil {
		return err
	}
	err = fromOutside(c.Directory, func(files fs.FS) error { return audit.Consistency(files, old, newer, keys) })
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("the export does not reach so far: %w", err)
	}
	said := printer{t: t, json: c.JSON}
	line, why := fmt.Sprintf("The log of %d leaves began as that of %d.", newer.N, old.N), ""
	if err != nil {
		why = err.Error()
		line = "NOT PROVED: " + why
	}
	return errors.Join(said.value(map[string]any{"holds": err == nil, "why": why, "from": old.N, "to": newer.N}, line), unproved(err))
}
