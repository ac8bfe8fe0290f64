package merkle_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/caldicott/caldicott/internal/merkle"
)

const largest = 100_000

// grove is one tree of the largest size: every smaller one is its beginning, and stands in the same tiles.
var grove = sync.OnceValue(func() *shelf { return grow(largest) })

// sizes are any, and oftener those where tiles end and begin.
func sizes(least int) *rapid.Generator[int] {
	return rapid.OneOf(rapid.IntRange(least, largest), rapid.Custom(func(t *rapid.T) int {
		width := rapid.SampledFrom([]int{1, 256, 512, 25_600, 65_536}).Draw(t, "tiles")
		return max(least, width+rapid.IntRange(-1, 1).Draw(t, "beside"))
	}))
}

// began is the tree as it was at that size, taken up from its edge.
func (s *shelf) began(t *rapid.T, size int) merkle.Tree {
	var levels [][]merkle.Hash
	for level, width := range merkle.Widths(int64(size)) {
		data, err := s.read([]merkle.Place{{Level: level, Index: int64(size) >> (8 * (level + 1)), Width: width}})
		if err != nil {
			t.Fatal(err)
		}
		row, err := merkle.Split(data[0])
		if err != nil {
			t.Fatal(err)
		}
		levels = append(levels, row)
	}
	edge, err := merkle.NewEdge(int64(size), levels)
	if err != nil {
		t.Fatal(err)
	}
	return merkle.Tree{Size: int64(size), Root: edge.Root()}
}

// node is what another implementation makes of so many leaves from one on; of none, the empty root.
func (s *shelf) node(t rapid.TB, from, n int) merkle.Hash {
	if n == 0 {
		return merkle.Hash(rfc6962.DefaultHasher.EmptyRoot())
	}
	f := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	r := f.NewEmptyRange(0)
	for _, leaf := range s.leaves[from : from+n] {
		if err := r.Append(leaf[:], nil); err != nil {
			t.Fatal(err)
		}
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		t.Fatal(err)
	}
	return merkle.Hash(root)
}

// Roots, inclusion and consistency of any tree, each way: what we make passes there and here, and nothing else does.
func TestAnyTreeIsProvedToAnotherImplementation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, size := grove(), sizes(1).Draw(t, "size")
		tree := s.began(t, size)
		if want := s.node(t, 0, size); tree.Root != want {
			t.Fatalf("root %s, another says %s", tree.Root, want)
		}
		at := rapid.IntRange(0, size-1).Draw(t, "leaf")
		path, err := merkle.Inclusion(tree, int64(at), s.read)
		if err != nil {
			t.Fatal(err)
		}
		leaf := s.leaves[at]
		sameVerdict(t, path, func(p []merkle.Hash) (ours, theirs error) {
			return merkle.CheckInclusion(p, tree, int64(at), leaf),
				proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(at), uint64(size), leaf[:], rows(p), tree.Root[:])
		})
		from := rapid.IntRange(0, size).Draw(t, "from")
		old := merkle.Tree{Size: int64(from), Root: s.node(t, 0, from)}
		if path, err = merkle.Consistency(tree, old.Size, s.read); err != nil {
			t.Fatal(err)
		}
		sameVerdict(t, path, func(p []merkle.Hash) (ours, theirs error) {
			return merkle.CheckConsistency(p, old, tree),
				proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from), uint64(size), rows(p), old.Root[:], tree.Root[:])
		})
	})
}

