// Package notary seals the trail into one log, signs what the log was, and proves what is in it.
package notary

import (
	"context"
	"errors"
	"fmt"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Head is the log after a batch. Every entry of a transaction before LowWater is sealed.
type Head struct {
	merkle.Tree
	LowWater uint64
}

// Look is what one moment of the database has that is not sealed yet.
type Look struct {
	Entries []int64 // ids, in order
	Whole   bool    // whether these are all
	Oldest  uint64  // the oldest transaction that had not ended: all before it are seen
	Next    uint64  // the first transaction that had not begun
}

// Batch is what one sealing adds: the entries in order with their leaves, from index From on.
type Batch struct {
	From    int64
	Entries []int64
	Leaves  []merkle.Hash
	Tiles   []merkle.Tile
	Head    Head
}

// Book is where the log is kept.
type Book interface {
	// Alone calls f in one transaction, if nobody else is sealing at this moment; alone says whether it did. Nothing rests
	// on it but work done twice: of two batches from one index, Write takes one.
	Alone(ctx context.Context, f func(Page) error) (alone bool, err error)
	// Still calls f with the book as it stands at one moment.
	Still(ctx context.Context, f func(Whole) error) error
}

// Page is the end of the book, in a transaction.
type Page interface {
	// Head is the last checkpoint, zero before the first.
	Head(ctx context.Context) (Head, error)
	// Tile gives the hashes of a place, and fails unless they are all there.
	Tile(ctx context.Context, place merkle.Place) ([]byte, error)
	// Look finds up to so many entries without a leaf among those of the transaction since and of later ones.
	Look(ctx context.Context, since uint64, limit int) (Look, error)
	// Entries reads entries in the order of their ids. What f is given is valid until it returns.
	Entries(ctx context.Context, ids []int64, f func(id int64, canon, leafHash []byte) error) error
	// Write adds the batch, all of it or nothing.
	Write(ctx context.Context, b Batch) error
}

// Whole is the book from its beginning, each part in order. What is handed to a callback is valid until it returns.
type Whole interface {
	// Leaves gives each leaf with the hash that its entry has now; nil if there is no such entry.
	Leaves(ctx context.Context, f func(index, entry int64, leaf, entryHash []byte) error) error
	Tiles(ctx context.Context, f func(merkle.Tile) error) error // by level and index
	Checkpoints(ctx context.Context, f func(merkle.Tree) error) error
}

// Alarms: what stops the sealer or the signer for good. Somebody must look; nothing is mended by trying again.
const (
	AlarmTree       = "tree"        // the stored tree has not the root that the checkpoint says
	AlarmEntry      = "entry"       // an entry's bytes are not those that were hashed
	AlarmLeaf       = "leaf"        // a sealed entry is not the one that was sealed
	AlarmTile       = "tile"        // a stored tile is not made of its leaves
	AlarmCheckpoint = "checkpoint"  // a stored checkpoint is not the tree's
	AlarmFork       = "fork"        // the log does not extend what was signed, or cosigned
	AlarmKey        = "signing key" // no key may sign the log at its size
	AlarmRollback   = "rollback"    // a witness has cosigned a larger log than there is
)

// Alarm is a sign of tampering, or of a fault as grave.
type Alarm struct {
	Name string // one of the above
	Text string
}

func (a *Alarm) Error() string { return "ALARM: " + a.Name + ": " + a.Text }

func alarmf(name, format string, args ...any) error {
	return &Alarm{name, fmt.Sprintf(format, args...)}
}

// Alarmed finds the alarm in an error.
func Alarmed(err error) (*Alarm, bool) { return errors.AsType[*Alarm](err) }
