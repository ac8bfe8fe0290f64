package reference_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/reference"
)

// ask asks for an address of the page, with the headers that change adds.
func ask(path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	reference.Handler(http.NotFound).ServeHTTP(w, r)
	return w
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("static", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatIsBroughtAlongIsWhatItsSumsSay(t *testing.T) {
	t.Parallel()
	var want []string
	for line := range strings.Lines(read(t, "SHA256SUMS")) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(read(t, name)))); !ok || got != sum {
			t.Errorf("%s is %s, not %s", name, got, sum)
		}
		want = append(want, name)
	}
	entries, err := os.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	ours := []string{"README.md", "SHA256SUMS", "index.html", "init.js"}
	for _, entry := range entries {
		if !slices.Contains(want, entry.Name()) && !slices.Contains(ours, entry.Name()) {
			t.Errorf("%s is neither ours nor in SHA256SUMS", entry.Name())
		}
	}
}

func TestThePageAndItsFilesAreServed(t *testing.T) {
	t.Parallel()
	const kept = "public, max-age=31536000, immutable"
	for _, c := range []struct{ path, kind, keeping string }{
		{"/docs", "text/html", "no-cache"}, {"/docs/", "text/html", "no-cache"}, {"/docs/index.html", "text/html", "no-cache"},
		{"/docs/init.js", "text/javascript", "no-cache"},
		{"/docs/swagger-ui-bundle.js?v=5.35.0", "text/javascript", kept}, {"/docs/swagger-ui.css?v=5.35.0", "text/css", kept},
		{"/docs/swagger-ui.css", "text/css", "no-cache"}, {"/docs/swagger-ui.css?v=5.34.0", "text/css", "no-cache"},
		{"/docs/swagger-ui-bundle.js.LICENSE.txt", "text/plain", "no-cache"}, {"/docs/swagger-ui-LICENSE.txt", "text/plain", "no-cache"},
	} {
		w := ask(c.path)
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: %d with %d bytes", c.path, w.Code, w.Body.Len())
		}
		for name, want := range map[string]string{
			"Content-Type": c.kind + "; charset=utf-8", "Cache-Control": c.keeping, "X-Content-Type-Options": "nosniff",
			"ETag": fmt.Sprintf(`"%x"`, sha256.Sum256(w.Body.Bytes())),
			"Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self'; form-action 'none'; " +
				"frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, not %q", c.path, name, got, want)
			}
		}
		again := ask(c.path, func(r *http.Request) { r.Header.Set("If-None-Match", w.Header().Get("ETag")) })
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s again: %d with %d bytes", c.path, again.Code, again.Body.Len())
		}
	}
	for _, path := range []string{"/docs/nothing", "/docs/static/init.js", "/docs/../reference.go", "/docs//init.js", "/"} {
		if w := ask(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// anAddress is whatever names another host, with or without the scheme.
var anAddress = regexp.MustCompile(`(?i)\b[a-z]+://|['"(=]\s*//`)

func TestThePageSpeaksToNobodyElse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"index.html", "init.js"} {
		if found := anAddress.FindString(read(t, name)); found != "" {
			t.Errorf("%s names another host: %s", name, found)
		}
	}
	init := read(t, "init.js")
	for _, setting := range []string{"url: '/openapi.yaml'", "validatorUrl: null", "persistAuthorization: false", "queryConfigEnabled: false"} {
		if !strings.Contains(init, setting) {
			t.Errorf("init.js does not say %s", setting)
		}
	}
}

// aReference is what a browser fetches for the page, or would follow from it.
var aReference = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

func TestThePageNamesOnlyWhatIsThere(t *testing.T) {
	t.Parallel()
	page := read(t, "index.html")
	for _, found := range aReference.FindAllStringSubmatch(page, -1) {
		switch address := found[1]; {
		case address == "data:," || address == "/openapi.yaml":
		case ask(address).Code != http.StatusOK:
			t.Errorf("%s is not there", address)
		case strings.Contains(address, "swagger-ui") && !strings.Contains(ask(address).Header().Get("Cache-Control"), "immutable"):
			t.Errorf("%s does not name the version that is brought along", address)
		}
	}
	for _, inline := range []string{"<style", "style=", "<script>", "onload="} {
		if strings.Contains(page, inline) {
			t.Errorf("the content security policy forbids %s", inline)
		}
	}
	for _, want := range []string{`<html lang="en-GB">`, "<title>", "<noscript>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}
