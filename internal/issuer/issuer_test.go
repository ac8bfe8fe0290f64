package issuer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func people() []Person {
	return []Person{{ID: "amina", Name: "Amina <b>Osei</b>"}, {ID: "bayo", Name: "Bayo Lund"}}
}

func start(t *testing.T, change func(*Config)) *Issuer {
	t.Helper()
	c := Config{Audience: "caldicott", People: people()}
	if change != nil {
		change(&c)
	}
	i, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	return i
}

// subject is what go-oidc, which we did not write, makes of a token.
func subject(t *testing.T, i *Issuer, token string) (string, error) {
	t.Helper()
	p, err := oidc.NewProvider(t.Context(), i.URL())
	if err != nil {
		t.Fatal(err)
	}
	id, err := p.Verifier(&oidc.Config{ClientID: "caldicott"}).Verify(t.Context(), token)
	if err != nil {
		return "", err
	}
	return id.Subject, nil
}

func TestTheIssuerRefusesToStartBesideAConfiguredOne(t *testing.T) {
	_, err := Start(t.Context(), Config{
		Audience: "caldicott", People: people(), Configured: "https://issuer.example",
	})
	if !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

func TestTheIssuerStartsOnLoopbackOnly(t *testing.T) {
	near := []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")}
	public := netip.MustParseAddr("203.0.113.7")
	far, last := append([]netip.Addr{public}, near...), append(slices.Clone(near), public)
	for addr, c := range map[string]struct {
		names []netip.Addr
		want  string // empty: refused
	}{
		"127.0.0.1:0":          {want: "127.0.0.1:0"},
		"127.8.9.1:80":         {want: "127.8.9.1:80"},
		"[::1]:0":              {want: "[::1]:0"},
		"[::ffff:127.0.0.1]:0": {want: "127.0.0.1:0"},
		"localhost:0":          {names: near, want: "127.0.0.1:0"},
		"localhost:1":          {names: near[:1], want: "[::1]:1"},
		"localhost:2":          {names: far},
		"localhost:3":          {names: last},
		"localhost:4":          {},
		"near.example:0":       {names: near},
		"":                     {},
		":0":                   {},
		"127.0.0.1":            {},
		"127.0.0.1:http":       {},
		"127.0.0.1:65536":      {},
		"0.0.0.0:0":            {},
		"[::]:0":               {},
		"[::ffff:0.0.0.0]:0":   {},
		"192.168.1.1:0":        {},
		"10.0.0.1:0":           {},
		"8.8.8.8:0":            {},
		"[2001:db8::1]:0":      {},
		"[fe80::1%lo]:0":       {},
		"127.1:0":              {},
		"2130706433:0":         {},
		"0x7f.0.0.1:0":         {},
		"127.0.0.1.example:0":  {names: near},
	} {
		t.Run(addr, func(t *testing.T) {
			look := func(context.Context, string, string) ([]netip.Addr, error) { return c.names, nil }
			got, err := loopback(t.Context(), addr, look)
			if got != c.want || (c.want == "") != errors.Is(err, ErrRefused) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "8.8.8.8:0"} {
		if _, err := Start(t.Context(), Config{Addr: addr, Audience: "a", People: people()}); !errors.Is(err, ErrRefused) {
			t.Errorf("Start on %q: %v, want ErrRefused", addr, err)
		}
	}
}

func TestAnIncompleteDemonstrationDoesNotStart(t *testing.T) {
	for name, c := range map[string]Config{
		"no audience":    {People: people()},
		"nobody":         {Audience: "a"},
		"a nameless one": {Audience: "a", People: []Person{{Name: "Amina"}}},
		"the same twice": {Audience: "a", People: append(people(), people()...)},
		"a life too long": {
			Audience: "a", People: people(), Life: 25 * time.Hour},
		"a key nowhere": {Audience: "a", People: people(), KeyFile: filepath.Join(t.TempDir(), "no", "key")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Start(t.Context(), c); err == nil {
				t.Error("it started")
			}
		})
	}
}

func TestATokenSpeaksForAPersonUntilItsLifeEnds(t *testing.T) {
	at := time.Now().Add(-30 * time.Minute)
	i := start(t, func(c *Config) { c.Now = func() time.Time { return at } })
	token, err := i.Token("amina")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := subject(t, i, token); got != "amina" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := i.Token("nobody"); err == nil {
		t.Error("a stranger got a token")
	}
	short := start(t, func(c *Config) { c.Life, c.Now = time.Minute, func() time.Time { return at } })
	token, err = short.Token("amina")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := subject(t, short, token); err == nil {
		t.Error("an expired token was accepted")
	}
}

func TestTokensSurviveARestartWithTheSameKeyAndAddress(t *testing.T) {
	keep := func(c *Config) { c.KeyFile = filepath.Join(t.TempDir(), "key") }
	first := start(t, keep)
	file := first.config.KeyFile
	token, err := first.Token("bayo")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key's file is %v, %v", info.Mode(), err)
	}
	second := start(t, func(c *Config) { c.KeyFile, c.Addr = file, first.host })
	if got, err := subject(t, second, token); got != "bayo" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAKeyThatOthersCouldReadOrThatIsDamagedIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := start(t, func(c *Config) { c.KeyFile = file }).Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  string
		mode  os.FileMode
		sound bool
	}{
		"a good key":        {string(good), 0o600, true},
		"read-only":         {string(good), 0o400, true},
		"readable by all":   {string(good), 0o604, false},
		"readable by group": {string(good), 0o640, false},
		"not PEM":           {"x", 0o600, false},
		"empty":             {"", 0o600, false},
		"no key":            {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			if err := errors.Join(os.WriteFile(file, []byte(c.text), 0o600), os.Chmod(file, c.mode)); err != nil {
				t.Fatal(err)
			}
			if _, err := Start(t.Context(), Config{Audience: "a", People: people(), KeyFile: file}); (err == nil) != c.sound {
				t.Errorf("got %v", err)
			}
			if text, err := os.ReadFile(file); string(text) != c.text || err != nil {
				t.Error("the file was changed")
			}
		})
	}
}

