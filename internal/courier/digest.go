package courier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/notify"
)

// digestHour is when the digests of a day are sent, by London's clocks. They gather what was done before it: what comes later
// is for the next day.
const digestHour = 8

// Digest sends everybody who wants one mail a day what was done before eight o'clock in London, once that is past; before
// eight it does nothing. Who has nothing waiting gets no mail. Errors are as Deliver's.
func (c *Courier) Digest(ctx context.Context) error {
	now := c.now()
	day := caldicott.Today(now)
	cut, err := caldicott.At(day, digestHour, 0, 0)
	if err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	if now.Before(cut) {
		return nil
	}
	return c.each(ctx, func(ctx context.Context) (bool, error) {
		taken, err := c.Queue.ClaimDigest(ctx, c.now(), lease, cut)
		if err != nil || len(taken) == 0 {
			return false, err
		}
		return true, c.gather(ctx, day, taken)
	})
}

// gather makes one attempt at one person's digest. Where a digest cannot even be written, because a notice in it is not of
// its form, the notices go one by one, so that the one does not take the others with it.
func (c *Courier) gather(ctx context.Context, day string, list []Sending) error {
	if c.Mail == nil {
		return c.settle(ctx, list, kept, "", time.Time{})
	}
	slices.SortFunc(list, func(a, b Sending) int { return strings.Compare(a.ID, b.ID) })
	messages := make([]notify.Message, len(list))
	for i, s := range list {
		messages[i] = c.message(s)
	}
	failed := c.attempt(ctx, list, func(ctx context.Context) error {
		return c.Mail.SendDigest(ctx, list[0].Email, digestID(day, list), day, messages)
	})
	if failed == nil || faultOf(failed) != refused || len(list) == 1 {
		return c.conclude(ctx, list, failed)
	}
	for _, s := range list {
		if err := c.deliver(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// digestID is the same for the same notices on the same day, and another for others: who has got the one digest must not
// take the other for it. The list is in its order.
func digestID(day string, list []Sending) string {
	h := sha256.New()
	for _, s := range list {
		h.Write([]byte(s.ID)) // a hash takes everything
	}
	return "digest-" + day + "-" + hex.EncodeToString(h.Sum(nil)[:16])
}
