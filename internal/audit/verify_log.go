package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tree is the log as the verifier builds it from the leaves alone.
type tree struct {
	peaks               // up to the first hole
	tiles [][]tlog.Hash // the roots of the full tiles, by level and index
	sizes set           // of the checkpoints whose roots are the tree's
	next  int64         // behind the last leaf
	wrong []Tile        // stored tiles of leaves that have other hashes
	lost  int64         // checkpoints that have another root
}

func (t *tree) holed() bool { return t.next != t.size }

// log verifies what was sealed: leaves, tiles, checkpoints, signatures and what was kept outside.
func (v *verifier) log(ctx context.Context, src Source) error {
	v.tree.full = v.tree.tile
	anchors := v.anchors()
	err := src.Leaves(ctx, 0, math.MaxInt64, func(l Leaf) error {
		v.leaf(l)
		anchors = v.reached(anchors)
		return nil
	})
	if err != nil {
		return err
	}
	v.rolledBack(anchors, v.tree.size)
	if err := v.tiles(ctx, src); err != nil {
		return err
	}
	return v.checkpoints(ctx, src)
}

func (t *tree) tile(level int, root tlog.Hash) {
	for len(t.tiles) <= level {
		t.tiles = append(t.tiles, nil)
	}
	t.tiles[level] = append(t.tiles[level], root)
}

// leaf lets the tree grow by a stored leaf, and holds a checkpoint that ends there against it.
func (v *verifier) leaf(l Leaf) {
	v.sum.Leaves++
	t := &v.tree
	switch {
	case l.Index < t.next:
		v.found(Finding{Invariant: "I7", Entry: l.Entry, Text: fmt.Sprintf("leaf %d stands twice in the log", l.Index)})
		return
	case l.Index > t.next:
		v.found(Finding{Invariant: "I7", Text: fmt.Sprintf("leaves %d to %d are missing from the log: what follows cannot be computed", t.next, l.Index-1)})
	}
	if !v.seen.has(l.Entry) {
		v.found(Finding{Invariant: "I6", Entry: l.Entry, Text: fmt.Sprintf("was sealed as leaf %d, and is gone from the trail", l.Index), Want: hex.EncodeToString(l.Hash)})
	}
	if t.next == l.Index && !t.holed() {
		var h tlog.Hash
		copy(h[:], l.Hash)
		t.add(h, 0)
	}
	if t.next = l.Index + 1; l.Root == nil || t.holed() {
		return
	}
	if root := t.tree().Hash; bytes.Equal(root[:], l.Root) {
		t.sizes.add(t.size)
	} else if t.lost++; t.lost == 1 {
		v.found(Finding{Invariant: "I9", Text: fmt.Sprintf("the leaves make another root than the checkpoint of size %d says", t.size), Want: hex.EncodeToString(l.Root), Have: hex.EncodeToString(root[:])})
	}
}

// tiles holds the stored tiles against the leaves. A tile's hashes are the roots below it, so that its root says all.
func (v *verifier) tiles(ctx context.Context, src Source) error {
	seen := make([]int, len(v.tree.tiles))
	err := src.Tiles(ctx, func(t Tile) error {
		v.sum.Tiles++
		var want tlog.Hash
		known := t.Level >= 0 && t.Level < len(v.tree.tiles) && t.Index >= 0 && t.Index < int64(len(v.tree.tiles[t.Level]))
		if !known && v.tree.holed() {
			return nil
		}
		if known {
			want = v.tree.tiles[t.Level][t.Index]
			seen[t.Level]++
		}
		f := Finding{Invariant: "I8", Want: hex.EncodeToString(want[:])}
		if !bytes.Equal(want[:], t.Root) {
			f.Have, f.Text = hex.EncodeToString(t.Root), fmt.Sprintf("tile %d/%d has another root than its leaves make", t.Level, t.Index)
			v.found(f)
		}
		if len(t.Hashes) == tileWidth*tlog.HashSize {
			if root := rootOf(split(t.Hashes)); root != want {
				f.Have, f.Text = hex.EncodeToString(root[:]), fmt.Sprintf("the hashes of tile %d/%d are not those of its leaves", t.Level, t.Index)
				v.found(f)
				if t.Level == 0 && len(v.tree.wrong) < 64 {
					t.Hashes = bytes.Clone(t.Hashes)
					v.tree.wrong = append(v.tree.wrong, t)
				}
			}
		} else {
			v.found(Finding{Invariant: "I8", Text: fmt.Sprintf("tile %d/%d has %d bytes", t.Level, t.Index, len(t.Hashes))})
		}
		return nil
	})
	for level, n := range seen {
		if filled := len(v.tree.tiles[level]); err == nil && n < filled {
			v.found(Finding{Invariant: "I8", Text: fmt.Sprintf("%d of %d full tiles of level %d are missing", filled-n, filled, level)})
		}
	}
	for _, t := range v.tree.wrong {
		if err == nil {
			err = v.compare(ctx, src, t)
		}
	}
	return err
}

