// Package rest serves openapi.yaml.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/export"
)

// Config is what the API works with.
type Config struct {
	Work *casework.Service
	// History reads the trail of one request, with a login that can.
	History Historian
	// Notary is the sealed log.
	Notary NotaryOf
	// Trail reads the whole log, with a login that can.
	Trail LogReader
	// Speaks signs what is said in the log's name: statements and certificates of decisions; nil where there is no key.
	Speaks Speaker
	// Controls answers the auditors' questions, with a login that can.
	Controls Auditor
	// Signatures are the keys by which receipts are known for this service's own; nil where none are given.
	Signatures note.Verifiers
	// Deeds finds the entries that certificates rest on.
	Deeds Deeds
	// Evidence makes evidence packs.
	Evidence Evidence
	// PolicyLines are the lines in force, in their order.
	PolicyLines func() []api.PolicyLine
	Log         *slog.Logger
}

// Historian reads entries of the trail about one request, the newest first.
type Historian interface {
	History(ctx context.Context, asked HistoryAsked) ([]HistoryRow, error)
}

// HistoryAsked is one page: entries before the one of that number (0: from the newest), so many. A reader who is not Told
// everything is told what was done, but for the actions Kept from them, and what they themselves tried or read.
type HistoryAsked struct {
	Request string
	Before  int64
	Limit   int
	Told    bool
	Kept    []string
	Reader  string // id of the person
}

// HistoryRow is one entry: codes and ids, no words. Actor is a user id, "" where there is none; Seq 0 where the entry is
// in no chain.
type HistoryRow struct {
	Entry                         int64
	Seq                           int
	Action, Outcome, Rule         string
	At                            time.Time
	Actor, Acting, From, To, Line string
	Version                       int
	Disposed                      int64 // the certificate of its disposal; then there is only its place besides
}

// LogReader reads entries of the whole log.
type LogReader interface {
	// Page gives so many, the newest first, before the one of that number (0: from the newest).
	Page(ctx context.Context, asked LogAsked, before int64, limit int) ([]export.Row, error)
	// Wholes gives the first ones with their words, the oldest first.
	Wholes(ctx context.Context, asked LogAsked, limit int) ([]LogWhole, error)
	// Stream gives all, the oldest first, as the log stands at one moment. A row is valid until f returns.
	Stream(ctx context.Context, asked LogAsked, f func(*export.Row) error) error
	// Bundle gives so many entries in the order of the log, from an index on.
	Bundle(ctx context.Context, first int64, width int) ([]LogSealed, error)
	// Stretch finds the checkpoints around the time From to To of the question, and counts the entries asked for that were
	// sealed between the two.
	Stretch(ctx context.Context, asked LogAsked) (LogStretch, error)
}

// LogAsked says which entries are asked for: those about the Organisations, where Own those about none. All else narrows,
// and zero narrows nothing.
type LogAsked struct {
	Organisations                          []string
	Own                                    bool
	Actor                                  string // user id
	Request, Reference                     string
	Action, Outcome, Rule, Subject, Stream string
	Acting, Policy                         string
	Sealed                                 string // "true", "false"
	From, To, AsAt                         time.Time
	Entry                                  int64
}

// LogWhole is an entry with its words, where it has any. Checkpoint is the size of the first checkpoint that has it, 0 while
// it waits to be sealed.
type LogWhole struct {
	export.Row
	Checkpoint int64
	Detailed   bool
	Salt, Body []byte
	ErasedAt   time.Time
}

// LogMark is a checkpoint: how large the log was, and its root. Size 0 is the empty log.
type LogMark struct {
	Size     int64
	Root     [32]byte
	SealedAt time.Time
}

// LogStretch is the log from one checkpoint to another, with the number of entries asked for among the leaves between them.
// Reached is false where the log has not been sealed as far as the end of the time yet.
type LogStretch struct {
	From, To LogMark
	Count    int64
	Disposed int64 // of which nobody can tell any more whether they were of the kind
	Reached  bool
}

// Speaker speaks for the sealed log.
type Speaker interface {
	Origin() string // the log's name
	// State signs a text whose first line says what it is, behind the log's name, and gives the note.
	State(text string) (note string, err error)
}

// service is the handlers' common ground.
type service struct {
	Config
	exports  chan struct{} // as many copies and packs as may be taken at once
	controls chan struct{} // as many questions of auditors as are answered at once
}

// MostExports is how many exports may be taken at once: each holds a connection of the reader for as long as it is read.
const MostExports = 2

// MostControls is how many questions of auditors are answered at once: each reads for seconds, and the reader's connections
// serve everybody's history too.
const MostControls = 2

// New gives the API, to be mounted at Base behind a sign-in that puts the caller into the context (WithActor).
func New(c Config) http.Handler {
	s := &service{c, make(chan struct{}, MostExports), make(chan struct{}, MostControls)}
	return s.routes()
}

// Base is where the API is mounted.
const Base = "/api/v1"

// MaxBody is the size of the largest body.
const MaxBody = 1 << 20
