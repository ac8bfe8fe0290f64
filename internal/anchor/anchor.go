// Package anchor puts a day's checkpoint where whoever rules the database does not reach it.
package anchor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/durable"
	"github.com/caldicott/caldicott/internal/merkle"
)

// Kinds of anchors.
const (
	KindTimestamp = "timestamp"
	KindFile      = "file"
	KindMail      = "mail"
)

// Checkpoint is what is anchored.
type Checkpoint struct {
	merkle.Tree
	Note string    // signed, with the cosignatures that are there
	Day  time.Time // of its anchoring, UTC
}

// Text is what log and witnesses have signed: of one tree always the same, whoever has signed since.
func (c Checkpoint) Text() string {
	text, _, _ := strings.Cut(c.Note, "\n\n")
	return text + "\n"
}

// Anchor is a place outside.
type Anchor interface {
	Kind() string
	// Make puts the checkpoint there, and gives what is to be stored of it. After a crash it is asked again.
	Make(ctx context.Context, c Checkpoint) (token []byte, err error)
}

// Store remembers what is anchored.
type Store interface {
	// Anchored are the kinds that were made since, or of that size.
	Anchored(ctx context.Context, size int64, since time.Time) ([]string, error)
	Anchor(ctx context.Context, size int64, kind string, token []byte) error
}

// Daily makes each anchor once a day.
type Daily struct {
	Newest  func(context.Context) (merkle.Tree, string, error) // signed checkpoint; size 0 for none
	Store   Store
	Anchors []Anchor
	Clock   func() time.Time
}

// Run makes what the day (UTC) lacks, of the newest checkpoint. One that fails does not keep the others; its error comes
// back, and the next run tries again.
func (d Daily) Run(ctx context.Context) error {
	tree, signed, err := d.Newest(ctx)
	if err != nil || tree.Size == 0 {
		return err
	}
	now := d.Clock().UTC()
	c := Checkpoint{tree, signed, now.Truncate(24 * time.Hour)}
	made, err := d.Store.Anchored(ctx, tree.Size, c.Day)
	if err != nil {
		return err
	}
	var failed error
	for _, a := range d.Anchors {
		if slices.Contains(made, a.Kind()) {
			continue
		}
		token, err := a.Make(ctx, c)
		if err == nil {
			err = d.Store.Anchor(ctx, tree.Size, a.Kind(), token)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("anchor by %s: %w", a.Kind(), err))
		}
	}
	return failed
}

// Folder is a folder that keeps what it has: a share that can be written once, or one of another organisation.
type Folder string

// Kind is KindFile.
func (Folder) Kind() string { return KindFile }

// Make writes <day>-<size>.checkpoint and gives its name. A file of that name that has another checkpoint is left as it is,
// and is an error: somebody has written it.
func (f Folder) Make(_ context.Context, c Checkpoint) ([]byte, error) {
	name := c.Day.Format(time.DateOnly) + "-" + strconv.FormatInt(c.Size, 10) + ".checkpoint"
	path := filepath.Join(string(f), name)
	there, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return []byte(name), durable.Write(path, []byte(c.Note))
	}
	if err == nil && !strings.HasPrefix(string(there), c.Text()+"\n") {
		err = fmt.Errorf("%s has another checkpoint of that size", name)
	}
	return []byte(name), err
}

// Mail sends the note to people.
type Mail func(ctx context.Context, day time.Time, size int64, note string) error

// Kind is KindMail.
func (Mail) Kind() string { return KindMail }

// Make sends, and gives the note as it was sent.
func (m Mail) Make(ctx context.Context, c Checkpoint) ([]byte, error) {
	return []byte(c.Note), m(ctx, c.Day, c.Size, c.Note)
}
