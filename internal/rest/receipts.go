package rest

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/receipt"
)

// checkReceipt says what became of a promise, to whoever holds it. Nothing of the trail is shown that they did not bring, so
// the question is on no record.
func (s *service) checkReceipt(w http.ResponseWriter, r *http.Request) error {
	call, body, err := read[api.CheckingReceipt](w, r)
	if err != nil {
		return err
	}
	promised, err := s.promised(body.Receipt)
	if err != nil {
		call.Invalid = append(call.Invalid, caldicott.FieldError{Field: "receipt", Code: caldicott.CodeField, Message: "is no receipt of this service"})
	}
	if err := caldicott.Refuse(call.Invalid); err != nil {
		return err
	}
	proof, err := s.Notary.Proofs.Chained(r.Context(), promised.Stream, promised.Seq, promised.Leaf)
	waits := errors.Is(err, notary.ErrNoEntry) || errors.Is(err, notary.ErrUnsealed)
	if err != nil && !waits {
		return err
	}
	view := api.ReceiptView{
		Verdict: string(promised.Judge(!waits, s.Work.Now())), Stream: promised.Stream, Seq: promised.Seq, LeafHash: promised.Leaf.String(), SealBy: promised.SealBy,
	}
	if !waits {
		view.LeafIndex, view.Proof = &proof.Index, Base+"/audit/entries/"+strconv.FormatInt(proof.Entry, 10)+"/proof"
	}
	return shown(view, 0).write(w)
}

func (s *service) promised(kept string) (receipt.Receipt, error) {
	signed, err := receipt.Unfold(kept)
	if err != nil || s.Signatures == nil {
		return receipt.Receipt{}, receipt.ErrForm
	}
	return receipt.Open(signed, s.Signatures)
}
