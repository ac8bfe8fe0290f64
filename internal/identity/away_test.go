package identity_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/identity"
)

func TestTheServiceOutlivesAnAbsentIssuer(t *testing.T) {
	h := newHouse(t)
	h.set(func() { h.away = true })
	v := h.verifier(t)
	token := h.token(t, nil)

	got, err := v.Verify(t.Context(), token)
	mustBeAway(t, got, err)
	if got, err = v.Verify(t.Context(), token); h.discoveries != 1 {
		t.Errorf("%d visits during the pause, want 1", h.discoveries)
	}
	mustBeAway(t, got, err)
	got, err = v.Verify(t.Context(), h.token(t, func(c map[string]any) { c["aud"] = "other" }))
	mustRefuse(t, got, err, identity.Audience)

	h.set(func() { h.away = false })
	h.wait(time.Second)
	got, err = v.Verify(t.Context(), token)
	mustAccept(t, got, err, h)
}

func TestAnIssuerThatNobodyAnswersForIsAway(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	token := h.token(t, nil)
	h.Close()
	got, err := v.Verify(t.Context(), token)
	mustBeAway(t, got, err)
}

func TestPausesDoubleUpToALimit(t *testing.T) {
	h := newHouse(t)
	h.set(func() { h.away = true })
	v := h.verifier(t)
	token := h.token(t, nil)
	ask := func(want int) {
		t.Helper()
		got, err := v.Verify(t.Context(), token)
		mustBeAway(t, got, err)
		if h.discoveries != want {
			t.Fatalf("%d visits, want %d", h.discoveries, want)
		}
	}
	ask(1)
	for i, pause := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		h.wait(pause*time.Second - 1)
		ask(i + 1)
		h.wait(1)
		ask(i + 2)
	}
}

func TestAClockSetBackEndsThePause(t *testing.T) {
	h := newHouse(t)
	h.set(func() { h.away = true })
	v := h.verifier(t)
	got, err := v.Verify(t.Context(), h.token(t, nil))
	mustBeAway(t, got, err)
	h.set(func() { h.away = false })
	h.wait(-time.Hour)
	got, err = v.Verify(t.Context(), h.token(t, nil))
	mustAccept(t, got, err, h)
}

