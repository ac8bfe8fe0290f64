package vault

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

// shelf is a Store in memory.
type shelf struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (s *shelf) Put(_ context.Context, id string, sealed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	s.kept[id] = bytes.Clone(sealed)
	return nil
}

func (s *shelf) Get(_ context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sealed, ok := s.kept[id]
	if !ok {
		return nil, ErrAbsent
	}
	return bytes.Clone(sealed), nil
}

func (s *shelf) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, id)
	return nil
}

// Lines of keys for tests; nothing real was ever sealed with them.
const (
	lineA = "a AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
	lineB = "b ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
)

func keys(t testing.TB, lines ...string) Keys {
	t.Helper()
	k, err := ParseKeys(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestADocumentIsKeptSealedAndComesBackAsItWas(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	v := Vault{Store: store, Keys: keys(t, lineA)}
	plain := []byte("the minutes of the panel")
	if err := v.Keep(t.Context(), "d1", plain); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(store.kept["d1"], plain[:8]) {
		t.Error("the store can read the document")
	}
	got, err := v.Fetch(t.Context(), "d1")
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("fetched %q, %v", got, err)
	}
}

func TestNothingIsFetchedAfterErasure(t *testing.T) {
	t.Parallel()
	v := Vault{Store: &shelf{}, Keys: keys(t, lineA)}
	if err := v.Keep(t.Context(), "d1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to erase
		if err := v.Erase(t.Context(), "d1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Fetch(t.Context(), "d1"); !errors.Is(err, ErrAbsent) {
		t.Errorf("after erasure: %v", err)
	}
}

func TestOneDocumentCannotStandInForAnother(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	v := Vault{Store: store, Keys: keys(t, lineA)}
	if err := v.Keep(t.Context(), "d1", []byte("refused")); err != nil {
		t.Fatal(err)
	}
	store.kept["d2"] = store.kept["d1"]
	if _, err := v.Fetch(t.Context(), "d2"); !errors.Is(err, ErrSealed) {
		t.Errorf("an exchanged document: %v", err)
	}
}

func TestARotatedKeyStillOpensAndTheFirstOneSeals(t *testing.T) {
	t.Parallel()
	before := Vault{Keys: keys(t, lineA)}
	sealed, err := before.Seal("d1", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	after := Vault{Keys: keys(t, lineB, lineA)}
	if got, err := after.Open("d1", sealed); err != nil || string(got) != "x" {
		t.Errorf("sealed before the rotation: %q, %v", got, err)
	}
	fresh, err := after.Seal("d1", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Open("d1", fresh); !errors.Is(err, ErrSealed) {
		t.Errorf("sealed after the rotation, opened with the old key alone: %v", err)
	}
}

func TestAnIdThatCouldNameSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	v := Vault{Store: store, Keys: keys(t, lineA)}
	for _, id := range []string{"", ".", "..", "a/b", "a.b", "ä", "a b", "a\n", strings.Repeat("a", 129)} {
		if err := v.Keep(t.Context(), id, []byte("x")); err == nil {
			t.Errorf("%q: kept", id)
		}
		if _, err := v.Fetch(t.Context(), id); err == nil || errors.Is(err, ErrAbsent) {
			t.Errorf("%q: fetched: %v", id, err)
		}
		if err := v.Erase(t.Context(), id); err == nil {
			t.Errorf("%q: erased", id)
		}
	}
	if len(store.kept) > 0 {
		t.Errorf("the store holds %v", store.kept)
	}
}

func TestAVaultWithoutKeysKeepsNothing(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	if err := (Vault{Store: store}).Keep(t.Context(), "d1", []byte("x")); err == nil || len(store.kept) > 0 {
		t.Errorf("kept in clear? %v %v", err, store.kept)
	}
}
