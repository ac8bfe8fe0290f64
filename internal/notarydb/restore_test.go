package notarydb_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// restored makes of this database what a dump is in a new cluster: entries and mark keep the numbers that transactions had
// in the old one, far ahead of any here.
const restored = `
	ALTER TABLE audit.entries DISABLE TRIGGER ALL; ALTER TABLE audit.checkpoints DISABLE TRIGGER ALL;
	UPDATE audit.entries SET xid = CAST(CAST(CAST(CAST(xid AS text) AS numeric) + 4000000000 AS text) AS xid8);
	UPDATE audit.checkpoints SET low_water = CAST(CAST(CAST(CAST(low_water AS text) AS numeric) + 4000000000 AS text) AS xid8);
	ALTER TABLE audit.checkpoints ENABLE ALWAYS TRIGGER extend`

// What the old cluster had not sealed and what the new one writes are both found, while two sealers work and others write.
func TestARestoreIntoAnotherClusterSkipsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, verifier := newKey(t)
	signer := h.newSigner(filepath.Join(t.TempDir(), "signed"), key)
	requests := []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
	for _, r := range requests { // both sealed and unsealed are of the same chains
		if _, err := h.deed(t.Context(), h.app, r); err != nil {
			t.Fatal(err)
		}
	}
	h.fill(t, 700)
	seal(t, h.newSealer())
	sign(t, signer)
	for _, r := range requests {
		if _, err := h.deed(t.Context(), h.app, r); err != nil {
			t.Fatal(err)
		}
	}
	h.fill(t, 50)
	if _, err := h.superuser.ExecContext(t.Context(), restored); err != nil {
		t.Fatal(err)
	}
	h.fill(t, 40) // before anybody has looked
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	sealing, sealed := context.WithCancel(t.Context())
	var sealers, others sync.WaitGroup
	for range 2 {
		sealers.Go(func() { h.sealUntil(sealing, t, 20*time.Millisecond, seldom(40)) })
	}
	for range 4 {
		others.Go(func() { h.write(ctx, t, requests, func() {}) })
	}
	others.Wait()
	sealed()
	sealers.Wait()
	h.sealAll(t, h.newSealer())
	requireSealed(t, h)
	sign(t, signer)
	requireSigned(t, h, verifier)
	if n := count(t, h.superuser, `SELECT count(*) FROM audit.checkpoints WHERE size = (SELECT max(size) FROM audit.checkpoints) AND low_water < '4000000000'`); n != 1 {
		t.Error("the mark stays ahead")
	}
}
