package notary

import (
	"context"
	"fmt"
	"sync"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Usual figures: a batch fills 64 tiles, and one look serves 16 batches.
const (
	usualBatch = 16384
	usualLook  = 16 * usualBatch
)

// Sealer gives each entry of the trail its leaf in the log. Any number of them may run, in any number of replicas.
//
// A number of an entry is drawn before its transaction commits, so a smaller one may appear after a larger one was sealed,
// and a cursor over them would lose it for ever. The sealer instead looks at all entries of transactions that had not ended
// when it last saw everything (the low-water mark), and takes those that have no leaf. The mark only bounds what must be
// looked at again, and never what may be sealed: a transaction that idles somewhere holds up nobody.
//
// A request's entries are sealed in their order: each is numbered after the one before it has committed, so a look that
// sees one sees all before it, and goes by number.
type Sealer struct {
	Book  Book
	Batch int // entries sealed at once; zero: 16,384

	mu      sync.Mutex
	stopped error // an alarm, for good
	full    bool  // the next look is at everything
	// What is known besides the book, and true only of a log of this size.
	size    int64
	low     uint64
	known   bool
	waiting []int64 // of one look, not sealed yet
	last    Look
}

// Seal seals whatever is waiting, batch after batch. After an alarm it does nothing any more.
func (s *Sealer) Seal(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.stopped == nil {
		more := false
		_, err := s.Book.Alone(ctx, func(p Page) (err error) {
			more, err = s.seal(ctx, p)
			return err
		})
		if err != nil {
			s.forget() // it cannot be told what was written
			if _, is := Alarmed(err); is {
				s.stopped = err
			}
			return err
		}
		if !more {
			return nil
		}
	}
	return s.stopped
}

// Stopped is the alarm that stopped it, or nil.
func (s *Sealer) Stopped() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

func (s *Sealer) forget() { s.known, s.waiting = false, nil }

// seal seals one batch; more says that there is another.
func (s *Sealer) seal(ctx context.Context, p Page) (more bool, err error) {
	head, err := p.Head(ctx)
	if err != nil {
		return false, err
	}
	if !s.known || s.size != head.Size { // somebody else has sealed
		s.size, s.low, s.known, s.waiting = head.Size, head.LowWater, true, nil
	}
	if len(s.waiting) == 0 {
		if err := s.look(ctx, p); err != nil || len(s.waiting) == 0 {
			return false, err
		}
	}
	edge, err := takeUp(ctx, p, head)
	if err != nil {
		return false, err
	}
	n := min(len(s.waiting), s.batch())
	b := Batch{From: head.Size, Entries: s.waiting[:n]}
	if err := b.fill(ctx, p, edge); err != nil {
		return false, err
	}
	if s.waiting = s.waiting[n:]; len(s.waiting) == 0 && s.last.Whole {
		s.low = s.last.Oldest
	}
	b.Head = Head{Tree: merkle.Tree{Size: edge.Size(), Root: edge.Root()}, LowWater: s.low}
	s.size = b.Head.Size
	return len(s.waiting) > 0 || !s.last.Whole, p.Write(ctx, b)
}

func (s *Sealer) batch() int {
	if s.Batch > 0 {
		return s.Batch
	}
	return usualBatch
}

// look finds what is waiting. Transactions are numbered anew where a dump is restored into another cluster: a mark that
// lies ahead of all of them says nothing, and everything is looked at once.
func (s *Sealer) look(ctx context.Context, p Page) error {
	since := s.low
	if s.full {
		since = 0
	}
	found, err := p.Look(ctx, since, usualLook)
	if err == nil && found.Next < s.low {
		s.low = 0
		found, err = p.Look(ctx, 0, usualLook)
	}
	if err != nil {
		return err
	}
	s.full = s.full && !found.Whole // cut short, it goes on where it was
	s.last, s.waiting = found, found.Entries
	if len(found.Entries) == 0 {
		s.low = found.Oldest
	}
	return nil
}

// takeUp reads the tree's edge and holds it against the checkpoint: before every batch, as it costs a millisecond, and what
// was tampered with must not be built upon.
func takeUp(ctx context.Context, p Page, head Head) (*merkle.Edge, error) {
	var levels [][]merkle.Hash
	for level, width := range merkle.Widths(head.Size) {
		var row []merkle.Hash
		if width > 0 {
			first := head.Size >> (merkle.TileHeight * (level + 1))
			joined, err := p.Tile(ctx, merkle.Place{Level: level, Index: first, Width: width})
			if err != nil {
				return nil, err
			}
			if row, err = merkle.Split(joined); err != nil {
				return nil, err
			}
		}
		levels = append(levels, row)
	}
	edge, err := merkle.NewEdge(head.Size, levels)
	if err != nil {
		return nil, alarmf(AlarmTree, "%v", err)
	}
	if head.Size > 0 && edge.Root() != head.Root {
		return nil, alarmf(AlarmTree, "size %d: the stored tree has root %s, the checkpoint says %s", head.Size, edge.Root(), head.Root)
	}
	return edge, nil
}

// fill hashes the entries' bytes once more, as what is sealed wrong stays wrong, and lets the tree grow by them.
func (b *Batch) fill(ctx context.Context, p Page, edge *merkle.Edge) error {
	b.Leaves = make([]merkle.Hash, 0, len(b.Entries))
	err := p.Entries(ctx, b.Entries, func(id int64, canon, leafHash []byte) error {
		if at := len(b.Leaves); at == len(b.Entries) || b.Entries[at] != id {
			return fmt.Errorf("entry %d was not asked for", id)
		}
		leaf := merkle.Leaf(canon)
		if string(leaf[:]) != string(leafHash) {
			return alarmf(AlarmEntry, "entry %d: its bytes have hash %s, it says %x", id, leaf, leafHash)
		}
		b.Leaves = append(b.Leaves, leaf)
		b.Tiles = append(b.Tiles, edge.Append(leaf)...)
		return nil
	})
	if err == nil && len(b.Leaves) < len(b.Entries) {
		return alarmf(AlarmEntry, "entry %d was there and is gone", b.Entries[len(b.Leaves)])
	}
	return err
}
