// Package reference is the page on which a developer reads the contract, and tries it.
package reference

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

// base is where the page is; index.html names its files from there.
const base = "/docs"

// version is that of swagger-ui-dist, whose files are brought along.
const version = "5.35.0"

// policy lets the page show what is its own and speak to its own origin, nothing else: neither the contract nor a token
// that is pasted to try it can go anywhere else.
const policy = "default-src 'self'; img-src 'self' data:; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

//go:embed static
var static embed.FS

// part is one file of the page.
type part struct {
	body       []byte
	kind, etag string
}

// Handler serves the page at /docs, with or without a slash, and its files below; nothing answers for what is not there.
func Handler(nothing http.HandlerFunc) http.Handler {
	parts := read()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := parts[r.URL.Path]
		if !ok {
			nothing(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", p.kind)
		header.Set("ETag", p.etag)
		header.Set("Cache-Control", keeping(r))
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body))
	})
}

// keeping says how long an answer may be kept: for ever where the address names the version, for then it never changes.
func keeping(r *http.Request) string {
	if r.URL.RawQuery == "v="+version {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// read gives every part by its address. What is built in can always be read; were it not, the part would be missing.
func read() map[string]part {
	parts := map[string]part{}
	entries, _ := static.ReadDir("static") //nolint:errcheck // see above
	for _, entry := range entries {
		body, err := static.ReadFile("static/" + entry.Name())
		if err != nil {
			continue
		}
		sum := sha256.Sum256(body)
		parts[base+"/"+entry.Name()] = part{body: body, kind: kindOf(entry.Name()), etag: `"` + hex.EncodeToString(sum[:]) + `"`}
	}
	parts[base], parts[base+"/"] = parts[base+"/index.html"], parts[base+"/index.html"]
	return parts
}

// kindOf gives a file's type by its name, whatever the machine believes; what is for people to read is plain text.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}
