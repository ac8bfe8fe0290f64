package api

import (
	"encoding/hex"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// VersionRow is one version of a request's content in a list. Digest is SHA-256 over its bytes, as the trail keeps it.
type VersionRow struct {
	N      int       `json:"n"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Digest string    `json:"digest"`
}

// FromVersionRow writes a version as a row.
func FromVersionRow(v caldicott.VersionMark) VersionRow {
	return VersionRow{N: v.N, By: v.By, At: v.At, Digest: hex.EncodeToString(v.Digest[:])}
}

// VersionView is one version of a request's content.
type VersionView struct {
	N              int             `json:"n"`
	By             string          `json:"by"`
	At             time.Time       `json:"at"`
	Digest         string          `json:"digest"`
	Content        Content         `json:"content"`
	NotIdentifiers []NotIdentifier `json:"not_identifiers"`
}

// FromVersion writes a version with its content.
func FromVersion(v caldicott.Version) VersionView {
	row := FromVersionRow(v.Mark())
	return VersionView{
		N: row.N, By: row.By, At: row.At, Digest: row.Digest, Content: Content{v.Content},
		NotIdentifiers: listed(v.Confirmed, func(c caldicott.Confirmation) NotIdentifier { return NotIdentifier(c) }),
	}
}

// HistoryEntry is an entry of the trail about the request, as this caller may see it: codes and people, no words. Entry
// is its number in the trail, Seq its number in the request's own chain where it is chained. Of what was disposed of there is only
// Disposed besides, the number of the certificate.
type HistoryEntry struct {
	Entry    int64            `json:"entry"`
	Seq      int              `json:"seq,omitempty"`
	Action   caldicott.Action `json:"action,omitempty"`
	Outcome  string           `json:"outcome,omitempty"`
	Rule     string           `json:"rule,omitempty"`
	At       time.Time        `json:"at,omitzero"`
	Actor    string           `json:"actor,omitempty"`
	ActingAs string           `json:"acting_as,omitempty"`
	From     vocabulary.State `json:"from,omitempty"`
	To       vocabulary.State `json:"to,omitempty"`
	Version  int              `json:"version,omitempty"`
	Line     string           `json:"line,omitempty"`
	Disposed int64            `json:"disposed,omitempty"`
}

// FromEvent writes an entry of the trail. Actor is a user id: the trail itself knows people by another.
func FromEvent(entry int64, seq int, e caldicott.Event, actor string) HistoryEntry {
	return HistoryEntry{
		Entry: entry, Seq: seq, Action: e.Action, Outcome: e.Outcome, Rule: e.Rule, At: e.At, Actor: actor,
		ActingAs: e.ActingAs, From: e.From, To: e.To, Version: e.Version, Line: e.PolicyLine,
	}
}
