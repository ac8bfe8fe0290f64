package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
)

// explainCommand tells a request's history, and what is proved about it.
type explainCommand struct {
	trusted
	Request   string `required:"" placeholder:"REF" help:"The request's reference or id; in an export its id."`
	Directory string `type:"existingdir" placeholder:"DIR" help:"Tell it from an export, without names and without any database."`
}

// Run prints one line for each entry, and under it what is proved. It exits as verify does.
func (c *explainCommand) Run(t *tools) error {
	a, err := c.auditor()
	if err != nil {
		return err
	}
	if c.Directory != "" {
		return c.directory(t, a)
	}
	return reading(t, func(_ Config, db *sqlx.DB) error {
		history := auditdb.History{DB: db}
		id, err := history.Request(t.ctx, c.Request)
		if err != nil {
			return err
		}
		accounts, err := history.Accounts(t.ctx, id)
		if err != nil {
			return err
		}
		p, err := proofs(t, db, c.Origin)
		if err != nil {
			return err
		}
		return c.tell(t, audit.Explain(accounts, func(told audit.Account) (audit.Proof, error) {
			text, err := prove(t, p, told)
			if err != nil {
				return audit.Proof{}, err
			}
			return told.CheckProof(text, a.Keys)
		}))
	})
}

func (c *explainCommand) directory(t *tools, a audit.Auditor) error {
	said := printer{t: t, json: c.JSON}
	a.Progress = t.progress("verify")
	var tellings []audit.Telling
	var summary audit.Summary
	err := fromOutside(c.Directory, func(files fs.FS) (err error) {
		tellings, summary, err = a.ExplainDirectory(t.ctx, files, strings.ToLower(c.Request), said.finding)
		return err
	})
	if err := errors.Join(err, said.err); err != nil {
		fmt.Fprintln(t.err, "caldicott: it cannot be told:", err)
		return exit(exitUnknown)
	}
	if len(tellings) == 0 {
		return fmt.Errorf("no entry of the export is about %s (an export knows requests by their ids)", c.Request)
	}
	if err := c.tell(t, tellings); err != nil {
		return err
	}
	return verdict(summary)
}

// tell prints the tellings. What does not hold exits with 2, and what cannot be told with 3; that the newest entries wait for
// the seal is neither.
func (c *explainCommand) tell(t *tools, tellings []audit.Telling) error {
	said := printer{t: t, json: c.JSON}
	code := exitOK
	for _, told := range tellings {
		if err := said.value(told, line(told)); err != nil {
			return err
		}
		switch {
		case len(told.Doubts) > 0:
			code = exitTampered
		case told.Unsure != "" && code == exitOK:
			code = exitUnknown
		}
	}
	if code != exitOK {
		return exit(code)
	}
	return nil
}

// line is one entry in words.
func line(t audit.Telling) string {
	var b strings.Builder
	if t.Disposed {
		fmt.Fprintf(&b, "entry %d was disposed of", t.Entry)
		if t.Certificate != 0 {
			fmt.Fprintf(&b, " under certificate %d", t.Certificate)
		}
		fmt.Fprintf(&b, "\n    %s\n", strings.Join(proved(t), ", "))
		return doubted(&b, t)
	}
	fmt.Fprintf(&b, "%s  %s", t.At.Format(time.DateTime+"Z07:00"), cmp.Or(t.Actor, "the service"))
	if t.Acting != "" {
		fmt.Fprintf(&b, " (%s)", t.Acting)
	}
	fmt.Fprintf(&b, "  %s", t.Action)
	if t.To != "" {
		fmt.Fprintf(&b, "  %s → %s", cmp.Or(t.From, "nothing"), t.To)
	}
	if t.Outcome == audit.Refused {
		fmt.Fprintf(&b, "  REFUSED by %s", t.Rule)
	}
	if t.Line != "" {
		fmt.Fprintf(&b, "  [%s]", t.Line)
	}
	fmt.Fprintf(&b, "\n    entry %d  %s\n", t.Entry, strings.Join(proved(t), ", "))
	return doubted(&b, t)
}

// doubted ends a telling with what does not hold.
func doubted(b *strings.Builder, t audit.Telling) string {
	for _, d := range t.Doubts {
		fmt.Fprintf(b, "    ✗ %s\n", d)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// proved is what is proved about an entry.
func proved(t audit.Telling) []string {
	var all []string
	if t.Bytes {
		all = append(all, "✓ its bytes are the hashed ones")
	}
	if t.Chain {
		all = append(all, fmt.Sprintf("✓ no. %d of its chain", t.Seq))
	}
	switch {
	case t.Waiting:
		all = append(all, "not sealed yet")
	case t.Unsure != "":
		all = append(all, "? "+t.Unsure)
	case t.Leaf != nil:
		all = append(all, fmt.Sprintf("✓ leaf %d of the checkpoint of %d", *t.Leaf, t.Size))
		if len(t.Signers) > 0 {
			all = append(all, "✓ signed by "+strings.Join(t.Signers, " and "))
		} else {
			all = append(all, "signature not checked: no keys were given")
		}
	}
	if t.Words != "" {
		all = append(all, "words "+t.Words)
	}
	return all
}
