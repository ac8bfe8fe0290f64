package anchor_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"flag"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/anchor"
	"github.com/caldicott/caldicott/internal/merkle"
)

var update = flag.Bool("update", false, "have testdata/ stamped anew by openssl")

const signed = "trust.example/caldicott\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— trust.example/caldicott AAAAAAAA\n"

func checkpoint() anchor.Checkpoint {
	return anchor.Checkpoint{Tree: merkle.Tree{Size: 7}, Note: signed, Day: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
}

// settings of openssl's authority: it stamps with the key in signer.key.
const settings = `
[tsa]
default_tsa = one
[one]
serial = $ENV::FOLDER/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1, millisecs:500
ordering = yes
tsa_name = yes
ess_cert_id_chain = yes
[root]
basicConstraints = critical,CA:TRUE
[stamping]
extendedKeyUsage = critical,timeStamping
`

// authority is openssl's: another implementation of everything that a token is.
type authority struct {
	folder string
	roots  *x509.CertPool
}

func newAuthority(t *testing.T, algorithm string) authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not here")
	}
	a := authority{folder: t.TempDir()}
	for name, content := range map[string]string{"settings": settings, "serial": "01\n"} {
		if err := os.WriteFile(filepath.Join(a.folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := append([]string{"-newkey"}, strings.Fields(algorithm)...)
	a.run(t, append([]string{"req", "-x509", "-nodes", "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=root", "-days", "7300", "-config", "settings", "-extensions", "root"}, key...)...)
	a.run(t, append([]string{"req", "-new", "-nodes", "-keyout", "signer.key", "-out", "signer.csr", "-subj", "/CN=stamp", "-config", "settings"}, key...)...)
	a.run(t, "x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out", "signer.pem", "-days", "7300", "-extfile", "settings", "-extensions", "stamping")
	a.roots = a.pool(t)
	return a
}

func (a authority) pool(t *testing.T) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(a.folder, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no root")
	}
	return pool
}

func (a authority) run(t *testing.T, args ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), "openssl", args...)
	c.Dir = a.folder
	c.Env = append(os.Environ(), "FOLDER="+a.folder)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
	return out
}

