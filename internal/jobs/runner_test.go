package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caldicott/caldicott/internal/jobs"
)

// The runner's own part, without a database and in the time of synctest, in which nothing takes longer than it says.

// running runs the runner until the test's end, and gives what it logs.
func running(t *testing.T, r jobs.Runner) *bytes.Buffer {
	t.Helper()
	said := &bytes.Buffer{}
	r.Log = slog.New(slog.NewJSONHandler(said, nil))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return said
}

// after lets time pass until everybody waits again.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestASlowJobHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var brisk counter
		running(t, jobs.Runner{Turns: &alone{}, Jobs: []jobs.Job{
			{Name: "slow", Every: time.Minute, Run: func(ctx context.Context) error { <-ctx.Done(); return nil }},
			{Name: "brisk", Every: time.Minute, Run: brisk.run},
		}})
		after(time.Hour)
		if n := brisk.take(); n < 58 || n > 60 {
			t.Errorf("it ran %d times in an hour", n)
		}
	})
}

func TestAPanicIsAFailureLikeAnyOtherAndTellsNoValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		causes := []any{errors.New("a patient's name"), "a patient's name", nil, 1}
		said := running(t, jobs.Runner{Turns: &alone{}, Jobs: []jobs.Job{{Name: "deliver", Every: time.Minute, Run: func(context.Context) error {
			if runs++; runs <= len(causes) {
				panic(causes[runs-1])
			}
			return nil
		}}}})
		after(time.Hour)
		if runs < 50 {
			t.Errorf("it ran %d times in an hour", runs)
		}
		if n := strings.Count(said.String(), `"msg":"job failed","job":"deliver","error":"panic: `); n != len(causes) {
			t.Errorf("%d panics are logged", n)
		}
		if strings.Contains(said.String(), "patient") || !strings.Contains(said.String(), "runner_test.go") {
			t.Errorf("the log says %s", said)
		}
	})
}

func TestEachFailureIsLoggedOnceWithItsJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		said := running(t, jobs.Runner{Turns: &alone{}, Jobs: []jobs.Job{{Name: "remind", Every: time.Hour, Run: func(context.Context) error {
			runs++
			return errors.New("no clock")
		}}}})
		after(24*time.Hour + time.Minute)
		if lines := strings.Count(said.String(), "\n"); runs < 23 || lines != runs || strings.Count(said.String(), `"job":"remind","error":"no clock"`) != runs {
			t.Errorf("%d runs, and the log says %s", runs, said)
		}
	})
}

// An outage of the database is one line when it begins and one when it ends, not one each second for each job.
func TestAnOutageIsLoggedWhenItBeginsAndWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		turns := &alone{away: errors.New("away")}
		said := running(t, jobs.Runner{Turns: turns, Jobs: []jobs.Job{{Name: "seal", Every: time.Second, Run: c.run}}})
		after(time.Hour)
		turns.set(nil, false)
		after(time.Minute)
		if n := c.take(); n < 30 {
			t.Errorf("it ran %d times after the outage", n)
		}
		if lines := strings.Split(strings.TrimSpace(said.String()), "\n"); len(lines) != 2 ||
			!strings.Contains(lines[0], "cannot have its turn") || !strings.Contains(lines[1], "again") {
			t.Errorf("the log says %s", said)
		}
	})
}

func TestReplicasDoNotLookInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct{ poll, every, want time.Duration }{
			{0, time.Hour, time.Second}, {10 * time.Second, time.Hour, 10 * time.Second}, {time.Second, 100 * time.Millisecond, 100 * time.Millisecond},
		} {
			turns := &alone{taken: true}
			running(t, jobs.Runner{Turns: turns, Poll: c.poll, Jobs: []jobs.Job{{Name: "seal", Every: c.every, Run: (&counter{}).run}}})
			after(200 * c.want)
			looks, gaps := turns.seen(), map[time.Duration]bool{}
			for i := 1; i < len(looks); i++ {
				gap := looks[i].at.Sub(looks[i-1].at)
				if gap < c.want/2 || gap > c.want*3/2 {
					t.Errorf("a pause of %s, want about %s", gap, c.want)
				}
				gaps[gap] = true
			}
			if len(looks) < 150 || len(looks) > 260 || len(gaps) < 100 {
				t.Errorf("%d looks, %d different pauses", len(looks), len(gaps))
			}
		}
	})
}

func TestAWakeRunsTheJobAtOnceAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		wake := make(chan struct{}, 1)
		running(t, jobs.Runner{Turns: &alone{}, Jobs: []jobs.Job{{Name: "deliver", Every: time.Hour, Run: c.run, Wake: wake}}})
		if n := c.take(); n != 1 {
			t.Errorf("it ran %d times at first", n)
		}
		for range 3 {
			wake <- struct{}{}
			synctest.Wait() // no time passes
			if n := c.take(); n != 1 {
				t.Errorf("it ran %d times for a wake", n)
			}
		}
		after(50 * time.Minute)
		if n := c.take(); n != 0 {
			t.Errorf("it ran %d times for nothing", n)
		}
	})
}

func TestAWakeDuringARunIsServedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		wake := make(chan struct{}, 1)
		running(t, jobs.Runner{Turns: &alone{}, Jobs: []jobs.Job{{Name: "deliver", Every: time.Hour, Wake: wake, Run: func(ctx context.Context) error {
			time.Sleep(time.Minute)
			return c.run(ctx)
		}}}})
		wake <- struct{}{}
		after(2*time.Minute + time.Second)
		if n := c.take(); n != 2 {
			t.Errorf("it ran %d times", n)
		}
	})
}

// Another replica's run may have begun too early to see what the wake was about.
func TestAWakeThatFoundTheJobTakenIsOwedARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		wake := make(chan struct{}, 1)
		turns := &alone{taken: true}
		running(t, jobs.Runner{Turns: turns, Jobs: []jobs.Job{{Name: "deliver", Every: time.Hour, Run: c.run, Wake: wake}}})
		for range 100 { // they do not make it ask more often than the clock does
			select {
			case wake <- struct{}{}:
			default:
			}
			after(50 * time.Millisecond)
		}
		if n := len(turns.seen()); n > 15 {
			t.Errorf("it asked %d times in five seconds", n)
		}
		after(time.Minute)
		for _, l := range turns.seen() {
			if !l.now {
				t.Error("the wake is forgotten")
			}
		}
		turns.set(nil, false)
		after(2 * time.Second)
		if n := c.take(); n != 2 { // one that is owed, one for the wake that came since
			t.Errorf("it ran %d times", n)
		}
	})
}

func TestAWakeThatIsClosedLeavesTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{})
		close(wake)
		turns := &alone{}
		running(t, jobs.Runner{Turns: turns, Jobs: []jobs.Job{{Name: "deliver", Every: time.Hour, Run: (&counter{}).run, Wake: wake}}})
		after(time.Minute)
		if n := len(turns.seen()); n < 50 || n > 75 {
			t.Errorf("it asked %d times in a minute", n)
		}
	})
}

func TestAStopWaitsForWhatRunsAndIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := &bytes.Buffer{}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		cleared := false
		r := jobs.Runner{Turns: &alone{}, Log: slog.New(slog.NewJSONHandler(said, nil)), Jobs: []jobs.Job{
			{Name: "deliver", Every: time.Hour, Run: func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(3 * time.Second) // clearing its desk
				cleared = true
				return ctx.Err()
			}},
			{Name: "idle", Every: time.Hour, Run: (&counter{}).run},
		}}
		go func() { ended <- r.Run(ctx) }()
		synctest.Wait()
		stop()
		if err := <-ended; err != nil || !cleared {
			t.Errorf("cleared %v, %v", cleared, err)
		}
		if strings.Contains(said.String(), `"level":"ERROR"`) || !strings.Contains(said.String(), `"msg":"job was stopped before its end","job":"deliver"`) {
			t.Errorf("the log says %s", said)
		}
	})
}

func TestJobsThatCouldNeverBeDoneAreRefused(t *testing.T) {
	t.Parallel()
	run := (&counter{}).run
	for name, r := range map[string]jobs.Runner{
		"no turns":    {Jobs: []jobs.Job{{Name: "seal", Every: time.Second, Run: run}}},
		"no name":     {Turns: &alone{}, Jobs: []jobs.Job{{Every: time.Second, Run: run}}},
		"no period":   {Turns: &alone{}, Jobs: []jobs.Job{{Name: "seal", Run: run}}},
		"nothing":     {Turns: &alone{}, Jobs: []jobs.Job{{Name: "seal", Every: time.Second}}},
		"two by name": {Turns: &alone{}, Jobs: []jobs.Job{{Name: "seal", Every: time.Second, Run: run}, {Name: "seal", Every: time.Second, Run: run}}},
		"no pause":    {Turns: &alone{}, Poll: -1},
	} {
		if err := r.Run(t.Context()); err == nil {
			t.Errorf("%s: it runs", name)
		}
	}
}
