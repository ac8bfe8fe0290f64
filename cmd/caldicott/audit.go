package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/auditdb"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/postgres"
	"github.com/caldicott/caldicott/internal/witness"
)

// auditCommand groups what is done with the trail and the log.
type auditCommand struct {
	Verify      verifyCommand      `cmd:"" help:"Read the whole trail and log again and believe nothing; or an export, or one proof: exit 0 sound, 2 tampered, 3 cannot tell."`
	Export      exportCommand      `cmd:"" help:"Write the sealed log as a directory that anybody can verify (reader's login)."`
	Prove       proveCommand       `cmd:"" help:"Write an entry, or all of a request, each with its proof (reader's login)."`
	Consistency consistencyCommand `cmd:"" help:"Verify by an export that one signed checkpoint continues another."`
	Explain     explainCommand     `cmd:"" help:"Tell a request's history, and what is proved about each line of it."`
	Keygen      keygenCommand      `cmd:"" help:"Make a key that signs the log or its receipts, and print its verifier key."`
	RetireKey   retireCommand      `cmd:"" help:"End a key of the log or of receipts: the last step of a rotation."`
	Witness     witnessCommand     `cmd:"" help:"Stand outside the house and remember what the log was."`
	Receipt     receiptCommand     `cmd:"" help:"Receipts that deeds were answered with."`
	Certificate certificateCommand `cmd:"" help:"Certificates of decisions."`
	Evidence    evidenceCommand    `cmd:"" help:"Write an evidence pack of a request or a period, to be verified without the service."`
}

// trusted is what whoever verifies brings along.
type trusted struct {
	Keys    string   `type:"existingfile" placeholder:"FILE" help:"Public keys, one a line, that signatures are believed by. Behind a key may stand the first size of the log that it signs, and the first that it signs no more."`
	Anchor  []string `type:"existingfile" placeholder:"FILE" help:"Older signed checkpoint that was kept outside: the log must contain it. May be repeated."`
	Origin  string   `help:"The log's name, where it is not that of its keys."`
	Workers int      `short:"j" name:"jobs" placeholder:"N" help:"How many at once; as many as there are cores."`
	JSON    bool     `name:"json" help:"Print for programs, one JSON value a line."`
}

// auditor reads keys and anchors.
func (c trusted) auditor() (audit.Auditor, error) {
	a := audit.Auditor{Origin: c.Origin, Workers: c.Workers}
	var err error
	if a.Keys, err = readKeys(c.Keys); err != nil {
		return a, err
	}
	for _, name := range c.Anchor {
		n, err := readNote(name)
		if err != nil {
			return a, err
		}
		a.Anchors = append(a.Anchors, n)
	}
	return a, nil
}

func readKeys(name string) (keys audit.Keys, err error) {
	if name == "" {
		return keys, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return keys, err
	}
	defer f.Close()
	return audit.ParseKeys(f)
}

func readNote(name string) (audit.Note, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return audit.Note{}, err
	}
	n, err := audit.ParseNote(string(b))
	if err != nil {
		return n, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}

// verifyCommand re-reads everything: of the database through the reader's login, or of files without any database.
type verifyCommand struct {
	trusted
	Policy    string `type:"existingfile" placeholder:"FILE" help:"Whose cosignatures a checkpoint needs besides the log's signature (c2sp.org/tlog-policy: log, witness, group and quorum lines). Where the quorum is missing it cannot be told. Its log lines are keys: --keys is not needed."`
	Directory string `type:"existingdir" placeholder:"DIR" xor:"what" help:"Verify an export instead of the database."`
	Proof     string `type:"existingfile" placeholder:"FILE" xor:"what" help:"Verify one proof instead, of the entry in --entry."`
	Entry     string `type:"existingfile" placeholder:"FILE" help:"The entry of --proof, byte for byte."`
}

// Run prints each finding as it is found, then the summary. That a database was verified, and with what result, goes on the
// record where the application's login is configured too.
func (c *verifyCommand) Run(t *tools) error {
	if (c.Proof == "") != (c.Entry == "") {
		return errors.New("--proof and --entry belong together")
	}
	a, err := c.auditor()
	if err != nil {
		return err
	}
	if err := c.demand(&a); err != nil {
		return err
	}
	if c.Proof != "" {
		return c.proof(t, a)
	}
	said := printer{t: t, json: c.JSON}
	var summary audit.Summary
	if c.Directory != "" {
		a.Progress = t.progress("verify")
		err = fromOutside(c.Directory, func(files fs.FS) (err error) {
			summary, err = a.Directory(t.ctx, files, said.finding)
			return err
		})
	} else {
		summary, err = c.database(t, a, &said)
	}
	if errors.Is(err, errNoReader) {
		return err
	}
	if err := errors.Join(err, said.err); err != nil {
		fmt.Fprintln(t.err, "caldicott: it cannot be told whether the trail holds:", err)
		return exit(exitUnknown)
	}
	if err := said.value(summary, sentence(summary)); err != nil {
		return err
	}
	return verdict(summary)
}

// demand has the auditor ask for cosignatures. The policy says the log's keys where nobody else does.
func (c *verifyCommand) demand(a *audit.Auditor) error {
	if c.Policy == "" {
		return nil
	}
	text, err := os.ReadFile(c.Policy)
	if err != nil {
		return err
	}
	policy, err := witness.ParsePolicy(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Policy, err)
	}
	a.Policy = func(signed string) error {
		_, err := policy.Check(signed)
		return err
	}
	if !a.Keys.Given() {
		a.Keys, err = audit.ParseKeys(strings.NewReader(strings.Join(policy.LogKeys(), "\n")))
	}
	return err
}

