// Package vault keeps the bytes of documents, sealed, where the settings say.
package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// What a caller may need to tell apart; compare with errors.Is.
var (
	// ErrAbsent is the answer where nothing is kept under the id.
	ErrAbsent = errors.New("no document is kept under this id")
	// ErrSealed is the answer where bytes are kept, but no key opens them, or they are not the bytes that were sealed
	// under this id. Which of the two is not said: a stranger must not learn it.
	ErrSealed = errors.New("the document cannot be opened: its key is missing, or its bytes were changed")
)

// Store keeps sealed bytes under an id: 1 to 128 letters, digits, "-" and "_". Put replaces what was there. Get of an
// unknown id is ErrAbsent. Delete leaves nothing that Get, or an older version of the object, could bring back; an absent
// id is no error, so that an erasure can be repeated until it succeeds.
type Store interface {
	Put(ctx context.Context, id string, sealed []byte) error
	Get(ctx context.Context, id string) ([]byte, error)
	Delete(ctx context.Context, id string) error
}

// Vault seals what it keeps and opens what it fetches, so that its Store never sees a document.
//
//	vault.Vault{Store: s3, Keys: keys}
type Vault struct {
	Store Store
	Keys  Keys
	// Random gives the nonces; nil is crypto/rand, and anything else is for tests.
	Random io.Reader
}

// Keep seals a document and puts it under id, in place of what was there.
func (v Vault) Keep(ctx context.Context, id string, plain []byte) error {
	sealed, err := v.Seal(id, plain)
	if err != nil {
		return err
	}
	if err := v.Store.Put(ctx, id, sealed); err != nil {
		return fmt.Errorf("keep document %s: %w", id, err)
	}
	return nil
}

// Fetch gives the document kept under id: ErrAbsent where there is none, ErrSealed where it cannot be opened.
func (v Vault) Fetch(ctx context.Context, id string) ([]byte, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	sealed, err := v.Store.Get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("fetch document %s: %w", id, err)
	}
	return v.Open(id, sealed)
}

// Erase forgets the document kept under id; where there is none, that is done already.
func (v Vault) Erase(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	if err := v.Store.Delete(ctx, id); err != nil {
		return fmt.Errorf("erase document %s: %w", id, err)
	}
	return nil
}

// checkID refuses an id that could name another object than its own: one with a "/" or a "." in it, or none at all.
func checkID(id string) error {
	const longest = 128
	if id == "" || len(id) > longest {
		return fmt.Errorf("the id of a document has 1 to %d characters, not %d", longest, len(id))
	}
	for _, c := range []byte(id) {
		if !plainByte(c) {
			return fmt.Errorf("the id of a document is letters, digits, %q and %q", "-", "_")
		}
	}
	return nil
}

// plainByte says whether c is a letter or digit of ASCII, "-" or "_".
func plainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
