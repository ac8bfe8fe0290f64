package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caldicott/caldicott/internal/jobs"
)

func TestAFreeJobRunsAtEveryLookAndWaitsAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var turns jobs.Free
		broken := errors.New("broken")
		run := func(said error, want bool) {
			t.Helper()
			ran, err := turns.Turn(t.Context(), "seal", time.Second, false, func(context.Context) error { return said })
			if ran != want || want && !errors.Is(err, said) {
				t.Errorf("ran %t, %v", ran, err)
			}
		}
		run(nil, true)
		run(nil, true)
		for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			run(broken, true)
			time.Sleep(pause*time.Second - 1)
			run(nil, false)
			time.Sleep(1)
		}
		run(nil, true)
		run(broken, true)
		time.Sleep(time.Second)
		run(nil, true)
	})
}
