package api

import "time"

// LogHealth says how the sealed log is doing, by the database's own clock.
type LogHealth struct {
	Now           time.Time  `json:"now"`
	Size          int64      `json:"size"` // leaves
	SealedAt      *time.Time `json:"sealed_at,omitempty"`
	SignedSize    int64      `json:"signed_size"`
	SignedAt      *time.Time `json:"signed_at,omitempty"`
	Waiting       int64      `json:"waiting"` // entries that are not sealed yet
	OldestWaiting *time.Time `json:"oldest_waiting,omitempty"`
	LagSeconds    float64    `json:"lag_seconds"` // for how long the oldest has waited
	Definition    string     `json:"definition,omitempty"`
	AttestedAt    *time.Time `json:"attested_at,omitempty"`
	Alarm         string     `json:"alarm,omitempty"`
	SealsHere     bool       `json:"seals_here"`
	SignsHere     bool       `json:"signs_here"`
	Origin        string     `json:"origin,omitempty"`
}

// LogKey is what was last said of a public key.
type LogKey struct {
	Key      string    `json:"key"`
	Role     string    `json:"role"`
	FromSize int64     `json:"from_size"`
	ToSize   *int64    `json:"to_size,omitempty"`
	NotedAt  time.Time `json:"noted_at"`
}

// CheckpointRow is a signed checkpoint in a list. Root is in base64, as in the checkpoint itself.
type CheckpointRow struct {
	Size     int64     `json:"size"`
	Root     string    `json:"root"`
	SealedAt time.Time `json:"sealed_at"`
}

// TreeView is a tree by its size and root, in base64.
type TreeView struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
}

// ConsistencyView proves that the log of the larger size began as that of the smaller (RFC 6962).
type ConsistencyView struct {
	From TreeView `json:"from"`
	To   TreeView `json:"to"`
	Path []string `json:"path"`
}

// RequestProofs proves all entries about a request by one checkpoint. Waiting are those that are not in it yet.
type RequestProofs struct {
	Checkpoint string       `json:"checkpoint,omitempty"`
	Proofs     []EntryProof `json:"proofs"`
	Waiting    []int64      `json:"waiting"`
}

// EntryProof is where an entry stands in the log, and the path from it to the root, in base64.
type EntryProof struct {
	Entry int64    `json:"entry"`
	Index int64    `json:"index"`
	Path  []string `json:"path"`
}
