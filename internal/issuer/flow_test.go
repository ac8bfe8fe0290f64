package issuer

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const callback = "http://127.0.0.1:9/back?from=caldicott"

// client is a relying party as its author would write one, knowing the issuer by
// discovery alone.
func client(t *testing.T, i *Issuer) (*oauth2.Config, *oidc.IDTokenVerifier) {
	t.Helper()
	p, err := oidc.NewProvider(t.Context(), i.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := &oauth2.Config{
		ClientID: "caldicott", Endpoint: p.Endpoint(),
		RedirectURL: callback, Scopes: []string{oidc.ScopeOpenID},
	}
	return c, p.Verifier(&oidc.Config{ClientID: "caldicott"})
}

// browse is a browser that picks a person and stops where it is sent.
func browse(t *testing.T, link, person string, headers map[string]string) (int, *url.URL) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	form := u.Query()
	form.Set("person", person)
	u.RawQuery = ""
	r, err := http.NewRequestWithContext(t.Context(), "POST", u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := stay.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, _ := resp.Location()
	return resp.StatusCode, back
}

// code signs amina in and answers the code that the client is sent.
func code(t *testing.T, c *oauth2.Config, proof string) string {
	t.Helper()
	status, back := browse(t, c.AuthCodeURL("s", oauth2.S256ChallengeOption(proof)), "amina", nil)
	if status != http.StatusSeeOther {
		t.Fatalf("got %d", status)
	}
	return back.Query().Get("code")
}

func TestAPersonSignsInByCodeAndProof(t *testing.T) {
	i := start(t, nil)
	c, verifier := client(t, i)
	proof := oauth2.GenerateVerifier()
	link := c.AuthCodeURL("the state", oidc.Nonce("the nonce"), oauth2.S256ChallengeOption(proof))

	status, back := browse(t, link, "amina", map[string]string{"Origin": i.URL(), "Sec-Fetch-Site": "same-origin"})
	if status != http.StatusSeeOther || !strings.HasPrefix(back.String(), "http://127.0.0.1:9/back?") {
		t.Fatalf("got %d to %v", status, back)
	}
	if q := back.Query(); q.Get("state") != "the state" || q.Get("from") != "caldicott" {
		t.Fatalf("sent back to %v", back)
	}
	tokens, err := c.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(proof))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := verifier.Verify(t.Context(), raw)
	if err != nil || id.Subject != "amina" || id.Nonce != "the nonce" {
		t.Errorf("got %+v, %v", id, err)
	}
	if got, err := subject(t, i, tokens.AccessToken); got != "amina" || err != nil {
		t.Errorf("the access token: %q, %v", got, err)
	}
}

func TestThePageOffersEveryoneAndCarriesTheSignIn(t *testing.T) {
	i := start(t, nil)
	c, _ := client(t, i)
	link := c.AuthCodeURL(`"><script>`, oidc.Nonce("n"), oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	resp, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d, %v", resp.StatusCode, err)
	}
	for _, want := range []string{
		`value="amina"`, `value="bayo"`, "Amina &lt;b&gt;Osei", `name="state" value="&#34;&gt;&lt;script&gt;"`,
		`name="nonce" value="n"`, `name="code_challenge_method" value="S256"`, "No password",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the page may load what it likes")
	}
}

