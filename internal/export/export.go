// Package export writes entries of the log in the forms in which they are taken away: NDJSON, CSV and FHIR AuditEvents.
package export

import (
	"fmt"
	"io"
	"time"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// Row is one entry as it stands in the trail, with the names that people use. Index is -1 while it waits to be sealed. Of an entry
// that was disposed of, Canon is nil and Disposed the number of its certificate: then nothing is told but its place and its hash,
// for nothing else can be held against it.
type Row struct {
	ID, Index                      int64
	Canon, Leaf                    []byte
	RecordedAt                     time.Time
	Actor, Organisation, Reference string
	Seq                            int // 0 outside of all chains
	Disposed                       int64
}

// Event reads what the entry says, with its place in its chain (0 where it is in none).
func (r *Row) Event() (e caldicott.Event, seq int, err error) {
	said, err := audit.ParseEntry(r.Canon)
	if err != nil {
		return caldicott.Event{}, 0, fmt.Errorf("entry %d: %w", r.ID, err)
	}
	return caldicott.Event{
		Stream: said.Stream, Chained: said.Seq != 0, Action: caldicott.Action(said.Action), Outcome: said.Outcome, Rule: said.Rule,
		At: said.At, Actor: said.Actor, Organisation: said.Organisation, Request: said.Request, Subject: said.Subject,
		From: caldicott.State(said.From), To: caldicott.State(said.To), Version: said.Version, Digest: said.Digest,
		PolicyDigest: said.Policy, PolicyLine: said.Line, ActingAs: said.Acting, Appointment: said.Appointment,
		Delegation: said.Delegation, Facts: said.Facts,
	}, said.Seq, nil
}

// Writer writes rows one after the other; it keeps none of them.
type Writer interface {
	Row(r *Row) error
}

// Format is one of the forms.
type Format struct {
	Name, MediaType string
	// Begin writes what stands before the first row. Origin names the service that the rows come from.
	Begin func(w io.Writer, origin string) (Writer, error)
}

// Formats are all forms.
func Formats() []Format {
	return []Format{
		{"ndjson", "application/x-ndjson", newNDJSON},
		{"csv", "text/csv; charset=utf-8; header=present", newCSV},
		{"fhir", "application/fhir+ndjson", newFHIR},
	}
}
