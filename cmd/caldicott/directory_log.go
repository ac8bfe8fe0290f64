package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/receipt"
)

// directoryLog is the log as a C2SP client mirrors it: a signed checkpoint, the tiles of the leaves, and the entries.
type directoryLog struct {
	files fs.FS
	keys  audit.Keys
}

// find looks for the receipt's leaf among all leaves, which must make the root that was signed. Until when the log went on is
// what its last entries say of themselves; the zero time where the leaf was found, or they are not there.
func (d directoryLog) find(r receipt.Receipt) (index int64, until time.Time, err error) {
	signed, err := fs.ReadFile(d.files, "checkpoint")
	if err != nil {
		return -1, until, err
	}
	tree, err := audit.ParseNote(string(signed))
	if err != nil {
		return -1, until, err
	}
	if err := d.keys.OfLog(tree, r.Origin); err != nil {
		return -1, until, err
	}
	var edge merkle.Edge
	var last []merkle.Hash
	index = -1
	for n := int64(0); n*merkle.TileWidth < tree.N; n++ {
		if last, err = d.leaves(n, tree.N); err != nil {
			return -1, until, err
		}
		for i, leaf := range last {
			if leaf == r.Leaf {
				index = n*merkle.TileWidth + int64(i)
			}
			edge.Append(leaf)
		}
	}
	if edge.Root() != tree.Hash {
		return -1, until, fmt.Errorf("the leaves have the root %s, and the checkpoint says %s", edge.Root(), tree.Hash)
	}
	if index < 0 && tree.N > 0 {
		until, err = d.lasted(last, tree.N)
	}
	return index, until, err
}

// leaves reads a tile of the lowest level.
func (d directoryLog) leaves(n, size int64) ([]merkle.Hash, error) {
	b, err := fs.ReadFile(d.files, "tile/0/"+tilePath(n, size))
	if err != nil {
		return nil, err
	}
	hashes, err := merkle.Split(b)
	if err == nil && len(hashes) != tileWidth(n, size) {
		err = errors.New("it has not as many hashes as it should")
	}
	if err != nil {
		return nil, fmt.Errorf("tile %d: %w", n, err)
	}
	return hashes, nil
}

// lasted is the newest instant that the last entries speak of. They must be those that were sealed.
func (d directoryLog) lasted(leaves []merkle.Hash, size int64) (until time.Time, err error) {
	n := (size - 1) / merkle.TileWidth
	b, err := fs.ReadFile(d.files, "tile/entries/"+tilePath(n, size))
	if errors.Is(err, fs.ErrNotExist) {
		return until, nil // an export of hashes only
	}
	if err != nil {
		return until, err
	}
	entries, err := merkle.ParseBundle(b)
	if err != nil {
		return until, err
	}
	for i, canon := range entries {
		if i >= len(leaves) || merkle.Leaf(canon) != leaves[i] {
			return time.Time{}, fmt.Errorf("entry %d of the export is not the one that was sealed", n*merkle.TileWidth+int64(i))
		}
		entry, err := audit.ParseEntry(canon)
		if err != nil {
			return time.Time{}, err
		}
		if entry.At.After(until) {
			until = entry.At
		}
	}
	return until, nil
}

func tileWidth(n, size int64) int { return int(min(merkle.TileWidth, size-n*merkle.TileWidth)) }

// tilePath is where a tile stands below its level (c2sp.org/tlog-tiles): x/mod's own path without height and level.
func tilePath(n, size int64) string {
	path := tlog.Tile{H: merkle.TileHeight, L: 0, N: n, W: tileWidth(n, size)}.Path()
	return strings.TrimPrefix(path, "tile/8/0/")
}
