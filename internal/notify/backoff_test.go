package notify_test

import (
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/notify"
	"pgregory.net/rapid"
)

func TestAPauseStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.Int().Draw(t, "attempt")
		share := rapid.Float64Range(0, 0.9999999).Draw(t, "share")
		at := func(attempt int, share float64) time.Duration {
			return notify.Backoff(attempt, func() float64 { return share })
		}
		got, ceiling := at(attempt, share), at(attempt, 1)
		if got < 0 || got > ceiling || ceiling < 5*time.Second || ceiling > 6*time.Hour || at(attempt, 0) != 0 {
			t.Fatalf("got %v of %v", got, ceiling)
		}
		if attempt > 1 && ceiling < at(attempt-1, 1) {
			t.Fatal("a later pause is shorter")
		}
	})
}

func TestARelayMayBeAwayForANight(t *testing.T) {
	t.Parallel()
	var longest time.Duration
	for failed := 1; failed < notify.MaxAttempts; failed++ {
		longest += notify.Backoff(failed, func() float64 { return 1 })
	}
	if first := notify.Backoff(1, func() float64 { return 1 }); first != 5*time.Second || longest.Round(time.Hour) != 32*time.Hour {
		t.Errorf("the first pause is at most %v, all together %v", first, longest)
	}
}
