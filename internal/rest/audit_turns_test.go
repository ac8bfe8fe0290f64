package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/rest"
)

// slowAuditor counts who is answered at once, and answers nobody before it is told to.
type slowAuditor struct {
	rest.Auditor
	now, most   atomic.Int32
	asked, told chan struct{}
}

func (a *slowAuditor) Controls(context.Context, caldicott.ControlAsked) ([]caldicott.ControlResult, error) {
	a.most.Store(max(a.most.Load(), a.now.Add(1)))
	a.asked <- struct{}{}
	<-a.told
	a.now.Add(-1)
	return nil, nil
}

// Auditors' questions take seconds of the reader's connections: however many are asked at once, others find one free.
func TestAuditorsQuestionsAreAnsweredInTurn(t *testing.T) {
	t.Parallel()
	w := open(t)
	a := &slowAuditor{asked: make(chan struct{}, 8), told: make(chan struct{})}
	api := rest.New(rest.Config{Work: w.Service, Controls: a, Log: quiet()})
	by, err := w.Service.Store.ActorByUserID(t.Context(), "u-auditor")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(ctx context.Context) int {
		r := httptest.NewRequestWithContext(rest.WithActor(ctx, by), http.MethodGet, "/audit/controls?from=2026-01-01&to=2026-02-01&purpose=FOI", nil)
		got := httptest.NewRecorder()
		api.ServeHTTP(got, r)
		return got.Code
	}
	ended := make(chan int, 8)
	for range 8 {
		go func() { ended <- ask(t.Context()) }()
	}
	for range rest.MostControls {
		<-a.asked
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if code := ask(left); code != http.StatusServiceUnavailable {
		t.Errorf("who does not wait is answered %d", code)
	}
	close(a.told)
	for range 8 {
		if code := <-ended; code != http.StatusOK {
			t.Errorf("who waits is answered %d", code)
		}
	}
	if a.most.Load() != rest.MostControls {
		t.Errorf("%d were answered at once", a.most.Load())
	}
}

// Only what is taken is on record as taken.
func TestWhoOnlyAsksForTheHeadOfAPackHasTakenNone(t *testing.T) {
	t.Parallel()
	w, request := busy(t)
	w.office(t).Seal(t)
	s := w.wired(t)
	for _, path := range []string{"/audit/evidence?profile=INTERNAL_AUDIT&purpose=FOI&request=" + request, "/audit/export?format=csv&purpose=FOI", "/audit/log/tile/entries/000.p/1"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, s.URL+"/api/v1"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer u-auditor")
		r.Header.Set("Purpose", "FOI")
		got, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if n := w.count(t, `SELECT count(*) FROM audit.entries WHERE action = 'exported'`); got.StatusCode != http.StatusOK || n != 0 {
			t.Errorf("%s: %s, and %d are on record", path, got.Status, n)
		}
	}
}