// sameVerdict asks both of a path, and then of paths that are a hash longer, shorter or another.
func sameVerdict(t *rapid.T, path []merkle.Hash, check func([]merkle.Hash) (ours, theirs error)) {
	if ours, theirs := check(path); ours != nil || theirs != nil {
		t.Fatalf("a true proof: %v here, %v there", ours, theirs)
	}
	spoiled := [][]merkle.Hash{append(append([]merkle.Hash(nil), path...), merkle.Leaf(nil))}
	if n := len(path); n > 0 {
		other := append([]merkle.Hash(nil), path...)
		other[rapid.IntRange(0, n-1).Draw(t, "hash")][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
		spoiled = append(spoiled, other, path[1:], path[:n-1])
	}
	for _, p := range spoiled {
		if ours, theirs := check(p); ours == nil || theirs == nil {
			t.Fatalf("a proof that was spoiled: %v here, %v there", ours, theirs)
		}
	}
}

// A tile's hashes are the roots of what stands below them, whether it is full or not.
func TestAnyTileIsThatOfAnotherImplementation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := grove()
		size := sizes(1).Draw(t, "size")
		level := rapid.IntRange(0, len(merkle.Widths(int64(size)))-1).Draw(t, "level")
		hashes := size >> (8 * level) // of that level
		place := merkle.Place{Level: level, Index: int64(rapid.IntRange(0, max(hashes-1, 0)/merkle.TileWidth).Draw(t, "index"))}
		most := min(merkle.TileWidth, hashes-int(place.Index)*merkle.TileWidth)
		if most < 1 {
			return // a level that has no hash yet
		}
		place.Width = most
		if rapid.Bool().Draw(t, "narrower") {
			place.Width = rapid.IntRange(1, most).Draw(t, "width")
		}
		if !place.In(int64(size)) {
			t.Fatalf("%+v is not in a tree of %d", place, size)
		}
		if beyond := (merkle.Place{Level: level, Index: place.Index, Width: most + 1}); beyond.In(int64(size)) {
			t.Fatalf("%+v is in a tree of %d", beyond, size)
		}
		data, err := s.read([]merkle.Place{place})
		if err != nil {
			t.Fatal(err)
		}
		var other api.HashTile
		if err := other.UnmarshalText(data[0]); err != nil || len(other.Nodes) != place.Width {
			t.Fatalf("%+v: %d hashes elsewhere, %v", place, len(other.Nodes), err)
		}
		below := 1 << (8 * level)
		for range 3 {
			i := rapid.IntRange(0, place.Width-1).Draw(t, "hash")
			if want := s.node(t, (int(place.Index)*merkle.TileWidth+i)*below, below); !bytes.Equal(other.Nodes[i], want[:]) {
				t.Fatalf("%+v: hash %d is %x, another says %s", place, i, other.Nodes[i], want)
			}
		}
	})
}

// One text, one checkpoint, one proof: written here and read elsewhere, and written elsewhere and read here.
func TestCheckpointsNotesAndProofsAreThoseOfAnotherImplementation(t *testing.T) {
	t.Parallel()
	const origin = "trust.example/caldicott"
	rapid.Check(t, func(t *rapid.T) {
		secret, public, err := note.GenerateKey(bytes.NewReader(rapid.SliceOfN(rapid.Byte(), ed25519.SeedSize, ed25519.SeedSize).Draw(t, "seed")), origin)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(secret)
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := note.NewVerifier(public)
		if err != nil {
			t.Fatal(err)
		}
		s, size := grove(), sizes(1).Draw(t, "size")
		c := merkle.Checkpoint{Origin: origin, Tree: s.began(t, size)}
		signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		other, rest, _, err := log.ParseCheckpoint(signed, origin, verifier)
		if err != nil || len(rest) > 0 || other.Size != uint64(size) || !bytes.Equal(other.Hash, c.Root[:]) || string(other.Marshal()) != c.Text() {
			t.Fatalf("%q is %+v elsewhere, %v", signed, other, err)
		}
		if again, err := merkle.ParseCheckpoint(string(other.Marshal())); err != nil || again != c {
			t.Fatalf("%+v: %v", again, err)
		}
		p := merkle.Proof{Index: int64(rapid.IntRange(0, size-1).Draw(t, "leaf")), Note: string(signed)}
		if p.Path, err = merkle.Inclusion(c.Tree, p.Index, s.read); err != nil {
			t.Fatal(err)
		}
		var read formats.TLogProof
		if err := read.Unmarshal([]byte(p.Text())); err != nil || string(read.Marshal()) != p.Text() || !bytes.Equal(read.Checkpoint, signed) {
			t.Fatalf("%q: %v", p.Text(), err)
		}
		if again, err := merkle.ParseProof(string(read.Marshal())); err != nil || again.Text() != p.Text() {
			t.Fatalf("%v: %q", err, again.Text())
		}
	})
}

