package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/postgres"
)

// auditCommand groups what is done with the trail.
type auditCommand struct {
	Verify    verifyCommand   `cmd:"" help:"Read the whole trail again and believe nothing: exit 0 sound, 2 tampered, 3 cannot tell."`
	Keygen    keygenCommand   `cmd:"" help:"Make a key that signs the log or its receipts, and print its verifier key."`
	RetireKey retireCommand   `cmd:"" help:"End a key of the log: the last step of a rotation."`
	Evidence  evidenceCommand `cmd:"" help:"Write an evidence pack of a request or a period, to be verified without the service."`
}

// verifyCommand re-reads everything through the reader's login.
type verifyCommand struct {
	JSON bool `name:"json" help:"Print findings and summary for programs, one JSON value a line."`
}

// Run prints each finding as it is found, then the summary. That it was verified, and with what result, goes on the record
// where the application's login is configured too.
func (c *verifyCommand) Run(t *tools) error {
	config, err := load(t.env)
	if err != nil {
		return err
	}
	if config, err = orEmbedded(t, config); err != nil {
		return err
	}
	if config.ReaderURL == "" {
		return errors.New("audit verify needs CALDICOTT_READER_URL")
	}
	summary, err := c.verify(t, config)
	if err != nil {
		fmt.Fprintln(t.err, "caldicott: it cannot be told whether the trail holds:", err)
		return exit(exitUnknown)
	}
	if err := onRecord(t, config, summary); err != nil {
		fmt.Fprintln(t.err, "caldicott: the verification could not be put on the record:", err)
	}
	switch {
	case !summary.Sound():
		return exit(exitTampered)
	case len(summary.Skipped) > 0: // a part of the schema is missing: nobody can say what it held
		return exit(exitUnknown)
	}
	return nil
}

func (c *verifyCommand) verify(t *tools, config Config) (audit.Summary, error) {
	db, err := postgres.OpenReader(postgres.Settings{
		URL: config.ReaderURL, Application: "caldicott audit verify", Connections: 2, StatementTimeout: config.StatementTimeout,
	})
	if err != nil {
		return audit.Summary{}, err
	}
	summary, err := c.read(t, db)
	return summary, errors.Join(err, db.Close())
}

func (c *verifyCommand) read(t *tools, db *sqlx.DB) (audit.Summary, error) {
	trail, err := auditdb.Open(t.ctx, db)
	if err != nil {
		return audit.Summary{}, err
	}
	printed := json.NewEncoder(t.out)
	var unprinted error
	summary, err := audit.Verify(t.ctx, trail, func(f audit.Finding) {
		var err error
		if c.JSON {
			err = printed.Encode(f)
		} else {
			_, err = fmt.Fprintln(t.out, f)
		}
		unprinted = errors.Join(unprinted, err)
	})
	if err := errors.Join(err, trail.Close(), unprinted); err != nil {
		return summary, err
	}
	if c.JSON {
		return summary, printed.Encode(summary)
	}
	_, err = fmt.Fprintln(t.out, sentence(summary))
	return summary, err
}

// sentence is the summary in one line a person can read.
func sentence(s audit.Summary) string {
	verdict := "The trail holds"
	if !s.Sound() {
		verdict = fmt.Sprintf("THE TRAIL DOES NOT HOLD: %d findings", s.Findings)
	}
	return fmt.Sprintf("%s: %d entries read, %d of them in %d chains, %d details, %d case rows, %d versions; %d notes. "+
		"Until the log is sealed, entries outside the chains stand alone: a gap in their numbers may be a rollback.",
		verdict, s.Entries, s.Chained, s.Streams, s.Details, s.CaseRows, s.Versions, s.Notes)
}

// onRecord notes the verification in the trail itself.
func onRecord(t *tools, config Config, s audit.Summary) error {
	if config.DatabaseURL == "" {
		return nil
	}
	return atWork(t, config, func(work *casework.Service) error { return work.Verified(t.ctx, s.Entries, s.Findings) })
}
