package audit

import (
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Written is an event in the form in which the trail keeps it. Salt and Body are nil where nothing was said.
type Written struct {
	Canon, Salt, Body []byte
	Leaf              [32]byte
}

// Write turns an event of the house into an entry that follows the head of its chain; seq 0 stands outside any chain.
func Write(e caldicott.Event, seq int, prev [32]byte) (Written, error) {
	entry := entryOf(e)
	entry.Seq, entry.Prev = seq, prev
	if _, err := rand.Read(entry.Nonce[:]); err != nil {
		return Written{}, fmt.Errorf("nonce: %w", err)
	}
	var w Written
	if e.Detail != nil {
		var salt [32]byte
		if _, err := rand.Read(salt[:]); err != nil {
			return Written{}, fmt.Errorf("salt: %w", err)
		}
		w.Salt, w.Body, entry.Detail = salt[:], e.Detail, Commit(salt, e.Detail)
	}
	canon, err := entry.Canon()
	if err != nil {
		return Written{}, err
	}
	w.Canon, w.Leaf = canon, LeafHash(canon)
	return w, nil
}

// entryOf copies what an event says. States are written in the trail's lower case, and the path of a field without
// brackets (data_items.2.justification), because nothing in an entry may ever need an escape.
func entryOf(e caldicott.Event) Entry {
	facts := make(map[string]string, len(e.Facts))
	for name, value := range e.Facts {
		facts[name] = strings.NewReplacer("[", ".", "]", "").Replace(value)
	}
	return Entry{
		Stream: e.Stream, Action: string(e.Action), Outcome: e.Outcome, Rule: e.Rule, At: e.At,
		Actor: e.Actor, Organisation: e.Organisation, Request: e.Request, Subject: e.Subject,
		From: strings.ToLower(string(e.From)), To: strings.ToLower(string(e.To)), Version: e.Version, Digest: e.Digest,
		Policy: e.PolicyDigest, Line: e.PolicyLine, Acting: e.ActingAs, Appointment: e.Appointment, Delegation: e.Delegation,
		Facts: facts,
	}
}
