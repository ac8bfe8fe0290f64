package merkle

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is a tree by its size and root.
type Tree struct {
	Size int64
	Root Hash
}

// ErrTree is what a proof fails with for which a tile does not belong to the tree, or the numbers are none of the tree's.
var ErrTree = errors.New("the tiles do not make the tree")

// Place is a tile's place, and how many of its hashes are wanted: fewer than TileWidth at the tree's edge only.
type Place struct {
	Level int
	Index int64
	Width int
}

// Tiles gives the hashes of each place, one after the other. They need not be trusted: every proof checks them against
// the tree's root first.
type Tiles func([]Place) ([][]byte, error)

// source is Tiles as x/mod reads them. What reading failed with is kept, as x/mod puts it into words only.
type source struct {
	read Tiles
	err  error
}

func (*source) Height() int                         { return TileHeight }
func (*source) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (s *source) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	places := make([]Place, len(tiles))
	for i, t := range tiles {
		places[i] = Place{Level: t.L, Index: t.N, Width: t.W}
	}
	data, err := s.read(places)
	s.err = err
	if err == nil && len(data) != len(tiles) {
		return nil, errors.New("not every tile was given")
	}
	for i := range data {
		if err == nil && len(data[i]) != tiles[i].W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d/%d is not %d hashes wide", tiles[i].L, tiles[i].N, tiles[i].W)
		}
	}
	return data, err
}

// explain tells a failure to read from tiles that were read and are wrong.
func (s *source) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case s.err != nil:
		return s.err
	}
	return fmt.Errorf("%w: %w", ErrTree, err)
}

// Inclusion proves that the leaf at the index is in the tree.
func Inclusion(tree Tree, index int64, tiles Tiles) ([]Hash, error) {
	if index < 0 || index >= tree.Size {
		return nil, fmt.Errorf("%w: leaf %d of %d", ErrTree, index, tree.Size)
	}
	s := &source{read: tiles}
	path, err := tlog.ProveRecord(tree.Size, index, s.of(tree))
	return path, s.explain(err)
}

// Consistency proves that the tree began as the tree of that size.
func Consistency(tree Tree, from int64, tiles Tiles) ([]Hash, error) {
	if from < 0 || from > tree.Size {
		return nil, fmt.Errorf("%w: it has not %d leaves, but %d", ErrTree, from, tree.Size)
	}
	if from == 0 { // every tree began with nothing
		return nil, nil
	}
	s := &source{read: tiles}
	path, err := tlog.ProveTree(tree.Size, from, s.of(tree))
	return path, s.explain(err)
}

// of reads the tree's hashes, each checked against its root.
func (s *source) of(tree Tree) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: tree.Size, Hash: tree.Root}, s)
}

// CheckInclusion says whether the path proves that the leaf is in the tree at the index.
func CheckInclusion(path []Hash, tree Tree, index int64, leaf Hash) error {
	if index < 0 || index >= tree.Size {
		return fmt.Errorf("%w: leaf %d of %d", ErrTree, index, tree.Size)
	}
	if err := tlog.CheckRecord(path, tree.Size, tree.Root, index, leaf); err != nil {
		return fmt.Errorf("%w: leaf %d: %w", ErrTree, index, err)
	}
	return nil
}

// CheckConsistency says whether the path proves that the new tree began as the old one.
func CheckConsistency(path []Hash, old, new Tree) error {
	switch {
	case old.Size < 0 || old.Size > new.Size:
		return fmt.Errorf("%w: %d leaves cannot have become %d", ErrTree, old.Size, new.Size)
	case old.Size == 0:
		if len(path) > 0 || old.Root != EmptyRoot() {
			return fmt.Errorf("%w: an empty tree has no root of its own and needs no path", ErrTree)
		}
		return nil
	}
	if err := tlog.CheckTree(path, new.Size, new.Root, old.Size, old.Root); err != nil {
		return fmt.Errorf("%w: from %d to %d: %w", ErrTree, old.Size, new.Size, err)
	}
	return nil
}

// In says whether a tree of that size has all hashes of the place.
func (p Place) In(size int64) bool {
	if p.Level < 0 || p.Level > 7 || p.Index < 0 || p.Width < 1 || p.Width > TileWidth || p.Index > size/TileWidth {
		return false
	}
	return p.Index*TileWidth+int64(p.Width) <= size>>(TileHeight*p.Level)
}
