package notary

import "time"

// Pulse is how the log is doing, by the database's own clock.
type Pulse struct {
	Now      time.Time
	Size     int64     // leaves
	SealedAt time.Time // of the newest checkpoint; zero before the first
	Signed   int64     // size of the newest signed checkpoint, 0 for none
	SignedAt time.Time
	Waiting  int64     // committed entries without a leaf
	Oldest   time.Time // when the oldest of them was recorded
	// Definition is the digest of the schemas' definition that was last put on record, and AttestedAt when.
	Definition string
	AttestedAt time.Time
}

// KeyWord is what was last said of a key, the service's own or a witness's.
type KeyWord struct {
	Key string // as a verifier key
	Span
	NotedAt time.Time
}

// Mark is a signed checkpoint in a list.
type Mark struct {
	Size     int64
	Root     []byte
	SealedAt time.Time
}
