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

// CertificateView is a decision as a document that anybody can check without the service. Proof is absent until the entry
// is in the signed log.
type CertificateView struct {
	Certificate string          `json:"certificate"`
	Entry       string          `json:"entry"`
	Proof       string          `json:"proof,omitempty"`
	Words       []CertifiedWord `json:"words"`
}

// CertifiedWord is something that somebody wrote, with the salt that binds it to the certificate.
type CertifiedWord struct {
	Of   string `json:"of"`
	Text string `json:"text"`
	Salt string `json:"salt"`
}

// FromCertificate writes a certificate with what proves it.
func FromCertificate(signed, entry, proof string, words []CertifiedWord) CertificateView {
	return CertificateView{Certificate: signed, Entry: entry, Proof: proof, Words: same(words)}
}
