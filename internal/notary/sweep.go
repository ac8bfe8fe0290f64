package notary

import (
	"bytes"
	"context"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Sweep goes over the whole log: every leaf against its entry, every tile against its leaves, every checkpoint against the
// tree. Then it lets the next look begin at the beginning, which proves that nothing was skipped. What it finds stops the
// sealer.
func (s *Sealer) Sweep(ctx context.Context) error {
	err := s.Book.Still(ctx, func(w Whole) error { return sweep(ctx, w) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, is := Alarmed(err); is && s.stopped == nil {
		s.stopped = err
	}
	if err == nil {
		s.full = true
	}
	return err
}

// place is a tile's place without its width.
type place struct {
	level int
	index int64
}

func sweep(ctx context.Context, w Whole) error {
	var roots []merkle.Tree
	if err := w.Checkpoints(ctx, func(t merkle.Tree) error { roots = append(roots, t); return nil }); err != nil {
		return err
	}
	var edge merkle.Edge
	made := map[place]merkle.Hash{} // a full tile's hashes are its children's roots, so that its root says all
	err := w.Leaves(ctx, func(index, entry int64, leaf, entryHash []byte) error {
		switch {
		case index != edge.Size():
			return alarmf(AlarmLeaf, "leaf %d stands where leaf %d should", index, edge.Size())
		case !bytes.Equal(leaf, entryHash):
			return alarmf(AlarmLeaf, "leaf %d is %x, its entry %d has %x", index, leaf, entry, entryHash)
		}
		for _, t := range edge.Append(merkle.Hash(leaf)) {
			made[place{t.Level, t.Index}] = t.Root
		}
		for len(roots) > 0 && roots[0].Size <= edge.Size() {
			if roots[0].Size != edge.Size() || roots[0].Root != edge.Root() {
				return alarmf(AlarmCheckpoint, "size %d: the leaves make root %s, the checkpoint says %s", roots[0].Size, edge.Root(), roots[0].Root)
			}
			roots = roots[1:]
		}
		return nil
	})
	if err == nil && len(roots) > 0 {
		err = alarmf(AlarmLeaf, "the checkpoint of size %d has only %d leaves", roots[len(roots)-1].Size, edge.Size())
	}
	if err != nil {
		return err
	}
	return sweepTiles(ctx, w, made)
}

func sweepTiles(ctx context.Context, w Whole, made map[place]merkle.Hash) error {
	seen := 0
	err := w.Tiles(ctx, func(t merkle.Tile) error {
		row, err := merkle.Split(t.Hashes)
		if err != nil || len(row) != merkle.TileWidth {
			return alarmf(AlarmTile, "tile %d/%d is not 256 hashes wide", t.Level, t.Index)
		}
		root, known := made[place{t.Level, t.Index}]
		if !known || root != t.Root || root != merkle.Root(row) {
			return alarmf(AlarmTile, "tile %d/%d: the leaves make root %s, it says %s and its hashes make %s", t.Level, t.Index, root, t.Root, merkle.Root(row))
		}
		seen++
		return nil
	})
	if err == nil && seen != len(made) {
		err = alarmf(AlarmTile, "%d full tiles are stored, the leaves fill %d", seen, len(made))
	}
	return err
}
