// Package merkle is the arithmetic of the log's tree (RFC 6962): tiles, roots, proofs and the texts that carry them.
package merkle

import (
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a node of the tree.
type Hash = tlog.Hash

// A tile is up to 256 hashes side by side, eight levels of the tree: the shape that C2SP's tlog-tiles serves.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// Leaf is the hash of an entry.
func Leaf(canon []byte) Hash { return tlog.RecordHash(canon) }

// EmptyRoot is the root of a tree without leaves.
func EmptyRoot() Hash { return sha256.Sum256(nil) }

// Tile is a full tile. Its root is the hash at index Index of the level above.
type Tile struct {
	Level  int
	Index  int64
	Root   Hash
	Hashes []byte
}

// Edge is the right edge of a tree: at each level the hashes of the tile that is not yet full. It is all that is needed
// to let the tree grow and to know its root, however large the tree is. The zero Edge is the empty tree's.
type Edge struct {
	size   int64
	levels [][]Hash
}

// Widths says how many hashes the unfinished tile has at each level of a tree of that size.
func Widths(size int64) []int {
	var widths []int
	for ; size > 0; size >>= TileHeight {
		widths = append(widths, int(size%TileWidth))
	}
	return widths
}

// NewEdge takes up an edge where it was left: levels are the unfinished tiles, as wide as Widths says.
func NewEdge(size int64, levels [][]Hash) (*Edge, error) {
	widths := Widths(size)
	if len(levels) != len(widths) {
		return nil, fmt.Errorf("a tree of %d leaves has %d levels of tiles, not %d", size, len(widths), len(levels))
	}
	for level, hashes := range levels {
		if len(hashes) != widths[level] {
			return nil, fmt.Errorf("a tree of %d leaves ends in %d hashes at level %d, not in %d", size, widths[level], level, len(hashes))
		}
	}
	return &Edge{size, levels}, nil
}

// Size is how many leaves the tree has.
func (e *Edge) Size() int64 { return e.size }

// Append adds a leaf and gives the tiles that it fills.
func (e *Edge) Append(leaf Hash) []Tile {
	var filled []Tile
	e.size++
	next := leaf
	for level := 0; ; level++ {
		if level == len(e.levels) {
			e.levels = append(e.levels, nil)
		}
		e.levels[level] = append(e.levels[level], next)
		if len(e.levels[level]) < TileWidth {
			return filled
		}
		t := Tile{Level: level, Index: e.size>>(TileHeight*(level+1)) - 1, Root: Root(e.levels[level])}
		t.Hashes = Join(e.levels[level])
		e.levels[level] = nil
		filled, next = append(filled, t), t.Root
	}
}

// Root is the root of the whole tree.
func (e *Edge) Root() Hash {
	var root Hash
	some := false
	for _, hashes := range e.levels { // from the right, where the smallest subtrees stand
		if len(hashes) == 0 {
			continue
		}
		root, some = fold(hashes, root, some), true
	}
	if !some {
		return EmptyRoot()
	}
	return root
}

// fold joins a row of perfect subtrees of one size with what stands to the right of it.
func fold(row []Hash, right Hash, some bool) Hash {
	for len(row) > 0 {
		width := len(row) & -len(row) // the smallest perfect subtree is the rightmost
		left := Root(row[len(row)-width:])
		right, some = joined(left, right, some), true
		row = row[:len(row)-width]
	}
	return right
}

func joined(left, right Hash, some bool) Hash {
	if !some {
		return left
	}
	return tlog.NodeHash(left, right)
}

// Root is the root of a perfect row: of one, two, four … hashes.
func Root(row []Hash) Hash {
	level := append([]Hash(nil), row...)
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

// Join writes hashes one after the other, as tiles hold them.
func Join(hashes []Hash) []byte {
	joined := make([]byte, 0, len(hashes)*len(Hash{}))
	for _, h := range hashes {
		joined = append(joined, h[:]...)
	}
	return joined
}

// Split reads hashes that stand one after the other.
func Split(joined []byte) ([]Hash, error) {
	if len(joined)%len(Hash{}) != 0 {
		return nil, fmt.Errorf("%d bytes are no row of hashes", len(joined))
	}
	hashes := make([]Hash, len(joined)/len(Hash{}))
	for i := range hashes {
		copy(hashes[i][:], joined[i*len(Hash{}):])
	}
	return hashes, nil
}