// A bundle, full or not, holds for any C2SP client what was put in.
func TestABundleIsReadByAnotherImplementation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 2, 100, merkle.TileWidth - 1, merkle.TileWidth}).Draw(t, "n")
		entries := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 600), n, n).Draw(t, "entries")
		if len(entries) > 0 && rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			entries[0] = bytes.Repeat([]byte{'x'}, merkle.MaxEntry-rapid.IntRange(0, 1).Draw(t, "short of it"))
		}
		var bundle []byte
		for _, e := range entries {
			var err error
			if bundle, err = merkle.AppendEntry(bundle, e); err != nil {
				t.Fatal(err)
			}
		}
		var other api.EntryBundle
		if err := other.UnmarshalText(bundle); err != nil || len(other.Entries) != len(entries) {
			t.Fatalf("%d entries of %d elsewhere, %v", len(other.Entries), len(entries), err)
		}
		ours, err := merkle.ParseBundle(bundle)
		if err != nil || len(ours) != len(entries) {
			t.Fatalf("%d entries of %d, %v", len(ours), len(entries), err)
		}
		for i, e := range entries {
			if !bytes.Equal(other.Entries[i], e) || !bytes.Equal(ours[i], e) {
				t.Fatalf("entry %d is another", i)
			}
		}
	})
}

// uniform is a tree all of whose leaves are one: each level has one hash only, so that any size can be had without storing it.
type uniform struct {
	levels []merkle.Hash // roots of 1, 256, 65,536 … leaves
	tree   merkle.Tree
}

func newUniform(tb testing.TB, size int64) uniform {
	tb.Helper()
	u := uniform{levels: []merkle.Hash{merkle.Leaf([]byte("x"))}}
	var edge [][]merkle.Hash
	for level, width := range merkle.Widths(size) {
		edge = append(edge, u.row(level, width))
		u.levels = append(u.levels, merkle.Root(u.row(level, merkle.TileWidth)))
	}
	e, err := merkle.NewEdge(size, edge)
	if err != nil {
		tb.Fatal(err)
	}
	u.tree = merkle.Tree{Size: size, Root: e.Root()}
	return u
}

func (u uniform) row(level, width int) []merkle.Hash {
	row := make([]merkle.Hash, width)
	for i := range row {
		row[i] = u.levels[level]
	}
	return row
}

func (u uniform) read(places []merkle.Place) ([][]byte, error) {
	all := make([][]byte, len(places))
	for i, p := range places {
		if !p.In(u.tree.Size) {
			return nil, fmt.Errorf("%+v is not in the tree", p)
		}
		all[i] = merkle.Join(u.row(p.Level, p.Width))
	}
	return all, nil
}

// pathBytes is how long a path may be in a thousand million leaves: 30 hashes.
const pathBytes = 960

func TestAPathInAThousandMillionLeavesIsShort(t *testing.T) {
	t.Parallel()
	u := newUniform(t, 1_000_000_000)
	for range 200 {
		at := rand.Int64N(u.tree.Size)
		path, err := merkle.Inclusion(u.tree, at, u.read)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(merkle.Join(path)); n > pathBytes {
			t.Fatalf("the path of leaf %d has %d bytes", at, n)
		}
		leaf := u.levels[0]
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(at), uint64(u.tree.Size), leaf[:], rows(path), u.tree.Root[:]); err != nil {
			t.Fatalf("leaf %d: %v", at, err)
		}
	}
}

// FuzzSignedNote: of a note with any signatures, both readers find the same ones good.
func FuzzSignedNote(f *testing.F) {
	text := merkle.Checkpoint{Origin: "PeterNeumann", Tree: merkle.Tree{Size: 7, Root: merkle.Leaf(nil)}}.Text()
	f.Add([]byte(text + "\n— PeterNeumann " + base64.StdEncoding.EncodeToString(make([]byte, 68)) + "\n"))
	secret, public, err := note.GenerateKey(bytes.NewReader(make([]byte, ed25519.SeedSize)), "PeterNeumann")
	if err != nil {
		f.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		f.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(append(bytes.Clone(signed), "— another AAAAAAAA\n"...))
	verifier, err := note.NewVerifier(public)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, signed []byte) {
		other, _, _, theirs := log.ParseCheckpoint(signed, "PeterNeumann", verifier)
		n, err := note.Open(signed, note.VerifierList(verifier))
		if err != nil {
			if theirs == nil {
				t.Errorf("%q is refused here (%v) and read elsewhere", signed, err)
			}
			return
		}
		c, err := merkle.ParseCheckpoint(n.Text)
		if err == nil && c.Origin == "PeterNeumann" && (theirs != nil || other.Size != uint64(c.Size) || !bytes.Equal(other.Hash, c.Root[:])) {
			t.Errorf("%q is %+v here, %+v there: %v", signed, c, other, theirs)
		}
	})
}
