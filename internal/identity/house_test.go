package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/identity"
	jose "github.com/go-jose/go-jose/v4"
)

const audience = "caldicott"

// house is an issuer on loopback, with its keys and faults in the test's hands,
// and a clock that moves only when told.
type house struct {
	*httptest.Server
	mu          sync.Mutex
	keys        []jose.JSONWebKey // private; the public halves are published
	away        bool
	nonsense    string // published in place of the keys
	discoveries int
	fetches     int
	now         time.Time
}

func newHouse(t testing.TB) *house {
	h := &house{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", h.discovery)
	mux.HandleFunc("GET /keys", h.published)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	h.rotate(t, "first")
	return h
}

func (h *house) discovery(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.discoveries++
	if h.away {
		http.Error(w, "closed", http.StatusBadGateway)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"issuer": h.URL, "jwks_uri": h.URL + "/keys"})
}

func (h *house) published(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fetches++
	if h.away {
		http.Error(w, "closed", http.StatusBadGateway)
		return
	}
	if h.nonsense != "" {
		_, _ = w.Write([]byte(h.nonsense))
		return
	}
	var set jose.JSONWebKeySet
	for _, k := range h.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	_ = json.NewEncoder(w).Encode(set)
}

// set changes the house under its lock.
func (h *house) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) wait(d time.Duration) { h.set(func() { h.now = h.now.Add(d) }) }

// rotate replaces the house's keys by a new one.
func (h *house) rotate(t testing.TB, kid string) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.set(func() { h.keys = []jose.JSONWebKey{{Key: k, KeyID: kid, Algorithm: "ES256"}} })
}

func (h *house) verifier(t testing.TB) *identity.Verifier {
	v, err := identity.New(identity.Config{
		Issuer: h.URL, Audience: audience, Client: h.Client(), Now: h.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// said are the claims of a good token, for a test to spoil.
func (h *house) said(spoil func(map[string]any)) map[string]any {
	at := h.clock()
	c := map[string]any{
		"iss": h.URL, "aud": audience, "sub": "amina",
		"iat": at.Unix(), "exp": at.Add(time.Hour).Unix(),
	}
	if spoil != nil {
		spoil(c)
	}
	return c
}

// token is a token with those claims, signed by the house's own key.
func (h *house) token(t testing.TB, spoil func(map[string]any)) string {
	body, err := json.Marshal(h.said(spoil))
	if err != nil {
		t.Fatal(err)
	}
	return sign(t, jose.ES256, h.keys[0], "JWT", body)
}

func sign(t testing.TB, a jose.SignatureAlgorithm, key any, kind string, body []byte) string {
	t.Helper()
	o := &jose.SignerOptions{}
	if kind != "" {
		o = o.WithType(jose.ContentType(kind))
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: a, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// mustRefuse holds an error to a reason, and to being nothing else.
func mustRefuse(t *testing.T, got identity.Subject, err error, want identity.Reason) {
	t.Helper()
	var why identity.Reason
	if !errors.As(err, &why) || why != want || !errors.Is(err, identity.ErrToken) {
		t.Fatalf("got %v, want the reason %q", err, want)
	}
	if errors.Is(err, identity.ErrIssuerAway) || got != (identity.Subject{}) {
		t.Fatalf("a refusal also said %v, %v", got, err)
	}
}

// mustBeAway holds an error to being the issuer's trouble and not the token's.
func mustBeAway(t *testing.T, got identity.Subject, err error) {
	t.Helper()
	if !errors.Is(err, identity.ErrIssuerAway) || errors.Is(err, identity.ErrToken) || got != (identity.Subject{}) {
		t.Fatalf("got %v, %v, want the issuer away", got, err)
	}
}

func mustAccept(t *testing.T, got identity.Subject, err error, h *house) {
	t.Helper()
	if want := (identity.Subject{Issuer: h.URL, Subject: "amina"}); err != nil || got != want {
		t.Fatalf("got %v, %v, want %v", got, err, want)
	}
}

// settled asks again until the answer is the one that stays: go-oidc tidies a
// finished fetch away a moment after it has answered, and whoever comes in that
// moment hears the finished one's answer.
func settled(t *testing.T, v *identity.Verifier, token string, stays func(error) bool) (got identity.Subject, err error) {
	t.Helper()
	for range 10_000 {
		if got, err = v.Verify(t.Context(), token); stays(err) {
			break
		}
		runtime.Gosched()
	}
	return got, err
}

func isYes(err error) bool  { return err == nil }
func isAway(err error) bool { return errors.Is(err, identity.ErrIssuerAway) }