// compare names the entries whose leaves are not what a tile remembers.
func (v *verifier) compare(ctx context.Context, src Source, t Tile) error {
	first := t.Index * tileWidth
	return src.Leaves(ctx, first, first+tileWidth, func(l Leaf) error {
		if at := (l.Index - first) * tlog.HashSize; !bytes.Equal(t.Hashes[at:at+tlog.HashSize], l.Hash) {
			v.found(Finding{Invariant: "I8", Entry: l.Entry, Text: fmt.Sprintf("is leaf %d, and its tile remembers another hash", l.Index), Want: hex.EncodeToString(t.Hashes[at : at+tlog.HashSize]), Have: hex.EncodeToString(l.Hash)})
		}
		return nil
	})
}

// checkpoints asks whether the leaves are there that each checkpoint stands on, and who signed it.
func (v *verifier) checkpoints(ctx context.Context, src Source) error {
	spans := map[string]Span{}
	keyed := false // whether the house has a key that signs its log
	err := src.Keys(ctx, func(k Key) error {
		keyed = true
		if verifier, err := note.NewVerifier(k.Verifier); err == nil { // what is no key signs nothing
			spans[keyID(verifier)] = k.Span
		}
		return nil
	})
	if err != nil {
		return err
	}
	var newest, last Checkpoint // of all, and of those that are signed
	believed := false           // whether that one is signed by a key that was given
	var bare, alone Checkpoint  // the first after those that is not signed, and the first signed one that does not satisfy the policy
	err = judgeAll(v, func(f func(Checkpoint) error) error { return src.Checkpoints(ctx, f) }, func(j *judged[Checkpoint]) { v.signed(j, spans) }, func(j *judged[Checkpoint]) {
		v.sum.Checkpoints++
		v.sum.Signatures += j.row.checked
		v.sum.Unchecked += j.row.unchecked
		if j.row.Root != nil {
			newest = j.row
		}
		if len(j.row.Lines) > 0 {
			last, believed, bare = j.row, j.ok, Checkpoint{}
		}
		switch {
		case len(j.row.Lines) == 0:
			bare = first(bare, j.row)
		case j.ok && j.row.doubt == nil && v.Policy != nil:
			v.sum.Public, alone = j.row.Size, Checkpoint{}
		default:
			alone = first(alone, j.row)
		}
	})
	if err == nil {
		v.covered(newest)
		v.trust(last, bare, believed, keyed)
		v.cosigned(last, alone)
	}
	return err
}

func first(have, next Checkpoint) Checkpoint {
	if have.Size > 0 {
		return have
	}
	return next
}

// covered asks whether the newest checkpoint ends where the leaves do.
func (v *verifier) covered(newest Checkpoint) {
	t := &v.tree
	if t.lost > 1 {
		v.found(Finding{Invariant: "I9", Text: fmt.Sprintf("%d checkpoints have other roots than the leaves make", t.lost)})
	}
	if newest.Size != t.next {
		v.found(Finding{Invariant: "I9", Text: fmt.Sprintf("the log has %d leaves, and its newest checkpoint says %d", t.next, newest.Size), Want: hex.EncodeToString(newest.Root)})
	}
}

// signed judges the signatures of a checkpoint; ok says that a key that was given has signed it.
func (v *verifier) signed(j *judged[Checkpoint], spans map[string]Span) {
	c := &j.row
	if c.Root == nil {
		j.finding(Finding{Invariant: "I10", Text: fmt.Sprintf("a checkpoint of size %d was signed, and is not there", c.Size)})
		return
	}
	if !v.Keys.Given() {
		return
	}
	tree := tlog.Tree{N: c.Size}
	copy(tree.Hash[:], c.Root)
	var believed string
	for _, line := range c.Lines {
		text := checkpointText(OriginOf(v.Origin, line), tree)
		n := Note{Tree: tree, Signed: text + "\n" + line + "\n"}
		ids, err := v.Keys.check(n)
		switch {
		case errors.Is(err, ErrUnknownKey):
			c.unchecked++
		case err != nil:
			j.finding(Finding{Invariant: "I10", Text: fmt.Sprintf("the checkpoint of size %d was not signed as it is: %v", c.Size, err), Have: hex.EncodeToString(c.Root)})
		default:
			j.ok, believed = true, text
			c.checked++
			for _, id := range ids {
				if s, known := spans[id]; known && !s.holds(c.Size) {
					j.finding(Finding{Invariant: "I11", Text: fmt.Sprintf("key %s signs from size %d to %d, and has signed %d", id, s.From, s.To, c.Size)})
				}
			}
		}
	}
	if !j.ok {
		return
	}
	if c.doubt = v.public(believed + "\n" + strings.Join(slices.Concat(c.Lines, c.Cosigned), "\n") + "\n"); errors.Is(c.doubt, ErrForged) {
		j.finding(Finding{Invariant: "I10", Text: fmt.Sprintf("the checkpoint of size %d was not cosigned as it is: %v", c.Size, c.doubt), Have: hex.EncodeToString(c.Root)})
	}
}

