package issuer

import (
	"bytes"
	"net/http"
)

const pageHTML = `<!DOCTYPE html>
<html lang="en-GB">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demonstration sign-in</title>
<main>
<h1>Who are you today?</h1>
<p>This is a demonstration. No password is asked, and anyone can be anyone: keep real data away from it.</p>
<form method="post" action="/authorize">
{{range $name, $value := .Carried}}<input type="hidden" name="{{$name}}" value="{{$value}}">
{{end}}{{range .People}}<p><button name="person" value="{{.ID}}">{{.Name}} ({{.ID}})</button></p>
{{end}}</form>
</main>
</html>
`

// choose shows the page to pick a person on. It changes nothing: the code is
// made by the form's POST.
func (i *Issuer) choose(w http.ResponseWriter, r *http.Request) {
	if _, err := i.asked(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	carried := map[string]string{}
	for _, name := range []string{
		"client_id", "redirect_uri", "response_type", "scope",
		"state", "nonce", "code_challenge", "code_challenge_method",
	} {
		carried[name] = r.FormValue(name)
	}
	var page bytes.Buffer
	if err := i.page.Execute(&page, map[string]any{"Carried": carried, "People": i.config.People}); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	// No form-action: browsers hold a form's redirect to it too, and ours leads
	// back to the client. No no-referrer: the form's Origin would become null.
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(page.Bytes()) // a browser that left sees nothing
}
