// Package export writes entries of the log in the forms in which they are taken away: NDJSON, CSV and FHIR AuditEvents.
package export

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/caldicott"
)

// Row is one entry as it stands in the trail, with the names that people use. Index is -1 while it waits to be sealed. Of one
// that was disposed of, Canon is nil and Remains is what the trail keeps, as JSON.
type Row struct {
	ID, Index                      int64
	Canon, Leaf, Remains           []byte
	RecordedAt                     time.Time
	Actor, Organisation, Reference string
}

// remains are what is left of an entry that was disposed of, under the names that an entry's members have, and the entry that
// certifies its disposal.
type remains struct {
	Certificate  int64  `json:"certificate"`
	Stream       string `json:"stream"`
	Seq          int    `json:"seq"`
	Action       string `json:"action"`
	Outcome      string `json:"outcome"`
	Rule         string `json:"rule"`
	At           int64  `json:"at"` // microseconds
	Organisation string `json:"organisation"`
	Request      string `json:"request"`
}

// Disposed is the entry that certifies the disposal of this one; 0 where it was not disposed of.
func (r *Row) Disposed() (certificate int64, err error) {
	left, err := r.left()
	return left.Certificate, err
}

func (r *Row) left() (left remains, err error) {
	if r.Canon != nil {
		return remains{}, nil
	}
	if err := json.Unmarshal(r.Remains, &left); err != nil {
		return remains{}, fmt.Errorf("entry %d: what is left of it: %w", r.ID, err)
	}
	return left, nil
}

// Event reads what the entry says, with its place in its chain (0 where it is in none).
func (r *Row) Event() (e caldicott.Event, seq int, err error) {
	if r.Canon == nil {
		left, err := r.left()
		return caldicott.Event{
			Stream: left.Stream, Chained: left.Seq != 0, Action: caldicott.Action(left.Action), Outcome: left.Outcome, Rule: left.Rule,
			At: time.UnixMicro(left.At).UTC(), Organisation: left.Organisation, Request: left.Request,
		}, left.Seq, err
	}
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
