package notary

import (
	"context"
	"errors"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Moment proves any number of entries by one checkpoint. It is for one goroutine.
type Moment struct {
	Tree merkle.Tree
	Note string // "" while nothing is signed: then everything waits
	Proofs
	read shelf
}

// mostTiles is how many tiles a moment keeps: 4 MiB.
const mostTiles = 512

// Newest is the moment of the newest signed checkpoint.
func (p Proofs) Newest(ctx context.Context) (*Moment, error) { return p.at(p.Checkpoint(ctx)) }

// Covering is the moment of a checkpoint with so many leaves: one that is cosigned, or else the newest signed one.
func (p Proofs) Covering(ctx context.Context, leaves int64) (*Moment, error) {
	return p.at(p.covering(ctx, leaves))
}

func (p Proofs) at(tree merkle.Tree, signed string, err error) (*Moment, error) {
	if err != nil && !errors.Is(err, ErrUnsigned) {
		return nil, err
	}
	return &Moment{Tree: tree, Note: signed, Proofs: p, read: remembering(p.Shelf)}, nil
}

// Prove gives the path from the leaf to the moment's root; false while the leaf is not under it.
func (m *Moment) Prove(ctx context.Context, leaf Leaf) ([]merkle.Hash, bool, error) {
	if len(m.read.have) > mostTiles {
		m.read = remembering(m.Shelf)
	}
	proof, err := Proofs{Origin: m.Origin, Shelf: m.read}.leaf(ctx, m.Tree, m.Note, leaf)
	if errors.Is(err, ErrUnsealed) {
		return nil, false, nil
	}
	return proof.Path, err == nil, err
}
