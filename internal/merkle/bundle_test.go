package merkle_test

import (
	"bytes"
	"testing"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Whatever is read as a bundle is written as the same bytes again.
func FuzzABundleHasOneSpelling(f *testing.F) {
	two, err := merkle.AppendEntry(nil, []byte(`{"v":1}`))
	if err != nil {
		f.Fatal(err)
	}
	if two, err = merkle.AppendEntry(two, []byte("x")); err != nil {
		f.Fatal(err)
	}
	f.Add(two)
	f.Add(two[:len(two)-1])
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, bundle []byte) {
		entries, err := merkle.ParseBundle(bundle)
		if err != nil {
			return
		}
		var again []byte
		for _, e := range entries {
			if again, err = merkle.AppendEntry(again, e); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(again, bundle) {
			t.Errorf("%x was read, and is written as %x", bundle, again)
		}
	})
}

func TestABundleThatIsCutOrHoldsTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	var whole []byte
	for range merkle.TileWidth {
		var err error
		if whole, err = merkle.AppendEntry(whole, []byte("entry")); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := merkle.ParseBundle(whole)
	if err != nil || len(entries) != merkle.TileWidth {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, bad := range [][]byte{whole[:len(whole)-1], whole[:1], append(bytes.Clone(whole), 0, 1, 'x'), {0, 0}} {
		if _, err := merkle.ParseBundle(bad); err == nil {
			t.Errorf("a bundle of %d bytes was read", len(bad))
		}
	}
	for _, canon := range [][]byte{nil, make([]byte, merkle.MaxEntry+1)} {
		if _, err := merkle.AppendEntry(nil, canon); err == nil {
			t.Errorf("an entry of %d bytes was written", len(canon))
		}
	}
}
