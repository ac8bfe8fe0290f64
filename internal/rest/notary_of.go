package rest

import "github.com/caldicott/caldicott/internal/notary"

// NotaryOf is what the API knows of the sealed log.
type NotaryOf struct {
	Proofs notary.Proofs
}
