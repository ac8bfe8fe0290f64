package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// CheckingReceipt asks what became of a promise.
type CheckingReceipt struct {
	Receipt string `json:"receipt" validate:"filled,max=16384"`
}

// Confirmed confirms nothing: a receipt is not somebody's words.
func (CheckingReceipt) Confirmed() []caldicott.Confirmation { return nil }

// ReceiptView is what a receipt promised, and whether it was kept.
type ReceiptView struct {
	Verdict   string    `json:"verdict"` // sealed, due or broken
	Stream    string    `json:"stream"`
	Seq       int       `json:"seq"`
	LeafHash  string    `json:"leaf_hash"`
	SealBy    time.Time `json:"seal_by"`
	LeafIndex *int64    `json:"leaf_index,omitempty"`
	Proof     string    `json:"proof,omitempty"`
}
