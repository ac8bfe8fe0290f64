package notary

import (
	"context"
	"errors"
	"fmt"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Errors of whoever asks for a proof.
var (
	// ErrUnsigned says that nothing has been signed yet, or nothing of that size.
	ErrUnsigned = errors.New("there is no signed checkpoint")
	// ErrUnsealed says that the entry is not in the signed log yet: ask again in a second.
	ErrUnsealed = errors.New("the entry is not in the signed log yet")
	// ErrNoEntry says that there is no such entry.
	ErrNoEntry = errors.New("there is no such entry")
)

// Leaf is where an entry stands in the log. Index is -1 while it waits.
type Leaf struct {
	Entry, Index int64
	Hash         merkle.Hash
}

// Shelf is where the log is read. All of it may be a standby's: what is there never changes.
type Shelf interface {
	// LastSigned is the newest checkpoint that has a signature, with all its lines; size 0 for none.
	LastSigned(ctx context.Context) (merkle.Tree, []string, error)
	// At is the checkpoint of that size with its lines; size 0 for none.
	At(ctx context.Context, size int64) (merkle.Tree, []string, error)
	// Tiles reads places of the tree.
	Tiles(ctx context.Context, places []merkle.Place) ([][]byte, error)
	// Leaf finds an entry; false if there is none.
	Leaf(ctx context.Context, entry int64) (Leaf, bool, error)
	// Chained finds the entry at a place of a chain; false if there is none.
	Chained(ctx context.Context, stream string, seq int) (Leaf, bool, error)
	// LeavesOf finds all entries about a request, in the order of their ids.
	LeavesOf(ctx context.Context, request string) ([]Leaf, error)
	// SignedBefore are signed checkpoints smaller than before (0: from the newest), the largest first.
	SignedBefore(ctx context.Context, before int64, limit int) ([]Mark, error)
	// Keys is the last word on every key.
	Keys(ctx context.Context) ([]KeyWord, error)
	// Pulse is how the log is doing.
	Pulse(ctx context.Context) (Pulse, error)
}

// Proofs proves what is in the log. Every proof is checked against its checkpoint before it is given.
type Proofs struct {
	Origin string
	Shelf  Shelf
	Public func(context.Context) (size int64, err error) // largest checkpoint that the witnesses' quorum has cosigned; nil: there are no witnesses
}

// Checkpoint is the newest signed checkpoint, as a note.
func (p Proofs) Checkpoint(ctx context.Context) (merkle.Tree, string, error) {
	tree, lines, err := p.Shelf.LastSigned(ctx)
	return p.note(tree, lines, err)
}

// CheckpointAt is the signed checkpoint of that size, as a note.
func (p Proofs) CheckpointAt(ctx context.Context, size int64) (merkle.Tree, string, error) {
	tree, lines, err := p.Shelf.At(ctx, size)
	return p.note(tree, lines, err)
}

func (p Proofs) note(tree merkle.Tree, lines []string, err error) (merkle.Tree, string, error) {
	if err != nil {
		return merkle.Tree{}, "", err
	}
	if tree.Size == 0 || len(lines) == 0 {
		return merkle.Tree{}, "", ErrUnsigned
	}
	return tree, Note(merkle.Checkpoint{Origin: p.Origin, Tree: tree}.Text(), lines), nil
}

// covering is the checkpoint to prove so many leaves by: the one that the witnesses have cosigned if it has them, as the
// newest is seldom cosigned yet where much is written.
func (p Proofs) covering(ctx context.Context, leaves int64) (merkle.Tree, string, error) {
	if p.Public == nil {
		return p.Checkpoint(ctx)
	}
	size, err := p.Public(ctx)
	if err != nil {
		return merkle.Tree{}, "", err
	}
	if size < leaves {
		return p.Checkpoint(ctx)
	}
	tree, lines, err := p.Shelf.At(ctx, size)
	return p.note(tree, lines, err)
}

// Entry proves that an entry is in the log, by a checkpoint that is cosigned or else by the newest signed one.
func (p Proofs) Entry(ctx context.Context, entry int64) (merkle.Proof, error) {
	leaf, found, err := p.Shelf.Leaf(ctx, entry)
	if err != nil {
		return merkle.Proof{}, err
	}
	if !found {
		return merkle.Proof{}, ErrNoEntry
	}
	tree, signed, err := p.covering(ctx, max(1, leaf.Index+1))
	if errors.Is(err, ErrUnsigned) {
		return merkle.Proof{}, ErrUnsealed
	}
	if err != nil {
		return merkle.Proof{}, err
	}
	return p.leaf(ctx, tree, signed, leaf)
}

// Chained proves the entry that stands at a place of a chain and has that hash: what a receipt promises.
func (p Proofs) Chained(ctx context.Context, stream string, seq int, hash merkle.Hash) (EntryProof, error) {
	leaf, found, err := p.Shelf.Chained(ctx, stream, seq)
	if err != nil {
		return EntryProof{}, err
	}
	if !found || leaf.Hash != hash {
		return EntryProof{}, ErrNoEntry
	}
	proof, err := p.Entry(ctx, leaf.Entry)
	return EntryProof{leaf.Entry, proof}, err
}

func (p Proofs) leaf(ctx context.Context, tree merkle.Tree, signed string, leaf Leaf) (merkle.Proof, error) {
	if leaf.Index < 0 || leaf.Index >= tree.Size {
		return merkle.Proof{}, ErrUnsealed
	}
	path, err := merkle.Inclusion(tree, leaf.Index, p.tiles(ctx))
	if err != nil {
		return merkle.Proof{}, fmt.Errorf("entry %d: %w", leaf.Entry, err)
	}
	if err := merkle.CheckInclusion(path, tree, leaf.Index, leaf.Hash); err != nil {
		return merkle.Proof{}, fmt.Errorf("entry %d: %w", leaf.Entry, err)
	}
	return merkle.Proof{Index: leaf.Index, Path: path, Note: signed}, nil
}

// EntryProof is the proof of one entry of a request.
type EntryProof struct {
	Entry int64
	merkle.Proof
}

// Request proves all entries about a request by one checkpoint, and says which of them are not in it yet.
func (p Proofs) Request(ctx context.Context, request string) (proved []EntryProof, waiting []int64, err error) {
	leaves, err := p.Shelf.LeavesOf(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	span := int64(1)
	for _, leaf := range leaves {
		span = max(span, leaf.Index+1)
	}
	moment, err := p.Covering(ctx, span)
	if err != nil {
		return nil, nil, err
	}
	for _, leaf := range leaves {
		path, under, err := moment.Prove(ctx, leaf)
		switch {
		case err != nil:
			return nil, nil, err
		case !under:
			waiting = append(waiting, leaf.Entry)
		default:
			proved = append(proved, EntryProof{leaf.Entry, merkle.Proof{Index: leaf.Index, Path: path, Note: moment.Note}})
		}
	}
	return proved, waiting, nil
}

// Consistency proves that the log of the larger size began as that of the smaller. Both must be sizes of checkpoints, but
// for 0; it gives the path and the two trees.
func (p Proofs) Consistency(ctx context.Context, from, to int64) (path []merkle.Hash, old, new merkle.Tree, err error) {
	old = merkle.Tree{Root: merkle.EmptyRoot()}
	if from > 0 {
		if old, _, err = p.Shelf.At(ctx, from); err != nil {
			return nil, old, new, err
		}
	}
	if new, _, err = p.Shelf.At(ctx, to); err != nil {
		return nil, old, new, err
	}
	if old.Size != from || new.Size != to || to == 0 {
		return nil, old, new, ErrUnsigned
	}
	if path, err = merkle.Consistency(new, from, p.tiles(ctx)); err == nil {
		err = merkle.CheckConsistency(path, old, new)
	}
	return path, old, new, err
}

// Covers says whether all of a place is under the newest signed checkpoint: ErrUnsealed where it is not.
func (p Proofs) Covers(ctx context.Context, place merkle.Place) error {
	tree, _, err := p.Checkpoint(ctx)
	if err == nil && !place.In(tree.Size) {
		err = ErrUnsealed
	}
	return err
}

// Tile is a tile as C2SP's tlog-tiles serves it; narrower than 256 hashes it is computed from what stands below. It gives
// nothing beyond the signed log.
func (p Proofs) Tile(ctx context.Context, place merkle.Place) ([]byte, error) {
	if err := p.Covers(ctx, place); err != nil {
		return nil, err
	}
	data, err := p.Shelf.Tiles(ctx, []merkle.Place{place})
	if err != nil {
		return nil, err
	}
	return data[0], nil
}

func (p Proofs) tiles(ctx context.Context) merkle.Tiles {
	return func(places []merkle.Place) ([][]byte, error) { return p.Shelf.Tiles(ctx, places) }
}

// shelf is a Shelf that reads each tile once: the proofs of one request share most of theirs.
type shelf struct {
	Shelf
	have map[merkle.Place][]byte
}

func remembering(s Shelf) shelf { return shelf{s, map[merkle.Place][]byte{}} }

// Tiles reads what is not there yet.
func (s shelf) Tiles(ctx context.Context, places []merkle.Place) ([][]byte, error) {
	var lack []merkle.Place
	for _, p := range places {
		if _, ok := s.have[p]; !ok {
			lack = append(lack, p)
		}
	}
	if len(lack) > 0 {
		data, err := s.Shelf.Tiles(ctx, lack)
		if err != nil {
			return nil, err
		}
		for i, p := range lack {
			s.have[p] = data[i]
		}
	}
	all := make([][]byte, len(places))
	for i, p := range places {
		all[i] = s.have[p]
	}
	return all, nil
}
