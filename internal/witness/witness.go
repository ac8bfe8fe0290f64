// Package witness cosigns what a log has become, if it extends what the log was (c2sp.org/tlog-witness).
package witness

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Witness remembers the largest tree of each log that it has seen, and never cosigns another history of it.
type Witness struct {
	Key   Key
	Logs  Logs
	Store Store
	Clock func() time.Time

	mu sync.Mutex // from the look at what is known until the new is durable
}

// Store is what a witness remembers of each log.
type Store interface {
	Load(origin string) (cosigned string, err error) // the last cosigned note; empty before the first
	Save(origin, cosigned string) error              // durable when it returns
	Keep(origin string, known, other string) error   // two notes that cannot both be true: the log signed two histories
}

// Logs are the verifiers of each log's keys, by origin.
type Logs map[string]note.Verifiers

// Refusal says why there is no cosignature, by the protocol's HTTP status. It is an error of the witness and of its client.
type Refusal struct {
	Status int
	Known  int64 // the size that the witness knows; -1 where it does not say
	Text   string
}

func (r *Refusal) Error() string { return fmt.Sprintf("the witness answers %d: %s", r.Status, r.Text) }

func refuse(status int, text string) error { return &Refusal{Status: status, Known: -1, Text: text} }

// Add cosigns a checkpoint: it gives the line of the note. What is cosigned is durable before it is given. An error is a
// Refusal, or a fault of the witness's own.
func (w *Witness) Add(s merkle.Submission) (line string, err error) {
	checkpoint, signed, err := w.read(s.Note)
	if err != nil {
		return "", err
	}
	if s.Old > checkpoint.Size {
		return "", refuse(http.StatusBadRequest, "the old size is larger than the checkpoint's")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last, err := w.Store.Load(checkpoint.Origin)
	if err != nil {
		return "", fmt.Errorf("recall what was cosigned: %w", err)
	}
	if err := w.extends(s, checkpoint, last); err != nil {
		return "", err
	}
	cosigned, err := note.Sign(signed, w.Key.at(w.Clock()))
	if err != nil {
		return "", fmt.Errorf("cosign: %w", err)
	}
	if err := w.Store.Save(checkpoint.Origin, string(cosigned)); err != nil {
		return "", fmt.Errorf("remember what is cosigned: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(cosigned), "\n"), "\n")
	return lines[len(lines)-1], nil
}

// read opens a log's note. What others have signed beside the log is left out.
func (w *Witness) read(signed string) (merkle.Checkpoint, *note.Note, error) {
	origin, _, _ := strings.Cut(signed, "\n")
	text, _, found := strings.Cut(signed, "\n\n")
	checkpoint, err := checkpointOf(text + "\n")
	if !found || err != nil {
		return merkle.Checkpoint{}, nil, refuse(http.StatusBadRequest, "there is no checkpoint")
	}
	log, known := w.Logs[origin]
	if !known {
		return merkle.Checkpoint{}, nil, refuse(http.StatusNotFound, "this log is not known here")
	}
	n, err := note.Open([]byte(signed), log)
	if _, unverified := errors.AsType[*note.UnverifiedNoteError](err); unverified {
		return merkle.Checkpoint{}, nil, refuse(http.StatusForbidden, "no known key of the log has signed it")
	}
	if _, invalid := errors.AsType[*note.InvalidSignatureError](err); invalid {
		return merkle.Checkpoint{}, nil, refuse(http.StatusForbidden, "a signature does not verify")
	}
	if err != nil || n.Text != text+"\n" {
		return merkle.Checkpoint{}, nil, refuse(http.StatusBadRequest, "there is no signed note")
	}
	n.UnverifiedSigs = nil
	return checkpoint, n, nil
}

// checkpointOf reads a note's text. Lines after the third are the log's own affair, but none is empty.
func checkpointOf(text string) (merkle.Checkpoint, error) {
	lines := strings.SplitAfter(text, "\n")
	return merkle.ParseCheckpoint(strings.Join(lines[:min(3, len(lines)-1)], ""))
}

// extends holds a submission against what was cosigned last.
func (w *Witness) extends(s merkle.Submission, next merkle.Checkpoint, last string) error {
	known := merkle.Checkpoint{Origin: next.Origin, Tree: merkle.Tree{Root: merkle.EmptyRoot()}}
	if last != "" {
		text, _, _ := strings.Cut(last, "\n\n")
		var err error
		if known, err = checkpointOf(text + "\n"); err != nil || known.Origin != next.Origin {
			return fmt.Errorf("recall what was cosigned: %w", errors.Join(err, errors.New("it is not of this log")))
		}
	}
	switch {
	case s.Old != known.Size:
		return &Refusal{Status: http.StatusConflict, Known: known.Size, Text: "the old size is not the one that was cosigned last"}
	case next.Size == known.Size && next.Root != known.Root && known.Size > 0:
		kept := w.Store.Keep(next.Origin, last, s.Note)
		return errors.Join(refuse(http.StatusConflict, "another tree of this size was cosigned"), kept)
	}
	if err := merkle.CheckConsistency(s.Path, known.Tree, next.Tree); err != nil || next.Size == 0 && next.Root != merkle.EmptyRoot() {
		return refuse(http.StatusUnprocessableEntity, "the proof does not lead from the tree that was cosigned last to this one")
	}
	return nil
}