func TestUnreadableKeysAreTheIssuersTroubleAndNotTheCallers(t *testing.T) {
	for name, nonsense := range map[string]string{
		"a maintenance page": "<html>back soon</html>",
		"keys that are text": `{"keys":"none"}`,
		"an endless answer":  strings.Repeat(" ", 1<<20) + `{"keys":[]}`,
		"an impossible key":  `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"first"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.set(func() { h.nonsense = nonsense })
			v := h.verifier(t)
			token := h.token(t, nil)
			got, err := v.Verify(t.Context(), token)
			mustBeAway(t, got, err)
			h.set(func() { h.nonsense = "" })
			h.wait(10 * time.Second)
			got, err = settled(t, v, token, isYes)
			mustAccept(t, got, err, h)
		})
	}
}

func TestAnIssuerThatSpeaksForAnotherIsAway(t *testing.T) {
	for name, c := range map[string]struct{ document, says string }{
		"another's name":    {`{"issuer":"https://elsewhere.example","jwks_uri":"http://HERE/keys"}`, "did not match"},
		"keys in the clear": {`{"issuer":"http://HERE","jwks_uri":"http://elsewhere.example/keys"}`, "https is required"},
		"no keys":           {`{"issuer":"http://HERE"}`, "not an absolute URL"},
		"not JSON":          {`hello`, "decode"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(strings.ReplaceAll(c.document, "HERE", r.Host)))
			}))
			defer s.Close()
			h := newHouse(t)
			v, err := identity.New(identity.Config{Issuer: s.URL, Audience: audience, Now: h.clock})
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(t.Context(), h.token(t, func(c map[string]any) { c["iss"] = s.URL }))
			mustBeAway(t, got, err)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, which does not say %q", err, c.says)
			}
		})
	}
}

func TestTheIssuerCannotSendUsElsewhere(t *testing.T) {
	h := newHouse(t)
	s := httptest.NewServer(http.RedirectHandler(h.URL+"/.well-known/openid-configuration", http.StatusFound))
	defer s.Close()
	v, err := identity.New(identity.Config{Issuer: s.URL, Audience: audience, Now: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Verify(t.Context(), h.token(t, func(c map[string]any) { c["iss"] = s.URL }))
	mustBeAway(t, got, err)
	if h.discoveries != 0 {
		t.Error("a redirect was followed")
	}
}

func TestARotatedKeyIsLearnt(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	got, err := v.Verify(t.Context(), h.token(t, nil))
	mustAccept(t, got, err, h)
	h.rotate(t, "second")
	h.wait(10 * time.Second)
	got, err = settled(t, v, h.token(t, nil), isYes)
	mustAccept(t, got, err, h)
}

func TestAWithdrawnKeyIsForgottenInTenMinutes(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	old := h.token(t, nil)
	got, err := v.Verify(t.Context(), old)
	mustAccept(t, got, err, h)
	h.rotate(t, "second")
	h.wait(10*time.Minute - 1)
	got, err = v.Verify(t.Context(), old)
	mustAccept(t, got, err, h)

	h.set(func() { h.away = true })
	h.wait(1)
	got, err = v.Verify(t.Context(), old) // the issuer cannot tell us yet
	mustAccept(t, got, err, h)
	h.set(func() { h.away = false })
	h.wait(30 * time.Second)
	for range 2 {
		got, err = v.Verify(t.Context(), old)
		mustRefuse(t, got, err, identity.Signature)
	}
	got, err = v.Verify(t.Context(), h.token(t, nil))
	mustAccept(t, got, err, h)
}

func TestInventedKeyIDsDoNotReachTheIssuer(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	got, err := v.Verify(t.Context(), h.token(t, nil))
	mustAccept(t, got, err, h)
	stranger := newHouse(t)
	for i := range 20 {
		stranger.rotate(t, fmt.Sprint("invented-", i))
		got, err := v.Verify(t.Context(), stranger.token(t, func(c map[string]any) { c["iss"] = h.URL }))
		mustRefuse(t, got, err, identity.Signature)
	}
	if h.fetches != 1 {
		t.Errorf("the keys were fetched %d times, want 1", h.fetches)
	}
}

func TestKnownKeysServeWhileTheIssuerIsAway(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	got, err := v.Verify(t.Context(), h.token(t, nil))
	mustAccept(t, got, err, h)
	h.set(func() { h.away = true })
	h.wait(time.Minute)
	got, err = v.Verify(t.Context(), h.token(t, nil))
	mustAccept(t, got, err, h)
	h.rotate(t, "second")
	got, err = settled(t, v, h.token(t, nil), isAway)
	mustBeAway(t, got, err)
	if !strings.Contains(err.Error(), "it answered 502") {
		t.Errorf("the operator is not told why: %v", err)
	}
}

func TestTheFirstCallersShareOneDiscovery(t *testing.T) {
	h := newHouse(t)
	v := h.verifier(t)
	token := h.token(t, nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if h.discoveries != 1 || h.fetches != 1 {
		t.Errorf("%d discoveries and %d fetches of keys, want one each", h.discoveries, h.fetches)
	}
}

func TestACallerWhoLeavesSpoilsNothingForTheOthers(t *testing.T) {
	h := newHouse(t)
	var hung atomic.Bool
	asked := make(chan struct{})
	client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if hung.CompareAndSwap(false, true) {
			close(asked)
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	v, err := identity.New(identity.Config{Issuer: h.URL, Audience: audience, Client: client, Now: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	token := h.token(t, nil)

	first, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := v.Verify(first, token)
		left <- err
	}()
	<-asked
	second, leaveToo := context.WithCancel(t.Context())
	leaveToo()
	got, err := v.Verify(second, token) // in the queue behind the first
	mustBeAway(t, got, err)
	leave()
	mustBeAway(t, identity.Subject{}, <-left)

	got, err = v.Verify(t.Context(), token)
	mustAccept(t, got, err, h)
}

// transport makes a function an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
