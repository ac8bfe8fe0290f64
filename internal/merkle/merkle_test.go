package merkle_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
)

// shelf keeps the tiles of a tree, and its leaves, as the database does.
type shelf struct {
	full   map[merkle.Place]merkle.Tile
	leaves []merkle.Hash
	edge   merkle.Edge
}

func grow(n int) *shelf {
	s := &shelf{full: map[merkle.Place]merkle.Tile{}}
	for i := range n {
		leaf := merkle.Leaf(binary.BigEndian.AppendUint64(nil, uint64(i)))
		s.leaves = append(s.leaves, leaf)
		for _, t := range s.edge.Append(leaf) {
			s.full[merkle.Place{Level: t.Level, Index: t.Index}] = t
		}
	}
	return s
}

func (s *shelf) read(places []merkle.Place) ([][]byte, error) {
	var all [][]byte
	for _, p := range places {
		var row []merkle.Hash
		for i := p.Index * merkle.TileWidth; len(row) < p.Width; i++ {
			if p.Level == 0 {
				row = append(row, s.leaves[i])
			} else {
				row = append(row, s.full[merkle.Place{Level: p.Level - 1, Index: i}].Root)
			}
		}
		if p.Width == merkle.TileWidth { // the stored tile, not the one that could be computed
			all = append(all, s.full[merkle.Place{Level: p.Level, Index: p.Index}].Hashes)
			continue
		}
		all = append(all, merkle.Join(row))
	}
	return all, nil
}

func rows(path []merkle.Hash) [][]byte {
	var all [][]byte
	for _, h := range path {
		all = append(all, h[:])
	}
	return all
}

// Sizes are those where something ends or begins, and any others up to 100,000.
func TestTreesAndProofsAreThoseOfAnotherImplementation(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, 2, 3, 255, 256, 257, 511, 512, 65535, 65536, 65537}
	for range 4 {
		sizes = append(sizes, 1+rand.IntN(100_000))
	}
	for _, size := range sizes {
		s := grow(size)
		tree := merkle.Tree{Size: int64(size), Root: s.edge.Root()}
		if want := s.node(t, 0, size); tree.Root != want || s.edge.Size() != tree.Size {
			t.Fatalf("size %d: root %s, another says %s", size, tree.Root, want)
		}
		for range min(size, 12) {
			checkProofs(t, s, tree, rand.IntN(size))
		}
	}
}

func checkProofs(t *testing.T, s *shelf, tree merkle.Tree, at int) {
	t.Helper()
	path, err := merkle.Inclusion(tree, int64(at), s.read)
	if err != nil {
		t.Fatal(err)
	}
	leaf := s.leaves[at]
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(at), uint64(tree.Size), leaf[:], rows(path), tree.Root[:]); err != nil {
		t.Fatalf("leaf %d of %d: %v", at, tree.Size, err)
	}
	if err := merkle.CheckInclusion(path, tree, int64(at), leaf); err != nil {
		t.Fatal(err)
	}
	leaf[rand.IntN(32)] ^= 1
	if merkle.CheckInclusion(path, tree, int64(at), leaf) == nil {
		t.Fatalf("leaf %d of %d: another leaf passes", at, tree.Size)
	}
	old := merkle.Tree{Size: int64(at), Root: s.node(t, 0, at)}
	path, err = merkle.Consistency(tree, old.Size, s.read)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(at), uint64(tree.Size), rows(path), old.Root[:], tree.Root[:]); err != nil {
		t.Fatalf("from %d to %d: %v", at, tree.Size, err)
	}
	if err := merkle.CheckConsistency(path, old, tree); err != nil {
		t.Fatal(err)
	}
	old.Root[rand.IntN(32)] ^= 1
	if merkle.CheckConsistency(path, old, tree) == nil {
		t.Fatalf("from %d to %d: another beginning passes", at, tree.Size)
	}
}

