package notify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Endpoint is a receiver of an organisation's notices.
type Endpoint struct {
	Name         string   // lower-case letters, digits and -, for logs
	Organisation string   // its code
	URL          string   `json:"-"` // https, or http on loopback; it may hold a secret of the receiver's
	Secrets      []string `json:"-"` // newest first, "whsec_…"; every one signs, so that a receiver may rotate
}

// String names the endpoint without its URL and secrets, however it is printed.
func (e Endpoint) String() string { return "webhook " + e.Name }

// GoString is String.
func (e Endpoint) GoString() string { return e.String() }

// Bounds of the list, and of a secret in bytes, which are Standard Webhooks'.
const (
	maxEndpoints = 1 << 20
	maxSecrets   = 8
	leastSecret  = 24
	mostSecret   = 64
	secretPrefix = "whsec_"
)

var endpointForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// members are what an entry has, all of it.
var members = []string{"name", "organisation", "url", "secrets"}

// ParseEndpoints reads a JSON list of {name, organisation, url, secrets}. Anything besides is refused; the error names the
// entry by its position (from 1) and name, and the member, never a secret or the URL.
func ParseEndpoints(r io.Reader) ([]Endpoint, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxEndpoints+1))
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	var entries []json.RawMessage
	if len(raw) > maxEndpoints || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) || json.Unmarshal(raw, &entries) != nil {
		return nil, errors.New("webhooks: not a JSON list of at most 1 MiB") // json's own words may repeat a secret
	}
	endpoints := make([]Endpoint, 0, len(entries))
	names := map[string]bool{}
	for i, entry := range entries {
		e, err := parseEndpoint(entry)
		if err == nil && names[e.Name] {
			err = errors.New("name: another entry has it")
		}
		if err != nil {
			return nil, fmt.Errorf("webhooks: entry %s: %w", place(i, e), err)
		}
		names[e.Name] = true
		endpoints = append(endpoints, e)
	}
	return endpoints, nil
}

// place says which entry is meant.
func place(i int, e Endpoint) string {
	if endpointForm.MatchString(e.Name) {
		return fmt.Sprintf("%d (%s)", i+1, e.Name)
	}
	return strconv.Itoa(i + 1)
}

// parseEndpoint reads one entry; with an error it gives what it has read, so that the entry can be named.
func parseEndpoint(raw json.RawMessage) (Endpoint, error) {
	var e Endpoint
	into := map[string]any{"name": &e.Name, "organisation": &e.Organisation, "url": &e.URL, "secrets": &e.Secrets}
	given, err := object(raw)
	for _, name := range members {
		value, has := given[name]
		if err == nil && !has {
			err = errors.New(name + ": is missing")
		}
		if has && json.Unmarshal(value, into[name]) != nil && err == nil {
			err = errors.New(name + ": is not of its type")
		}
	}
	if err != nil {
		return e, err
	}
	return e, e.check()
}

// object reads the members of a JSON object: each is known, spelt exactly, and there once. It gives what it has read
// with an error too.
func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("is not an object")
	}
	given := map[string]json.RawMessage{}
	var wrong error
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return given, errors.New("is malformed")
		}
		switch _, twice := given[name]; {
		case wrong != nil:
		case !slices.Contains(members, name):
			wrong = errors.New(unknownMember(name))
		case twice:
			wrong = errors.New(name + ": is given twice")
		}
		given[name] = value
	}
	return given, wrong
}

// unknownMember names a member that is not ours, unless it might be a secret in the wrong place.
func unknownMember(name string) string {
	if len(name) > 20 || strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) {
		return "has a member that is not known"
	}
	return name + ": is not known"
}

// check refuses an endpoint that must not be called, whoever made it. The error names the member.
func (e Endpoint) check() error {
	switch {
	case !endpointForm.MatchString(e.Name):
		return errors.New("name: must be 1 to 64 lower-case letters, digits and -")
	case !organisationForm.MatchString(e.Organisation):
		return errors.New("organisation: is not the code of one")
	case len(e.Secrets) == 0 || len(e.Secrets) > maxSecrets:
		return fmt.Errorf("secrets: must be 1 to %d", maxSecrets)
	}
	for _, s := range e.Secrets {
		if !wellFormed(s) {
			return fmt.Errorf("secrets: one is not whsec_ and %d to %d bytes in base64", leastSecret, mostSecret)
		}
	}
	u, err := plainURL(e.URL)
	switch {
	case err != nil:
		return fmt.Errorf("url: %w", err)
	case u.Fragment != "":
		return errors.New("url: has a fragment")
	case u.Scheme != "https" && !(u.Scheme == "http" && loopbackHost(u.Hostname())):
		return errors.New("url: must be https, or http on loopback")
	}
	return nil
}

// wellFormed judges a secret more strictly than the library, which takes line breaks and secrets of no length.
func wellFormed(secret string) bool {
	encoded, prefixed := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return prefixed && err == nil && !strings.ContainsAny(encoded, "\r\n") && len(key) >= leastSecret && len(key) <= mostSecret
}

// clear says whether the URL is http.
func (e Endpoint) clear() bool { return strings.HasPrefix(strings.ToLower(e.URL), "http:") }