// trust says what can be said of the signatures as a whole. Who brings keys, a policy or an anchor expects a signed log, and
// so does a database that says of itself that it has one.
func (v *verifier) trust(last, bare Checkpoint, believed, keyed bool) {
	switch {
	case last.Size == 0 && (v.Keys.Given() || v.Policy != nil || len(v.Anchors) > 0 || keyed || v.sum.Leaves > 0 || v.sum.Checkpoints > 0):
		v.skip("signatures: the log is not signed")
	case last.Size == 0:
		v.sum.Late = 0 // there is no log that could be late, and nobody who says that there should be one
		v.found(Finding{Invariant: "note", Text: "nothing has ever been sealed: entries outside of the chains stand alone"})
	case !v.Keys.Given():
		v.found(Finding{Invariant: "note", Text: "signatures were not checked: no keys were given"})
	case !believed && v.sum.Findings == 0:
		v.skip(fmt.Sprintf("signatures: the newest signed checkpoint, of size %d, is signed by none of the keys that were given", last.Size))
	case v.stale(bare):
		v.skip(fmt.Sprintf("signatures: the log has %d leaves, and nobody has signed more than %d", v.tree.next, last.Size))
	}
}

// signGoal is how long a checkpoint may wait for its signature, and for the policy's witnesses: one of them may be down for
// a while.
const signGoal = time.Minute

// stale says whether there is such a checkpoint, and it has waited for too long.
func (v *verifier) stale(c Checkpoint) bool {
	waited := v.moment.Now.Sub(c.At)
	return c.Size > 0 && (waited < 0 || waited > signGoal)
}

// cosigned says how far the policy is satisfied. The newest checkpoint seldom is where much is written, as its witnesses are
// only just being asked; one that has waited for long is as good as none.
func (v *verifier) cosigned(last, alone Checkpoint) {
	if v.Policy == nil || last.Size == 0 || alone.Size == 0 {
		return
	}
	why := ""
	if last.doubt != nil {
		why = ": " + last.doubt.Error()
	}
	switch {
	case v.sum.Public == 0:
		v.skip("no checkpoint satisfies the policy" + why)
	case v.stale(alone):
		v.skip(fmt.Sprintf("no checkpoint beyond size %d satisfies the policy, and there are %d leaves%s", v.sum.Public, last.Size, why))
	default:
		v.found(Finding{Invariant: "note", Text: fmt.Sprintf("the last %d leaves are signed, and their checkpoint does not satisfy the policy yet", last.Size-v.sum.Public)})
	}
}

// anchors are the checkpoints from outside, by size. Those that nobody vouches for are not believed.
func (v *verifier) anchors() []Note {
	var sound []Note
	for _, a := range v.Anchors {
		if v.Origin != "" && a.Origin != v.Origin {
			v.skip(fmt.Sprintf("an anchor: it is of another log, %q", a.Origin))
			continue
		}
		if v.Keys.Given() {
			if _, err := v.Keys.check(a); err != nil {
				v.skip(fmt.Sprintf("the anchor of size %d: %v", a.N, err))
				continue
			}
		} else {
			v.found(Finding{Invariant: "note", Text: fmt.Sprintf("the anchor of size %d was taken as it is: no keys were given", a.N)})
		}
		sound = append(sound, a)
	}
	slices.SortStableFunc(sound, func(a, b Note) int { return cmp.Compare(a.N, b.N) })
	return v.reached(sound)
}

// reached holds the anchors that the tree has come to against it, and gives the others.
func (v *verifier) reached(anchors []Note) []Note {
	for len(anchors) > 0 && anchors[0].N == v.tree.size {
		v.anchored(anchors[0], v.tree.tree().Hash)
		anchors = anchors[1:]
	}
	return anchors
}

func (v *verifier) anchored(a Note, root tlog.Hash) {
	if root != a.Hash {
		v.found(Finding{Invariant: "anchor", Text: fmt.Sprintf("the log was rewritten: its first %d leaves are not those of the checkpoint that was kept outside", a.N), Want: hex.EncodeToString(a.Hash[:]), Have: hex.EncodeToString(root[:])})
		return
	}
	v.sum.Anchors++
}

func (v *verifier) rolledBack(anchors []Note, size int64) {
	for _, a := range anchors {
		v.found(Finding{Invariant: "anchor", Text: fmt.Sprintf("the log was rolled back: it has %d whole leaves, and a checkpoint of %d was kept outside", size, a.N), Want: hex.EncodeToString(a.Hash[:])})
	}
}