// verdict is the exit code.
func verdict(s audit.Summary) error {
	switch {
	case !s.Sound():
		return exit(exitTampered)
	case !s.Certain(): // something is missing: nobody can say what it held
		return exit(exitUnknown)
	}
	return nil
}

// printer prints for people or for programs. Its first error stays.
type printer struct {
	t    *tools
	json bool
	err  error
}

func (p *printer) finding(f audit.Finding) {
	p.err = errors.Join(p.err, p.value(f, f.String()))
}

func (p *printer) value(v any, text string) error {
	if p.json {
		return json.NewEncoder(p.t.out).Encode(v)
	}
	_, err := fmt.Fprintln(p.t.out, text)
	return err
}

// errNoReader is said by commands that read the database.
var errNoReader = errors.New("CALDICOTT_READER_URL is needed")

// reading opens the database with the reader's login for as long as f lasts.
func reading(t *tools, f func(config Config, db *sqlx.DB) error) error {
	config, err := load(t.env)
	if err != nil {
		return err
	}
	if config, err = orEmbedded(t, config); err != nil {
		return err
	}
	if config.ReaderURL == "" {
		return errNoReader
	}
	db, err := postgres.OpenReader(postgres.Settings{
		URL: config.ReaderURL, Application: "caldicott audit", Connections: 2, StatementTimeout: config.StatementTimeout,
	})
	if err != nil {
		return err
	}
	return errors.Join(f(config, db), db.Close())
}

// within reads the trail and log at one moment.
func within(t *tools, db *sqlx.DB, f func(auditdb.Trail) error) error {
	trail, err := auditdb.Open(t.ctx, db)
	if err != nil {
		return err
	}
	return errors.Join(f(trail), trail.Close())
}

func (c *verifyCommand) database(t *tools, a audit.Auditor, said *printer) (summary audit.Summary, err error) {
	a.Progress = t.progress("verify")
	err = reading(t, func(config Config, db *sqlx.DB) error {
		err := within(t, db, func(trail auditdb.Trail) (err error) {
			summary, err = a.Database(t.ctx, trail, said.finding)
			return err
		})
		if err != nil {
			return err
		}
		if err := onRecord(t, config, summary); err != nil {
			fmt.Fprintln(t.err, "caldicott: the verification could not be put on the record:", err)
		}
		return nil
	})
	return summary, err
}

// proof verifies one proof, which needs nothing but itself, the entry and a key.
func (c *verifyCommand) proof(t *tools, a audit.Auditor) error {
	text, err := os.ReadFile(c.Proof)
	if err != nil {
		return err
	}
	canon, err := os.ReadFile(c.Entry)
	if err != nil {
		return err
	}
	p, err := a.Proof(string(text), canon)
	if err == nil && !a.Keys.Given() {
		err = fmt.Errorf("%w: give --keys or --policy", audit.ErrUnknownKey)
	}
	said := printer{t: t, json: c.JSON}
	result := struct {
		Holds   bool     `json:"holds"`
		Why     string   `json:"why,omitempty"`
		Origin  string   `json:"origin"`
		Leaf    int64    `json:"leaf"`
		Size    int64    `json:"size"`
		Root    string   `json:"root"`
		Signers []string `json:"signers,omitempty"`
	}{Holds: err == nil, Origin: p.Origin, Leaf: p.Index, Size: p.N, Root: p.Hash.String(), Signers: p.Signers}
	line := fmt.Sprintf("The entry is leaf %d of the log %s of %d leaves, signed by %v.", p.Index, p.Origin, p.N, p.Signers)
	if err != nil {
		result.Why = err.Error()
		line = "NOT PROVED: " + result.Why
	}
	return errors.Join(said.value(result, line), unproved(err))
}

// unproved is the exit code of a check that failed with that.
func unproved(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, audit.ErrForged):
		return exit(exitTampered)
	}
	return exit(exitUnknown)
}

// sentence is the summary in one line a person can read.
func sentence(s audit.Summary) string {
	verdict := "The trail holds"
	switch {
	case !s.Sound():
		verdict = fmt.Sprintf("THE TRAIL DOES NOT HOLD: %d findings", s.Findings)
	case !s.Certain():
		verdict = "IT CANNOT BE TOLD whether the trail holds"
	}
	line := fmt.Sprintf("%s: %d entries read, %d in %d chains, %d disposed of; %d details (%d erased), %d case rows, %d versions; "+
		"%d leaves, %d tiles, %d checkpoints, %d signatures verified, %d anchors; %d notes.",
		verdict, s.Entries, s.Chained, s.Streams, s.Disposed, s.Details, s.Erased, s.CaseRows, s.Versions,
		s.Leaves, s.Tiles, s.Checkpoints, s.Signatures, s.Anchors, s.Notes)
	if s.Public > 0 {
		line += fmt.Sprintf(" The checkpoint of %d leaves satisfies the policy.", s.Public)
	}
	if s.Waiting > 0 {
		line += fmt.Sprintf(" %d entries wait to be sealed, %d of them for too long: until then those outside the chains stand alone.", s.Waiting, s.Late)
	}
	return line
}

// onRecord notes the verification in the trail itself.
func onRecord(t *tools, config Config, s audit.Summary) error {
	if config.DatabaseURL == "" {
		return nil
	}
	return atWork(t, config, func(work *casework.Service) error { return work.Verified(t.ctx, s.Entries, s.Findings) })
}
