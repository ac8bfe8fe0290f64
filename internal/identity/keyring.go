package identity

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// fresh is how long we go on believing a key that the issuer has withdrawn.
const fresh = 10 * time.Minute

// keyring holds the issuer's keys and looks again from time to time. go-oidc's
// own set only ever looks when it meets a key it does not know, and so would
// accept a withdrawn one, perhaps a stolen one, until then.
type keyring struct {
	empty func() oidc.KeySet // a set that fetches on first use
	now   func() time.Time

	mu      sync.Mutex
	current oidc.KeySet
	due     time.Time
}

func newKeyring(empty func() oidc.KeySet, now func() time.Time) *keyring {
	return &keyring{empty: empty, now: now, current: empty(), due: now().Add(fresh)}
}

// VerifySignature makes a keyring an oidc.KeySet. While the issuer is away the
// keys we have go on serving: losing sight of them is no news about them.
func (k *keyring) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	current, mine := k.claim()
	if !mine {
		return current.VerifySignature(ctx, token)
	}
	next := k.empty()
	payload, err := next.VerifySignature(ctx, token)
	if keysAreAway(err) {
		return current.VerifySignature(ctx, token)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.current, k.due = next, k.now().Add(fresh)
	return payload, err
}

// claim answers the keys, and whether the caller is the one to look again. The
// others go on with what there is, and the next try is after a pause.
func (k *keyring) claim() (current oidc.KeySet, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Before(k.due) {
		return k.current, false
	}
	k.due = now.Add(lastPause)
	return k.current, true
}

// keysAreAway tells absent keys from a bad signature. go-oidc wraps whatever
// kept it from the keys and answers a bare error for a signature; that is not
// promised anywhere, so the tests hold it.
func keysAreAway(err error) bool { return errors.Unwrap(err) != nil }
