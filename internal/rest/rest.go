// Package rest serves openapi.yaml.
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/casework"
)

// Config is what the API works with.
type Config struct {
	Work *casework.Service
	// History reads the trail of one request, with a login that can.
	History Historian
	// Notary is the sealed log.
	Notary NotaryOf
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
}

// service is the handlers' common ground.
type service struct{ Config }

// New gives the API, to be mounted at Base behind a sign-in that puts the caller into the context (WithActor).
func New(c Config) http.Handler {
	s := &service{c}
	return s.routes()
}

// Base is where the API is mounted.
const Base = "/api/v1"

// MaxBody is the size of the largest body.
const MaxBody = 1 << 20
