package notarydb_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/housetest"
	"github.com/caldicott/caldicott/internal/notary"
)

// crashes is how often PostgreSQL is killed; CALDICOTT_CRASHES says otherwise.
const crashes = 3

// PostgreSQL is killed as a process amid writing, sealing and signing: what was acknowledged is there afterwards, what was
// signed is what the log still is, and both sealers go on.
func TestNothingSealedOrSignedIsLostWhenPostgreSQLIsKilled(t *testing.T) {
	t.Parallel()
	own := housetest.OwnServer(t)
	key, verifier := newKey(t)
	memory := filepath.Join(t.TempDir(), "signed")
	ids := make([]string, requests)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	var all []committed
	for range amount(t, "CALDICOTT_CRASHES", crashes) {
		h := houseIn(t, own.Database())
		all = append(all, h.until(t, ids, h.newSigner(memory, key), func() { own.Kill(t) })...)
		own.Start(t)
		requireWhole(t, houseIn(t, own.Database()), all, memory, key, verifier)
	}
	// A backend that is killed makes the server drop all others and recover by itself.
	h := houseIn(t, own.Database())
	all = append(all, h.until(t, ids, h.newSigner(memory, key), func() { h.killBackend(t) })...)
	h.await(t)
	requireWhole(t, houseIn(t, own.Database()), all, memory, key, verifier)
	t.Logf("%d entries were acknowledged, %d signatures", len(all), count(t, h.superuser, `SELECT count(*) FROM audit.signatures`))
}

// until works until the end that kill makes, and gives what was acknowledged.
func (h house) until(t *testing.T, ids []string, signer *notary.Signer, kill func()) []committed {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var all []committed
	var killed atomic.Bool
	var busy sync.WaitGroup
	for range 12 {
		busy.Go(func() {
			for ctx.Err() == nil {
				id, kept, err := h.writeOne(t.Context(), rand.IntN(len(ids)), ids)
				if err != nil {
					if !killed.Load() {
						t.Error(err)
					}
					return
				}
				if kept {
					mu.Lock()
					all = append(all, committed{id, time.Now()})
					mu.Unlock()
				}
			}
		})
	}
	for range 2 {
		busy.Go(func() { h.sealUntil(ctx, t, 10*time.Millisecond, func() error { return nil }) })
	}
	busy.Go(func() { h.signUntil(ctx, t, signer) })
	pause(t.Context(), time.Duration(400+rand.IntN(500))*time.Millisecond)
	killed.Store(true)
	kill()
	stop()
	busy.Wait()
	return all
}

// killBackend kills the process that serves one of the sealers' connections.
func (h house) killBackend(t *testing.T) {
	t.Helper()
	pid := count(t, h.superuser, `SELECT pid FROM pg_stat_activity WHERE application_name = 'sealer' AND datname = current_database() LIMIT 1`)
	process, err := os.FindProcess(int(pid))
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// await asks until the server has recovered.
func (h house) await(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for h.superuser.PingContext(ctx) != nil {
		if pause(ctx, 20*time.Millisecond); ctx.Err() != nil {
			t.Fatal("the server does not recover")
		}
	}
}

// requireWhole seals and signs what is left over, and then asks for everything.
func requireWhole(t *testing.T, h house, all []committed, memory string, key notary.Key, verifier note.Verifier) {
	t.Helper()
	if err := h.newSigner(memory, key).Sign(t.Context()); err != nil {
		t.Errorf("the signer does not know the log again: %v", err)
	}
	h.sealAll(t, h.newSealer())
	sign(t, h.newSigner(memory, key))
	requireStored(t, h, all)
	requireSealed(t, h)
	requireSigned(t, h, verifier)
}
