package caldicott

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Words writes what was said as an event's Detail: JSON without HTML's escapes, which would make six bytes of every < and
// hide the words from whoever looks for them.
func Words(said any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(said); err != nil {
		panic(fmt.Sprintf("what was said cannot be encoded: %v", err)) // strings, numbers and times only
	}
	return b.Bytes()
}

// Outcomes of an event.
const (
	OutcomeDone    = "done"
	OutcomeRefused = "refused"
)

// Actions of the trail that are not deeds.
const (
	Viewed       Action = "viewed"
	Searched     Action = "searched"
	Exported     Action = "exported"
	GuardFired   Action = "guard_fired"
	PolicyLoaded Action = "policy_loaded"
	Migrated     Action = "migrated"
	Bootstrapped Action = "bootstrapped"
	Verified     Action = "verified"
	Attested     Action = "attested"
	KeyNoted     Action = "key_noted"
)

// RequestStream is the chain of a request, by its id.
func RequestStream(id string) string { return "request:" + id }

// OrganisationStream is the chain of an organisation, by its id: its people, their authority and the directory.
func OrganisationStream(id string) string { return "organisation:" + id }

// Event is what the trail remembers of one deed, refusal or reading: codes and ids, never words that somebody wrote.
// The words go into Detail, which the trail keeps apart under a salted commitment. ID and Facts are set by casework.
type Event struct {
	Stream  string // RequestStream and OrganisationStream are chained; others are not
	Chained bool
	Action  Action
	Outcome string
	Rule    string // of a refusal: SD1, POLICY, V011 …
	At      time.Time

	Actor, Organisation, Request, Subject string // ids, "" where there is none

	From, To     State
	Version      int
	Digest       string // of the content, hex SHA-256
	PolicyDigest string
	PolicyLine   string

	ActingAs, Appointment, Delegation string

	Facts  map[string]string // further codes and counts
	Detail []byte            // JSON of the deed's own words; nil where there are none
}
