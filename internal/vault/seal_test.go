package vault

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// golden is the format, which may never change for what is kept already: if its test fails, write a version 2 that still
// opens version 1. The encrypted part was checked against another implementation of AES-GCM.
const golden = "01" + "01" + "61" + // version, length of the key's name, the name "a"
	"000102030405060708090a0b" + // nonce
	"32516df3a1be0e7f7b" + // "Caldicott"
	"39bae3a77d3d0683a77d7d130b93bd61" // tag

func TestTheFormatOfASealedDocumentIsFixed(t *testing.T) {
	t.Parallel()
	nonce := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	v := Vault{Keys: keys(t, lineA), Random: bytes.NewReader(nonce)}
	sealed, err := v.Seal("0197-document", []byte("Caldicott"))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sealed); got != golden {
		t.Errorf("sealed %s\n want %s", got, golden)
	}
	kept, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := v.Open("0197-document", kept); err != nil || string(plain) != "Caldicott" {
		t.Errorf("opened %q, %v", plain, err)
	}
}

func TestWhatIsSealedOpensAndIsNeverSealedTheSameWayTwice(t *testing.T) {
	t.Parallel()
	v := Vault{Keys: keys(t, lineB, lineA)}
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,40}`).Draw(t, "id")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		first, err1 := v.Seal(id, plain)
		second, err2 := v.Seal(id, plain)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(first, second) {
			t.Fatal("a nonce was used twice")
		}
		if len(first) != 2+1+nonceSize+len(plain)+tagSize {
			t.Fatalf("%d bytes for a document of %d", len(first), len(plain))
		}
		got, err := v.Open(id, first)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("opened %x, %v", got, err)
		}
	})
}

func TestASingleChangedBitIsNoticed(t *testing.T) {
	t.Parallel()
	v := Vault{Keys: keys(t, lineA, lineB)}
	sealed, err := v.Seal("d1", []byte("approved"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if _, err := v.Open("d1", changed); !errors.Is(err, ErrSealed) {
				t.Errorf("byte %d, bit %d: %v", i, bit, err)
			}
		}
	}
	for n := range sealed {
		if _, err := v.Open("d1", sealed[:n]); !errors.Is(err, ErrSealed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestAnyChangeToIdOrBytesIsNoticed(t *testing.T) {
	t.Parallel()
	v := Vault{Keys: keys(t, lineA)}
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.StringMatching(`[A-Za-z0-9_-]{1,20}`)
		id, other := ids.Draw(t, "id"), ids.Draw(t, "other")
		sealed, err := v.Seal(id, rapid.SliceOf(rapid.Byte()).Draw(t, "plain"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Open(other, sealed); other != id && !errors.Is(err, ErrSealed) {
			t.Fatalf("opened under another id: %v", err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")
		sealed[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
		if _, err := v.Open(id, sealed); !errors.Is(err, ErrSealed) {
			t.Fatalf("a change to byte %d: %v", i, err)
		}
	})
}

func TestWithoutRandomnessNothingIsSealed(t *testing.T) {
	t.Parallel()
	v := Vault{Keys: keys(t, lineA), Random: bytes.NewReader([]byte("short"))}
	if sealed, err := v.Seal("d1", []byte("x")); err == nil {
		t.Errorf("sealed %x", sealed)
	}
}

func FuzzOpenNeverTakesWhatWasNotSealed(f *testing.F) {
	v := Vault{Keys: keys(f, lineA)}
	kept, err := hex.DecodeString(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("0197-document", kept)
	f.Add("0197-document", kept[:len(kept)-1])
	f.Add("d1", []byte{})
	f.Add("d1", []byte{1, 255})
	f.Add("", []byte{1, 0})
	f.Fuzz(func(t *testing.T, id string, sealed []byte) {
		before := bytes.Clone(sealed)
		plain, err := v.Open(id, sealed)
		if !bytes.Equal(before, sealed) {
			t.Fatal("Open changed what it was given")
		}
		if err == nil && (id != "0197-document" || !bytes.Equal(sealed, kept)) {
			t.Fatalf("opened %q from bytes nobody sealed", plain)
		}
	})
}
