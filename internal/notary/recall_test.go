package notary_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// desk has a log of 300 equal leaves, and knows whether anything was signed.
type desk struct {
	tree   merkle.Tree
	signed int
}

func newDesk() *desk {
	var e merkle.Edge
	for range 300 {
		e.Append(merkle.Leaf(nil))
	}
	return &desk{tree: merkle.Tree{Size: e.Size(), Root: e.Root()}}
}

func (d *desk) Newest(context.Context) (merkle.Tree, error)           { return d.tree, nil }
func (d *desk) Signed(context.Context, int64) ([]string, error)       { return nil, nil }
func (d *desk) Spans(context.Context) (map[string]notary.Span, error) { return nil, nil }
func (d *desk) Say(context.Context, string, notary.Span) error        { return nil }
func (d *desk) Sign(context.Context, int64, string, string) error     { d.signed++; return nil }
func (d *desk) Tiles(_ context.Context, places []merkle.Place) ([][]byte, error) {
	all := make([][]byte, len(places))
	for i, p := range places {
		if !p.In(d.tree.Size) {
			return nil, errors.New("no such tile")
		}
		hash := merkle.Leaf(nil)
		if p.Level == 1 {
			hash = merkle.Root(bytesOf(hash, merkle.TileWidth))
		}
		all[i] = merkle.Join(bytesOf(hash, p.Width))
	}
	return all, nil
}

func bytesOf(hash merkle.Hash, n int) []merkle.Hash {
	row := make([]merkle.Hash, n)
	for i := range row {
		row[i] = hash
	}
	return row
}

// told is a memory that was written by somebody.
type told struct{ signed string }

func (m *told) Recall() (string, error)    { return m.signed, nil }
func (m *told) Remember(text string) error { m.signed = text; return nil }

// FuzzRecall: whatever stands where the signer remembers, it signs only what continues it.
func FuzzRecall(f *testing.F) {
	const name = "trust.example/log"
	secret, _, err := note.GenerateKey(bytes.NewReader(make([]byte, 64)), name)
	if err != nil {
		f.Fatal(err)
	}
	keys, err := notary.ParseKeys(strings.NewReader(secret))
	if err != nil {
		f.Fatal(err)
	}
	remembered := func(origin string, n int) string {
		var e merkle.Edge
		for range n {
			e.Append(merkle.Leaf(nil))
		}
		return notary.Note(merkle.Checkpoint{Origin: origin, Tree: merkle.Tree{Size: e.Size(), Root: e.Root()}}.Text(), []string{"— a AAAAAAAA"})
	}
	f.Add("")
	for _, n := range []int{0, 1, 255, 256, 299, 300, 301} {
		f.Add(remembered(name, n))
	}
	f.Add(remembered("another", 3))
	f.Fuzz(func(t *testing.T, text string) {
		d := newDesk()
		s := &notary.Signer{Origin: name, Keys: keys, Desk: d, Memory: &told{text}}
		err := s.Sign(t.Context())
		if (err == nil) != (d.signed == 1) {
			t.Fatalf("%q: %d signatures, %v", text, d.signed, err)
		}
		if err != nil || text == "" {
			return
		}
		body, _, _ := strings.Cut(text, "\n\n")
		old, parsed := merkle.ParseCheckpoint(body + "\n")
		if parsed != nil || old.Origin != name || old.Size > d.tree.Size {
			t.Fatalf("%q was signed over", text)
		}
		if want, _, _ := strings.Cut(remembered(name, int(old.Size)), "\n\n"); body != want {
			t.Fatalf("%q was signed over", text)
		}
	})
}
