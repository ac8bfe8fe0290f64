// Package audit is the notary: the one form that an entry of the trail has, and a verifier that believes nothing.
package audit

import (
	"crypto/sha256"
	"time"
)

// Outcomes of an entry.
const (
	Done    = "done"
	Refused = "refused"
)

// Ways of reading and the service's own doings: the actions that are no deed of the vocabulary.
const (
	Viewed       = "viewed"
	Searched     = "searched"
	Exported     = "exported"
	GuardFired   = "guard_fired"
	PolicyLoaded = "policy_loaded"
	Migrated     = "migrated"
	Bootstrapped = "bootstrapped"
	Verified     = "verified"
	Erased       = "erased"
	Attested     = "attested"
	KeyNoted     = "key_noted"
)

// Entry is what the trail remembers of one deed, refusal or reading: codes and identifiers only, never a name or a
// sentence. Empty fields are absent from the entry.
//
//	audit.Entry{
//		Stream: caldicott.RequestStream(id), Seq: 7, Prev: head, Request: id,
//		Action: "submit", Outcome: audit.Done, At: now, Actor: person, From: "draft", To: "submitted",
//		Version: 3, Digest: digest, Policy: policy, Line: "policy.csv:41", Nonce: nonce,
//	}
type Entry struct {
	Stream string
	Seq    int      // 0 where the entry is not chained
	Prev   [32]byte // the chain's head; zero at seq 1

	Action  string // the deed's name, or one of the constants above
	Outcome string // Done or Refused
	Rule    string // the code of the rule that refused, such as SD1, POLICY or V011
	At      time.Time

	Actor        string // the person's uuid; empty for the service itself and for strangers
	Organisation string // uuid
	Request      string // uuid
	Subject      string // uuid of the decision, condition, person … that the deed was about

	From, To string // states
	Version  int    // of the content
	Digest   string // SHA-256 of the content, hexadecimal

	Policy string // digest of the policy in force, hexadecimal
	Line   string // the policy's deciding line, such as policy.csv:41

	Acting      string // the capacity acted in
	Appointment string // uuid
	Delegation  string // uuid

	Facts map[string]string // further codes and counts
	Nonce [16]byte          // random: it keeps the leaf from being guessed
	// Detail is the commitment to the words that belong to the entry, or zero. See Commit.
	Detail [32]byte
}

// LeafHash is the hash of a leaf in RFC 6962: what the next entry of the chain calls prev.
func LeafHash(canon []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(canon)
	return [32]byte(h.Sum(nil))
}

// Commit binds an entry to words that are kept apart from it. Without the salt it says nothing about them, so that
// erasing both leaves the entry provable and the words gone.
func Commit(salt [32]byte, body []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("cg/detail/v1"))
	h.Write(salt[:])
	h.Write(body)
	return [32]byte(h.Sum(nil))
}
