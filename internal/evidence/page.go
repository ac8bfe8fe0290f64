package evidence

import (
	"bytes"
	_ "embed"
	"html/template"
	"strings"
	texts "text/template"
	"time"
)

//go:embed page.html.tmpl
var pageText string

//go:embed readme.txt.tmpl
var readmeText string

// The page holds no script and asks for nothing from anywhere; html/template keeps what people wrote from being anything else.
var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"instant": func(t time.Time) string { return instant(&t) }, "words": codeWords, "join": strings.Join, "mark": mark,
	"ground": func(code string) string { return grounds[code] },
}).Parse(pageText))

var readmeTemplate = texts.Must(texts.New("readme").Parse(readmeText))

// instant is a time as people read it: UTC, to the second.
func instant(t *time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// codeWords is a code as people read it.
func codeWords(code string) string {
	return strings.ReplaceAll(code, "_", " ")
}

// mark says what was found in a sign and a word, so that nobody needs to see the sign.
func mark(p Proved) string {
	switch p {
	case IsProved:
		return "✓ proved"
	case IsWrong:
		return "✗ DOES NOT MATCH"
	case IsErased:
		return "[erased]"
	case IsWithheld:
		return "✓ pinned, withheld"
	case IsWaiting:
		return "… not sealed yet"
	}
	return ""
}

func page(about About, s section) ([]byte, error) {
	var b bytes.Buffer
	subject := about.subject()
	if s.Request != nil && s.Request.Reference != "" {
		subject = s.Request.Reference
	}
	err := pageTemplate.Execute(&b, struct {
		section
		Pack    About
		Subject string
		Blind   bool
	}{s, about, subject, about.withholds(Entries)})
	return b.Bytes(), err
}

// instructions tells a person with a shell how to verify the pack, and what that proves.
func instructions(about About, count Counts) ([]byte, error) {
	var b bytes.Buffer
	err := readmeTemplate.Execute(&b, struct {
		About
		Subject string
		Made    string
		Count   Counts
		Blind   bool
	}{about, about.subject(), instant(&about.MadeAt), count, about.withholds(Entries)})
	return b.Bytes(), err
}
