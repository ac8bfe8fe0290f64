package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/notarydb"
	"github.com/caldicott/caldicott/internal/receipt"
)

// receiptCommand is about the receipts that deeds are answered with.
type receiptCommand struct {
	Check checkReceiptCommand `cmd:"" help:"Say whether what a receipt promised was kept: exit 0 sealed, 2 the promise is broken, 3 cannot tell."`
}

// checkReceiptCommand looks a receipt's leaf up in the log: in an export, or through the reader's login.
type checkReceiptCommand struct {
	File      string `arg:"" type:"existingfile" help:"The receipt: the value of Audit-Receipt, the headers of the answer, or the note itself."`
	Keys      string `required:"" type:"existingfile" placeholder:"FILE" help:"Public keys of the receipts and of the log, one a line, as you have them from elsewhere."`
	Directory string `type:"existingdir" placeholder:"DIR" help:"Look into an export of the log (checkpoint and tiles) instead of the database."`
	JSON      bool   `name:"json" help:"Print for programs."`
}

// Run says what became of the promise, and what to do about a broken one.
func (c *checkReceiptCommand) Run(t *tools) error {
	keys, err := readKeys(c.Keys)
	if err != nil {
		return err
	}
	kept, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	signed, err := receipt.Unfold(string(kept))
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	r, err := receipt.Open(signed, keys.Receipts())
	if err != nil {
		return cannotTell(t, fmt.Errorf("nobody whose key is in %s promised this: %w", c.Keys, err))
	}
	index, until, err := c.look(t, r, keys)
	if err != nil {
		return cannotTell(t, err)
	}
	return c.say(t, r, index, until)
}

// look finds the receipt's leaf (-1 for none), and until when the log that was looked at went on.
func (c *checkReceiptCommand) look(t *tools, r receipt.Receipt, keys audit.Keys) (index int64, until time.Time, err error) {
	if c.Directory != "" {
		err = fromOutside(c.Directory, func(files fs.FS) (err error) {
			index, until, err = directoryLog{files, keys}.find(r)
			return err
		})
		return index, until, err
	}
	index = -1
	err = reading(t, func(_ Config, db *sqlx.DB) error {
		index, err = inLog(t.ctx, notary.Proofs{Origin: r.Origin, Shelf: notarydb.Shelf{DB: db}}, r, keys)
		return err
	})
	return index, time.Now(), err
}

// inLog looks into the service's own log, and believes its proof only. It gives -1 where the log has not the leaf.
func inLog(ctx context.Context, proofs notary.Proofs, r receipt.Receipt, keys audit.Keys) (int64, error) {
	proof, err := proofs.Chained(ctx, r.Stream, r.Seq, r.Leaf)
	switch {
	case errors.Is(err, notary.ErrNoEntry), errors.Is(err, notary.ErrUnsealed):
		return -1, nil
	case err != nil:
		return -1, err
	}
	checked, err := audit.CheckLeaf(proof.Text(), r.Leaf)
	if err != nil {
		return -1, err
	}
	return checked.Index, keys.OfLog(checked.Note, r.Origin)
}

// say tells the verdict in words, or for programs, and in the exit code.
func (c *checkReceiptCommand) say(t *tools, r receipt.Receipt, index int64, until time.Time) error {
	what := fmt.Sprintf("entry %d of %s, to be sealed by %s", r.Seq, r.Stream, r.SealBy.Format(time.RFC3339))
	verdict := r.Judge(index >= 0, until)
	if verdict == receipt.Due && !c.JSON {
		return cannotTell(t, fmt.Errorf("%s: what was looked at ends before that time; look again later", what))
	}
	line, code := fmt.Sprintf("Sealed as promised: %s, is leaf %d of the log %s.", what, index, r.Origin), exitOK
	switch verdict {
	case receipt.Due:
		code = exitUnknown
	case receipt.Broken:
		line, code = fmt.Sprintf(`THE PROMISE IS BROKEN: %s, is not in the log %s, which has gone on past that time.
Its leaf would be %s. Somebody may have taken the entry away before it was sealed.
Keep the receipt: it is signed, and proves what was promised. Hand it, unchanged, with the log's newest checkpoint (and the
export you looked into) to the internal auditor or the data protection officer, not to who runs the database.`, what, r.Origin, r.Leaf), exitTampered
	}
	said := printer{t: t, json: c.JSON}
	result := map[string]any{"verdict": verdict, "origin": r.Origin, "stream": r.Stream, "seq": r.Seq, "hash": r.Leaf.String(), "seal_by": r.SealBy}
	if index >= 0 {
		result["leaf"] = index
	}
	if err := said.value(result, line); err != nil || code == exitOK {
		return err
	}
	return exit(code)
}

// cannotTell says why it cannot be told.
func cannotTell(t *tools, why error) error {
	fmt.Fprintln(t.err, "caldicott: it cannot be told:", why)
	return exit(exitUnknown)
}