// serve answers with what openssl replies to the query, or to another one in its place.
func (a authority) serve(t *testing.T, change func(query string)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Content-Type") != "application/timestamp-query" {
			http.Error(w, "no query", http.StatusBadRequest)
			return
		}
		if err := os.WriteFile(filepath.Join(a.folder, "query"), body, 0o600); err != nil {
			t.Error(err)
		}
		if change != nil {
			change(filepath.Join(a.folder, "query"))
		}
		a.run(t, "ts", "-reply", "-queryfile", "query", "-signer", "signer.pem", "-inkey", "signer.key", "-chain", "root.pem", "-config", "settings", "-section", "one", "-out", "reply")
		reply, err := os.ReadFile(filepath.Join(a.folder, "reply"))
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(reply)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestACheckpointIsStampedAndAnotherImplementationAgrees(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256"} {
		a := newAuthority(t, algorithm)
		token, err := anchor.Authority{URL: a.serve(t, nil), Roots: a.roots}.Make(t.Context(), checkpoint())
		if err != nil {
			t.Fatal(err)
		}
		at, err := anchor.CheckToken(token, checkpoint().Text(), a.roots)
		if err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("%v %v", at, err)
		}
		for name, content := range map[string][]byte{"token": token, "text": []byte(checkpoint().Text())} {
			if err := os.WriteFile(filepath.Join(a.folder, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a.run(t, "ts", "-verify", "-token_in", "-in", "token", "-data", "text", "-CAfile", "root.pem")
		if !*update {
			continue
		}
		for name, file := range map[string]string{"token": ".token", "root.pem": ".pem"} {
			b, err := os.ReadFile(filepath.Join(a.folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile("testdata/"+strings.NewReplacer(":2048", "", " -pkeyopt ec_paramgen_curve:P-256", "").Replace(algorithm)+file, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What the authority says is not believed.
func TestATokenOfAnotherRequestOrSignerIsRefused(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t, "rsa:2048"), newAuthority(t, "rsa:2048")
	query := func(args ...string) func(string) {
		return func(file string) { a.run(t, append([]string{"ts", "-query", "-cert", "-out", file}, args...)...) }
	}
	if err := os.WriteFile(filepath.Join(a.folder, "text"), []byte(checkpoint().Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]anchor.Authority{
		"another text":  {URL: a.serve(t, query("-digest", strings.Repeat("00", 32), "-sha256")), Roots: a.roots},
		"another nonce": {URL: a.serve(t, query("-data", "text", "-sha256")), Roots: a.roots},
		"no nonce":      {URL: a.serve(t, query("-data", "text", "-sha256", "-no_nonce")), Roots: a.roots},
		"rejected":      {URL: a.serve(t, query("-data", "text", "-sha1")), Roots: a.roots},
		"another root":  {URL: a.serve(t, nil), Roots: other.roots},
	} {
		if token, err := c.Make(t.Context(), checkpoint()); err == nil || token != nil {
			t.Errorf("%s passes", name)
		}
	}
	if _, err := (anchor.Authority{URL: a.serve(t, nil)}).Make(t.Context(), checkpoint()); err != nil {
		t.Errorf("without roots: %v", err)
	}
}

func TestWhatIsNoReplyIsRefused(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"an error": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "away", http.StatusServiceUnavailable)
		},
		"garbage": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/timestamp-reply")
			_, _ = io.WriteString(w, "\x30\x05\x30\x03\x02\x01\x00")
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/timestamp-reply")
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		},
	} {
		server := httptest.NewServer(handler)
		if _, err := (anchor.Authority{URL: server.URL}).Make(t.Context(), checkpoint()); err == nil || strings.Contains(err.Error(), server.URL) {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (anchor.Authority{URL: "http://127.0.0.1:1/secret"}).Make(ctx, checkpoint()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func fixture(t testing.TB, kind string) (token []byte, roots *x509.CertPool) {
	t.Helper()
	token, err := os.ReadFile("testdata/" + kind + ".token")
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile("testdata/" + kind + ".pem")
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return token, roots
}

// Wherever a bit of a token is turned, it does not say another time, and is of no other text.
func TestATokenThatWasTouchedSaysNothingElse(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"rsa", "ec"} {
		token, roots := fixture(t, kind)
		at, err := anchor.CheckToken(token, checkpoint().Text(), roots)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := anchor.CheckToken(token, "another\n", roots); err == nil {
			t.Error("it is of another text, too")
		}
		passed := 0
		for i := range token {
			touched := append([]byte{}, token...)
			touched[i] ^= 1
			if now, err := anchor.CheckToken(touched, checkpoint().Text(), roots); err == nil {
				if passed++; !now.Equal(at) {
					t.Errorf("%s: byte %d makes it %v", kind, i, now)
				}
			}
		}
		if passed > len(token)/3 { // versions, the root's own certificate, and what names the signer a second time
			t.Errorf("%s: %d of %d bytes are not looked at", kind, passed, len(token))
		}
		for i := range token {
			if _, err := anchor.CheckToken(token[:i], checkpoint().Text(), roots); err == nil {
				t.Errorf("%s: cut at %d it passes", kind, i)
			}
		}
	}
}

func TestOnlyACertificateForStampingAloneMayStamp(t *testing.T) {
	t.Parallel()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, c := range []struct {
		usage []x509.ExtKeyUsage
		from  time.Time
		good  bool
	}{
		{[]x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}, now.Add(-time.Hour), true},
		{[]x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}, now.Add(time.Hour), false},
		{[]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, now.Add(-time.Hour), false},
		{[]x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageServerAuth}, now.Add(-time.Hour), false},
		{nil, now.Add(-time.Hour), false},
	} {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: c.from, NotAfter: now.Add(2 * time.Hour), ExtKeyUsage: c.usage}
		der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(certificate)
		if err := anchor.Vouch(certificate, nil, now, roots); (err == nil) != c.good {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func FuzzCheckToken(f *testing.F) {
	for _, kind := range []string{"rsa", "ec"} {
		token, _ := fixture(f, kind)
		f.Add(token)
	}
	_, roots := fixture(f, "ec")
	f.Fuzz(func(t *testing.T, token []byte) {
		if _, err := anchor.CheckToken(token, "another\n", roots); err == nil {
			t.Error("a text is stamped that never was")
		}
	})
}