func TestACodeWorksOnceForWhoAskedForIt(t *testing.T) {
	i := start(t, nil)
	c, _ := client(t, i)
	proof := oauth2.GenerateVerifier()
	for name, c := range map[string]struct {
		spoil func(*oauth2.Config)
		proof string
	}{
		"another proof":        {nil, oauth2.GenerateVerifier()},
		"no proof":             {nil, ""},
		"the challenge itself": {nil, oauth2.S256ChallengeFromVerifier(proof)},
		"another address":      {func(c *oauth2.Config) { c.RedirectURL = "http://127.0.0.1:9/else" }, proof},
	} {
		t.Run(name, func(t *testing.T) {
			good, _ := client(t, i)
			bad := *good
			if c.spoil != nil {
				c.spoil(&bad)
			}
			bad.Endpoint.AuthStyle = oauth2.AuthStyleInParams
			key := code(t, good, proof)
			if _, err := bad.Exchange(t.Context(), key, oauth2.VerifierOption(c.proof)); err == nil {
				t.Fatal("it was given tokens")
			}
			if _, err := good.Exchange(t.Context(), key, oauth2.VerifierOption(proof)); err == nil {
				t.Error("the code survived a wrong try")
			}
		})
	}
	key := code(t, c, proof)
	if _, err := c.Exchange(t.Context(), key, oauth2.VerifierOption(proof)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exchange(t.Context(), key, oauth2.VerifierOption(proof)); err == nil {
		t.Error("the code worked twice")
	}
}

func TestACodeUsedManyTimesAtOnceWorksOnce(t *testing.T) {
	i := start(t, nil)
	c, _ := client(t, i)
	c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	proof := oauth2.GenerateVerifier()
	key := code(t, c, proof)
	var all sync.WaitGroup
	worked := make(chan struct{}, 20)
	for range 20 {
		all.Go(func() {
			if _, err := c.Exchange(context.Background(), key, oauth2.VerifierOption(proof)); err == nil {
				worked <- struct{}{}
			}
		})
	}
	all.Wait()
	if len(worked) != 1 {
		t.Errorf("it worked %d times", len(worked))
	}
}

func TestACodeRunsOutAndIsSwept(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	wait := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	i := start(t, func(c *Config) { c.Now = clock })
	c, _ := client(t, i)
	proof := oauth2.GenerateVerifier()

	key := code(t, c, proof)
	wait(59 * time.Second)
	if _, err := c.Exchange(t.Context(), key, oauth2.VerifierOption(proof)); err != nil {
		t.Fatal(err)
	}
	key = code(t, c, proof)
	code(t, c, proof)
	wait(60 * time.Second)
	if _, err := c.Exchange(t.Context(), key, oauth2.VerifierOption(proof)); err == nil {
		t.Error("a code worked after a minute")
	}
	code(t, c, proof)
	if len(i.grants) != 1 {
		t.Errorf("%d codes are kept, want the last", len(i.grants))
	}
}

func TestASignInThatIsNotSafeIsRefusedOnThePage(t *testing.T) {
	i := start(t, nil)
	c, _ := client(t, i)
	for name, change := range map[string]struct{ key, value string }{
		"no proof":                   {"code_challenge", ""},
		"a short proof":              {"code_challenge", "abc"},
		"a plain proof":              {"code_challenge_method", "plain"},
		"an unnamed method":          {"code_challenge_method", ""},
		"another client":             {"client_id", "other"},
		"a token at once":            {"response_type", "token"},
		"another protocol":           {"scope", "profile"},
		"nobody":                     {"person", "nobody"},
		"back to another host":       {"redirect_uri", "https://evil.example/back"},
		"back to a look-alike":       {"redirect_uri", "http://127.0.0.1.example/"},
		"back to a user at loopback": {"redirect_uri", "http://127.0.0.1@evil.example/"},
		"back to a script":           {"redirect_uri", "javascript://localhost/%0aalert(1)"},
		"back to nowhere":            {"redirect_uri", "/back"},
		"back to a fragment":         {"redirect_uri", "http://127.0.0.1/#x"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(c.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
			if err != nil {
				t.Fatal(err)
			}
			q, person := u.Query(), "amina"
			if change.key == "person" {
				person = change.value
			}
			q.Set(change.key, change.value)
			u.RawQuery = q.Encode()
			if status, back := browse(t, u.String(), person, nil); status != http.StatusBadRequest || back != nil {
				t.Errorf("got %d to %v", status, back)
			}
			if change.key == "person" {
				return
			}
			resp, err := http.Get(u.String())
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("the page: got %d", resp.StatusCode)
			}
		})
	}
}

func TestAPageElsewhereCannotPickForItsReader(t *testing.T) {
	i := start(t, nil)
	c, _ := client(t, i)
	link := c.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	for name, headers := range map[string]map[string]string{
		"by where it comes from": {"Sec-Fetch-Site": "cross-site"},
		"by its origin":          {"Origin": "https://evil.example"},
		"by hiding its origin":   {"Origin": "null"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, _ := browse(t, link, "amina", headers); status != http.StatusForbidden {
				t.Errorf("got %d", status)
			}
		})
	}
}

func TestTooManyUnfinishedSignInsAreRefused(t *testing.T) {
	i := start(t, nil)
	for range maxGrants {
		if _, err := i.promise(ask{}, "amina"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := i.promise(ask{}, "amina"); err == nil {
		t.Error("the thousand and first was promised a code")
	}
}

func TestTheTokenEndpointNamesTheMistake(t *testing.T) {
	i := start(t, nil)
	for name, c := range map[string]struct {
		form   url.Values
		status int
		word   string
	}{
		"another client": {url.Values{"client_id": {"other"}}, 401, "invalid_client"},
		"another grant":  {url.Values{"client_id": {"caldicott"}, "grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"an invented code": {url.Values{
			"client_id": {"caldicott"}, "grant_type": {"authorization_code"}, "code": {"x"}}, 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := http.PostForm(i.URL()+"/token", c.form)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != c.status || !strings.Contains(string(body), c.word) {
				t.Errorf("got %d %s, %v", resp.StatusCode, body, err)
			}
		})
	}
}
