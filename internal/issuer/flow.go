package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	codeLife  = time.Minute
	maxGrants = 1000
)

// grant is what a code is good for.
type grant struct {
	ask
	person string
	at     time.Time
}

// ask is a sign-in that a client asked for.
type ask struct {
	redirect, state, nonce, challenge string
}

func (i *Issuer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /jwks.json", i.keys)
	mux.HandleFunc("GET /authorize", i.choose)
	mux.HandleFunc("POST /authorize", i.chosen)
	mux.HandleFunc("POST /token", i.exchange)
	mux.HandleFunc("POST /demonstration/token", i.demonstrate)
	guarded := http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, maxBody))
	return i.onlyHere(guarded)
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	one := func(s string) []string { return []string{s} }
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                i.URL(),
		"authorization_endpoint":                i.URL() + "/authorize",
		"token_endpoint":                        i.URL() + "/token",
		"jwks_uri":                              i.URL() + "/jwks.json",
		"response_types_supported":              one("code"),
		"grant_types_supported":                 one("authorization_code"),
		"subject_types_supported":               one("public"),
		"scopes_supported":                      one("openid"),
		"id_token_signing_alg_values_supported": one(string(jose.ES256)),
		"token_endpoint_auth_methods_supported": one("none"),
		"code_challenge_methods_supported":      one("S256"),
	})
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.public}})
}

// chosen sends the browser back with a code for the person it picked.
func (i *Issuer) chosen(w http.ResponseWriter, r *http.Request) {
	a, err := i.asked(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	code, err := i.promise(a, r.PostFormValue("person"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	back, err := url.Parse(a.redirect)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q := back.Query()
	q.Set("code", code)
	if a.state != "" {
		q.Set("state", a.state)
	}
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

// asked reads a sign-in, first from the client's link and then from our own
// form, and trusts the second no more than the first. It answers mistakes on the
// page and never by redirect: they are a programmer's to see.
func (i *Issuer) asked(r *http.Request) (ask, error) {
	f := r.FormValue
	redirect, err := url.Parse(f("redirect_uri"))
	switch {
	case err != nil || !isLoopbackURL(redirect):
		return ask{}, errors.New("redirect_uri must be a loopback URL")
	case f("client_id") != i.config.Audience:
		return ask{}, errors.New("client_id is not known here")
	case f("response_type") != "code":
		return ask{}, errors.New("response_type must be code")
	case !slices.Contains(strings.Fields(f("scope")), "openid"):
		return ask{}, errors.New("scope must include openid")
	case f("code_challenge_method") != "S256" || len(f("code_challenge")) != 43:
		return ask{}, errors.New("PKCE with S256 is required")
	}
	return ask{
		redirect: f("redirect_uri"), state: f("state"),
		nonce: f("nonce"), challenge: f("code_challenge"),
	}, nil
}

// promise makes a code. Codes that ran out are swept here, since a code nobody
// collects is never looked at again.
func (i *Issuer) promise(a ask, person string) (string, error) {
	if !i.knows(person) {
		return "", errNobody
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.config.Now()
	for code, g := range i.grants {
		if g.stale(now) {
			delete(i.grants, code)
		}
	}
	if len(i.grants) >= maxGrants {
		return "", errors.New("too many sign-ins are unfinished")
	}
	code := rand.Text()
	i.grants[code] = grant{ask: a, person: person, at: now}
	return code, nil
}

// exchange gives the tokens for a code. The first try takes the code away, right
// or wrong, so that a stolen one allows no guessing.
func (i *Issuer) exchange(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("client_id") != i.config.Audience {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	if r.PostFormValue("grant_type") != "authorization_code" {
		answer(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	g, known := i.collect(r.PostFormValue("code"))
	if !known || g.redirect != r.PostFormValue("redirect_uri") || !g.provedBy(r.PostFormValue("code_verifier")) {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	access, err := i.mint(g.person, "")
	id, err2 := i.mint(g.person, g.nonce)
	if err := errors.Join(err, err2); err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": access, "id_token": id,
		"token_type": "Bearer", "expires_in": int(i.config.Life.Seconds()),
	})
}

func (i *Issuer) collect(code string) (grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g, known := i.grants[code]
	delete(i.grants, code)
	return g, known && !g.stale(i.config.Now())
}

func (g grant) stale(now time.Time) bool { return now.Sub(g.at) >= codeLife }

func (g grant) provedBy(verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	said := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(said), []byte(g.challenge)) == 1
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left hears nothing
}
