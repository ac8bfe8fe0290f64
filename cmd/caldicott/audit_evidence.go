package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/evidence"
	"github.com/caldicott/caldicott/internal/house"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/rest"
)

// evidenceCommand writes an evidence pack into a folder. An operator has no rights of their own to it: somebody who may take
// evidence out must be named, and stands on the record with the note that a command did it.
type evidenceCommand struct {
	Request string    `xor:"what" placeholder:"REF" help:"Reference or id of a request."`
	From    time.Time `xor:"what" placeholder:"INSTANT" help:"Or the first instant of a period, such as 2026-09-01T00:00:00Z …"`
	Until   time.Time `placeholder:"INSTANT" help:"… and the first instant after it."`
	Profile string    `required:"" placeholder:"CODE" help:"For whom it is: a profile of policy/evidence.csv, such as ICO, FOI, INTERNAL_AUDIT or DSPT."`
	Purpose string    `required:"" placeholder:"CODE" help:"What it is for: a code of the list log_purpose. It goes on the record."`
	By      string    `required:"" placeholder:"USER_ID" help:"Who takes the evidence out; the policy must allow it to them."`
	To      string    `required:"" placeholder:"DIR" help:"Folder to write; it must not exist."`
}

// Run writes the pack with the application's login, which puts it on record, and the reader's, which reads the log.
func (c *evidenceCommand) Run(t *tools) error {
	if !vocabulary.NewIndex().Knows("log_purpose", c.Purpose) {
		return fmt.Errorf("%s is no code of the list log_purpose", c.Purpose)
	}
	if _, err := os.Lstat(c.To); !errors.Is(err, os.ErrNotExist) { // before anything is on record
		return fmt.Errorf("%s: it exists already, or cannot be looked at: %w", c.To, cmp.Or(err, os.ErrExist))
	}
	return reading(t, func(config Config, reader *sqlx.DB) error {
		if config.DatabaseURL == "" {
			return errors.New("audit evidence needs CALDICOTT_DATABASE_URL, too")
		}
		furnished, err := house.Furnish(config.Closures)
		if err != nil {
			return err
		}
		receipts, err := openReceipts(config, t.log)
		if err != nil {
			return err
		}
		proofs := notary.Proofs{Origin: config.LogOrigin, Shelf: notarydb.Shelf{DB: reader}}
		return atWork(t, config, func(work *casework.Service) error {
			return c.make(t, evidenceOf(work, furnished, proofs, reader, receipts), auditdb.Evidence{DB: reader})
		})
	})
}

func (c *evidenceCommand) make(t *tools, maker rest.Evidence, trail auditdb.Evidence) error {
	e := casework.Export{From: c.From, To: c.Until, Profile: c.Profile, Purpose: c.Purpose, Operated: true}
	var err error
	if c.Request != "" {
		if e.Request, err = trail.Request(t.ctx, c.Request); err != nil {
			return err
		}
	}
	if err := rest.CheckExport(e, maker.Work.Now()); err != nil {
		return err
	}
	by, err := maker.Work.Store.ActorByUserID(t.ctx, c.By)
	if err != nil {
		return fmt.Errorf("%s: %w", c.By, err)
	}
	var to tallied
	out, e, err := maker.Make(t.ctx, by, e, func(casework.Exported) (evidence.Folder, error) {
		to.Folder, err = evidence.Dir(c.To)
		return &to, err
	})
	if out.Recorded() {
		err = errors.Join(err, maker.Work.Given(t.ctx, e, out, to.bytes, to.sum, err == nil))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%s: %d files, %d bytes. Its manifest's SHA-256 is %x.\n", c.To, to.files, to.bytes, to.sum)
	return err
}

// tallied counts what goes into a folder. The manifest stands for all of it: its digest goes on the record.
type tallied struct {
	evidence.Folder
	files int
	bytes int64
	sum   [32]byte
}

// Add adds a file.
func (f *tallied) Add(name string, data []byte) error {
	f.files++
	f.bytes += int64(len(data))
	if name == "manifest.json" {
		f.sum = sha256.Sum256(data)
	}
	return f.Folder.Add(name, data)
}
