package issuer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// demonstrate gives a token to another process on this machine. Browsers are
// turned away, by what they cannot leave out and by what a page cannot add, or
// any page could ask on its reader's behalf.
func (i *Issuer) demonstrate(w http.ResponseWriter, r *http.Request) {
	_, origin := r.Header["Origin"]
	_, site := r.Header["Sec-Fetch-Site"]
	if origin || site || r.Header.Get("X-Demonstration") != "token" {
		http.Error(w, "not for browsers", http.StatusForbidden)
		return
	}
	token, err := i.Token(r.PostFormValue("person"))
	if errors.Is(err, errNobody) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, "the token could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, token) // a client that left hears nothing
}

// Fetch asks the demonstration issuer at that address for a person's token. It
// asks on loopback only, and through no proxy.
func Fetch(ctx context.Context, issuerURL, person string) (string, error) {
	u, err := url.Parse(issuerURL)
	if err != nil || u.Scheme != "http" || !isLoopbackURL(u) {
		return "", errors.New("issuer: a demonstration issuer is at http and on loopback")
	}
	form := strings.NewReader(url.Values{"person": {person}}.Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.JoinPath("demonstration/token").String(), form)
	if err != nil {
		return "", fmt.Errorf("issuer: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Demonstration", "token")
	client := &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{DialContext: (&net.Dialer{}).DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return "", fmt.Errorf("issuer: the demonstration issuer is away: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return "", fmt.Errorf("issuer: %w", err)
	case resp.StatusCode == http.StatusNotFound:
		return "", errNobody
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("issuer: the demonstration issuer answered %d", resp.StatusCode)
	}
	return string(body), nil
}
