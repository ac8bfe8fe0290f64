// Package notify is what people are told, and the way it is sent.
package notify

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Message is one notice: codes and dates only, so that no content can leak. ID, Event and At are always there. What is
// not of its form is refused by both ways of sending, before anything is sent.
type Message struct {
	ID           string    // UUID, the same over every retry: Message-ID and webhook-id
	Event        string    // code, e.g. REVIEW_REMINDER, DECISION_MADE
	Organisation string    // its code
	Request      string    // UUID of the request, "" where the notice is about no request
	Reference    string    // CG-ABC-2026-00012, "" for a draft
	State        string    // code: state of the request, authorisation or condition
	Wanted       string    // code of what is wanted from the reader, "" for nothing
	Due          time.Time // zero: no limit; midnight in London is told as the end of the day before
	At           time.Time // when it happened
	Link         string    // URL of the thing in the service
}

// The forms leave no room for a sentence, a name or a line break.
var (
	uuidForm         = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	tokenForm        = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	codeForm         = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)
	organisationForm = regexp.MustCompile(`^[A-Z0-9]{3,10}$`)
	referenceForm    = regexp.MustCompile(`^CG-[A-Z0-9]{3,10}-[0-9]{4}-[0-9]{4,9}$`)
)

// maxURL is how long a URL may be, in bytes.
const maxURL = 2000

// check refuses a notice with anything in it that is not of its form. The error names the field, never what it holds.
func (m Message) check() error {
	optional := func(form *regexp.Regexp, s string) bool { return s == "" || form.MatchString(s) }
	for _, field := range []struct {
		name   string
		formed bool
	}{
		{"id", uuidForm.MatchString(m.ID)},
		{"event", codeForm.MatchString(m.Event)},
		{"organisation", optional(organisationForm, m.Organisation)},
		{"request", optional(uuidForm, m.Request)},
		{"reference", optional(referenceForm, m.Reference)},
		{"state", optional(codeForm, m.State)},
		{"wanted", optional(codeForm, m.Wanted)},
		{"at", !m.At.IsZero()},
		{"link", m.Link == "" || webURL(m.Link)},
	} {
		if !field.formed {
			return &failure{text: "notice: " + field.name + " is not of its form", permanent: true}
		}
	}
	return nil
}

// webURL says whether a reader's browser may be sent there.
func webURL(raw string) bool {
	u, err := plainURL(raw)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http")
}

// errURL stands for every reason why a URL is none: the reasons would repeat it, and it may hold a secret.
var errURL = errors.New("is not a URL with a host, or holds a user")

// plainURL reads a URL of printable ASCII with a host and without a user.
func plainURL(raw string) (*url.URL, error) {
	if len(raw) > maxURL || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errURL
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || !hostForm(u.Hostname()) {
		return nil, errURL
	}
	return u, nil
}