func TestTheIssuerEndsWithItsContext(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	i, err := Start(ctx, Config{Audience: "a", People: people()})
	if err != nil {
		t.Fatal(err)
	}
	end()
	<-i.stopped
	if c, err := net.Dial("tcp", i.host); err == nil {
		c.Close()
		t.Error("somebody still answers")
	}
}

func TestAnotherProcessMayFetchAToken(t *testing.T) {
	i := start(t, nil)
	token, err := Fetch(t.Context(), i.URL(), "amina")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := subject(t, i, token); got != "amina" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Fetch(t.Context(), i.URL(), "nobody"); !errors.Is(err, errNobody) {
		t.Errorf("a stranger: %v", err)
	}
	for _, far := range []string{"http://203.0.113.7:80", "https://issuer.example", "http://127.0.0.1.example", "", "::"} {
		if _, err := Fetch(t.Context(), far, "amina"); err == nil {
			t.Errorf("%q was asked", far)
		}
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(t.Context(), i.URL(), "amina"); err == nil {
		t.Error("an issuer that is gone answered")
	}
}

func TestBrowsersCannotFetchATokenUnasked(t *testing.T) {
	i := start(t, nil)
	for name, c := range map[string]struct {
		host    string
		headers map[string]string
		want    int
	}{
		"a program":                 {"", map[string]string{"X-Demonstration": "token"}, 200},
		"no header of ours":         {"", nil, 403},
		"another value":             {"", map[string]string{"X-Demonstration": "yes"}, 403},
		"with our own origin":       {"", map[string]string{"X-Demonstration": "token", "Origin": i.URL()}, 403},
		"with an empty origin":      {"", map[string]string{"X-Demonstration": "token", "Origin": ""}, 403},
		"from a page elsewhere":     {"", map[string]string{"X-Demonstration": "token", "Sec-Fetch-Site": "cross-site"}, 403},
		"from our own page":         {"", map[string]string{"X-Demonstration": "token", "Sec-Fetch-Site": "same-origin"}, 403},
		"typed by hand":             {"", map[string]string{"X-Demonstration": "token", "Sec-Fetch-Site": "none"}, 403},
		"under a rebound name":      {"evil.example", map[string]string{"X-Demonstration": "token"}, 421},
		"under a rebound localhost": {"localhost", map[string]string{"X-Demonstration": "token"}, 421},
	} {
		t.Run(name, func(t *testing.T) {
			form := strings.NewReader(url.Values{"person": {"amina"}}.Encode())
			r, err := http.NewRequestWithContext(t.Context(), "POST", i.URL()+"/demonstration/token", form)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range c.headers {
				r.Header.Set(k, v)
			}
			r.Host = c.host
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != c.want {
				t.Errorf("got %d, want %d", resp.StatusCode, c.want)
			}
		})
	}
}
