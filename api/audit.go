package api

import (
	"maps"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// AuditEntry is an entry of the log as whoever may search it sees it: codes, ids and people, no words. LeafIndex is absent
// while the entry waits to be sealed. Of one that was disposed of only its place and its hash are told, and in Disposed the number
// of its certificate.
type AuditEntry struct {
	Entry        int64            `json:"entry"`
	LeafIndex    *int64           `json:"leaf_index,omitempty"`
	LeafHash     string           `json:"leaf_hash"`
	RecordedAt   time.Time        `json:"recorded_at"`
	Disposed     int64            `json:"disposed,omitempty"`
	Stream       string           `json:"stream,omitempty"`
	Seq          int              `json:"seq,omitempty"`
	Action       caldicott.Action `json:"action,omitempty"`
	Outcome      string           `json:"outcome,omitempty"`
	Rule         string           `json:"rule,omitempty"`
	At           time.Time        `json:"at,omitzero"`
	Actor        string           `json:"actor,omitempty"`
	ActingAs     string           `json:"acting_as,omitempty"`
	Appointment  string           `json:"appointment,omitempty"`
	Delegation   string           `json:"delegation,omitempty"`
	Organisation string           `json:"organisation,omitempty"`
	Request      string           `json:"request,omitempty"`
	Reference    string           `json:"reference,omitempty"`
	Subject      string           `json:"subject,omitempty"`
	From         string           `json:"from,omitempty"`
	To           string           `json:"to,omitempty"`
	Version      int              `json:"version,omitempty"`
	Digest       string           `json:"digest,omitempty"`
	Policy       string           `json:"policy,omitempty"`
	Line         string           `json:"line,omitempty"`
	Facts        []AuditFact      `json:"facts"`
}

// AuditFact is a further code or count of an entry.
type AuditFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// AuditEntryView is one entry whole. Canon is the entry as it is hashed: LeafHash is the SHA-256 of a zero byte and of it.
type AuditEntryView struct {
	AuditEntry
	Canon          string      `json:"canon,omitempty"`
	CheckpointSize int64       `json:"checkpoint_size,omitempty"`
	Words          *AuditWords `json:"words,omitempty"`
}

// AuditWords are what an entry commits to: SHA-256 of "cg/detail/v1", the salt and the body is its member detail. Only
// ErasedAt is left where they were erased.
type AuditWords struct {
	Salt     string    `json:"salt,omitempty"`
	Body     string    `json:"body,omitempty"`
	ErasedAt time.Time `json:"erased_at,omitzero"`
}

// AuditPlace is where an entry stands, and who and what it is about in the names that people use.
type AuditPlace struct {
	Entry, Index                   int64 // Index is -1 while it waits to be sealed
	Seq                            int
	Leaf                           string // in hexadecimal
	RecordedAt                     time.Time
	Actor, Organisation, Reference string
}

// FromDisposal writes what is left of an entry that was disposed of by that certificate: its place and its hash.
func FromDisposal(p AuditPlace, certificate int64) AuditEntry {
	v := FromLog(AuditPlace{Entry: p.Entry, Index: p.Index, Seq: p.Seq, Leaf: p.Leaf, RecordedAt: p.RecordedAt}, caldicott.Event{})
	v.Disposed = certificate
	return v
}

// FromLog writes an entry.
func FromLog(p AuditPlace, e caldicott.Event) AuditEntry {
	v := AuditEntry{
		Entry: p.Entry, LeafHash: p.Leaf, RecordedAt: p.RecordedAt.UTC(), Stream: e.Stream, Seq: p.Seq, Action: e.Action, Outcome: e.Outcome, Rule: e.Rule,
		At: e.At, Actor: p.Actor, ActingAs: e.ActingAs, Appointment: e.Appointment, Delegation: e.Delegation,
		Organisation: p.Organisation, Request: e.Request, Reference: p.Reference, Subject: e.Subject,
		From: string(e.From), To: string(e.To), Version: e.Version, Digest: e.Digest, Policy: e.PolicyDigest, Line: e.PolicyLine,
		Facts: []AuditFact{},
	}
	if p.Index >= 0 {
		v.LeafIndex = &p.Index
	}
	for _, name := range slices.Sorted(maps.Keys(e.Facts)) {
		v.Facts = append(v.Facts, AuditFact{name, e.Facts[name]})
	}
	return v
}

// Manifest says what an export was: what was asked, when, by whom and for what, and what came of it. Count and SHA256 are
// of the rows and bytes that were sent; they are 0 and absent where it never ended. Checkpoint is the newest signed one when it
// began. Query is absent where its words have been erased.
type Manifest struct {
	ID         string                `json:"id"`
	Stage      string                `json:"stage"`
	Format     string                `json:"format"`
	Purpose    vocabulary.LogPurpose `json:"purpose"`
	Actor      string                `json:"actor"`
	BegunAt    time.Time             `json:"begun_at"`
	EndedAt    time.Time             `json:"ended_at,omitzero"`
	Query      []AuditFact           `json:"query,omitempty"`
	Count      int64                 `json:"count"`
	SHA256     string                `json:"sha256,omitempty"`
	Size       int64                 `json:"checkpoint_size,omitempty"`
	Checkpoint string                `json:"checkpoint,omitempty"`
}

// Statement is what the log's key says of a stretch of the log: a signed note, with what it says for programs. Disposed counts the entries of
// which nobody can tell any more whether they were of the kind.
type Statement struct {
	Count    int64     `json:"count"`
	Disposed int64     `json:"disposed"`
	FromSize int64     `json:"from_size"`
	ToSize   int64     `json:"to_size"`
	At       time.Time `json:"at"`
	Note     string    `json:"note"`
}
