package casework_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/benchtest"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/housetest"
)

// BenchmarkDeeds does whole deeds, with everything that is asked and written, on requests of their own: with nobody who
// seals, and with a sealer at work.
func BenchmarkDeeds(b *testing.B) {
	s := open(b, everybody()...)
	s.warm()
	const hands = 12
	targets := make([]casework.Target, hands)
	for i := range targets {
		targets[i] = target(s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c)
	}
	lasts := benchtest.Lasts(b)
	deeds := func() float64 {
		var done atomic.Int64
		var all sync.WaitGroup
		began := time.Now()
		for _, on := range targets {
			all.Go(func() {
				for time.Since(began) < lasts {
					if _, err := s.service.Do(s.ctx, callBy(s.people["u-officer"], 0), on, caldicott.Commenting{Text: "Noted."}); err != nil {
						b.Error(err)
						return
					}
					done.Add(1)
				}
			})
		}
		all.Wait()
		return float64(done.Load()) / time.Since(began).Seconds()
	}
	sealer := &housetest.NewOffice(b, s.house.Database).Sealer
	benchtest.Compare(b, "deeds/s", 5, benchtest.Arm{Name: "unsealed", Run: deeds}, benchtest.Arm{Name: "sealed", Run: func() float64 {
		ctx, stop := context.WithCancel(s.ctx)
		var sealing sync.WaitGroup
		sealing.Go(func() {
			look := time.NewTicker(120 * time.Millisecond)
			defer look.Stop()
			for ctx.Err() == nil {
				if err := sealer.Seal(ctx); err != nil && ctx.Err() == nil {
					b.Error(err)
				}
				select {
				case <-ctx.Done():
				case <-look.C:
				}
			}
		})
		rate := deeds()
		stop()
		sealing.Wait()
		return rate
	}})
}