func TestAnEdgeIsTakenUpWhereItWasLeft(t *testing.T) {
	t.Parallel()
	s, whole := grow(70_000), grow(70_300)
	var levels [][]merkle.Hash
	for level, width := range merkle.Widths(70_000) {
		place := merkle.Place{Level: level, Index: 70_000 >> (8 * (level + 1)), Width: width}
		data, err := s.read([]merkle.Place{place})
		if err != nil {
			t.Fatal(err)
		}
		row, err := merkle.Split(data[0])
		if err != nil {
			t.Fatal(err)
		}
		levels = append(levels, row)
	}
	edge, err := merkle.NewEdge(70_000, levels)
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range whole.leaves[70_000:] {
		edge.Append(leaf)
	}
	if edge.Root() != whole.edge.Root() {
		t.Error("it grows into another tree")
	}
	levels[1] = levels[1][1:]
	if _, err := merkle.NewEdge(70_000, levels); err == nil {
		t.Error("a hash less passes")
	}
	if _, err := merkle.NewEdge(70_000, levels[:2]); err == nil {
		t.Error("a level less passes")
	}
}

func TestATileThatIsNotTheTreesIsNoProof(t *testing.T) {
	t.Parallel()
	s := grow(1000)
	tree := merkle.Tree{Size: 1000, Root: s.edge.Root()}
	s.full[merkle.Place{Index: 2}].Hashes[100] ^= 1
	if _, err := merkle.Inclusion(tree, 600, s.read); err == nil {
		t.Error("a tile that was tampered with proves something")
	}
	if _, err := merkle.Inclusion(tree, 1000, s.read); err == nil {
		t.Error("a leaf beyond the tree is proved")
	}
	if _, err := merkle.Consistency(tree, 1001, s.read); err == nil {
		t.Error("a larger beginning is proved")
	}
}

const vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

func FuzzParseCheckpoint(f *testing.F) {
	root := merkle.Leaf([]byte("x"))
	f.Add(merkle.Checkpoint{Origin: "trust.example/log", Tree: merkle.Tree{Size: 7, Root: root}}.Text())
	f.Add("a\n007\n" + root.String() + "\n")
	f.Add("\n1\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := merkle.ParseCheckpoint(text)
		if err != nil {
			return
		}
		var other log.Checkpoint
		rest, err := other.Unmarshal([]byte(text))
		if err != nil || len(rest) > 0 || c.Text() != text || string(other.Marshal()) != text {
			t.Errorf("%q: %v, %q", text, err, rest)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	p := merkle.Proof{Index: 3, Path: []merkle.Hash{merkle.Leaf(nil), merkle.Leaf([]byte("x"))}, Note: "a\n1\nb\n\n— a x\n"}
	f.Add(p.Text())
	f.Add(strings.Replace(p.Text(), "index", "extra eA==\nindex", 1))
	f.Add("c2sp.org/tlog-proof@v1\nindex 00\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := merkle.ParseProof(text)
		if err != nil {
			return
		}
		if again, err := merkle.ParseProof(p.Text()); err != nil || again.Index != p.Index || !slices.Equal(again.Path, p.Path) || again.Note != p.Note {
			t.Errorf("%q: %v", text, err)
		}
		var other formats.TLogProof
		if err := other.Unmarshal([]byte(text)); err == nil && (other.Index != uint64(p.Index) || len(other.Hashes) != len(p.Path)) {
			t.Errorf("%q is read otherwise elsewhere: %+v", text, other)
		} else if err != nil && !strings.Contains(text, "\r") && len(text) < 60_000 {
			t.Errorf("%q is refused elsewhere: %v", text, err)
		}
	})
}

// Notes come from x/mod; what passes there must carry a checkpoint that reads, or an error.
func FuzzNote(f *testing.F) {
	f.Add([]byte("If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"))
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := note.Open(text, note.VerifierList(verifier))
		if err != nil {
			return
		}
		if c, err := merkle.ParseCheckpoint(n.Text); err == nil && c.Text() != n.Text {
			t.Errorf("%q", n.Text)
		}
	})
}
