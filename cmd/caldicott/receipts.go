package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/receipt"
	"github.com/caldicott/caldicott/internal/rest"
)

// receiptOffice signs receipts, certificates and statements, and knows its own receipts again. The zero office does nothing.
type receiptOffice struct {
	promise    func(caldicott.Appended) string
	speaker    rest.Speaker
	signatures note.Verifiers
	keys       []notary.Key
}

// openReceipts signs with the configured keys; where there are none, the log says once what that means.
func openReceipts(c Config, log *slog.Logger) (receiptOffice, error) {
	if c.ReceiptKey == "" {
		log.Warn("deeds are answered without a receipt: CALDICOTT_RECEIPT_KEY is not set")
		return receiptOffice{}, nil
	}
	keys, err := notary.ParseKeys(strings.NewReader(c.ReceiptKey))
	if err != nil {
		return receiptOffice{}, fmt.Errorf("settings: CALDICOTT_RECEIPT_KEY: %w", err)
	}
	signer, err := receipt.NewSigner(keys, c.ReceiptWithin)
	if err != nil {
		return receiptOffice{}, fmt.Errorf("settings: CALDICOTT_RECEIPT_KEY: %w", err)
	}
	if c.LogOrigin != "" && signer.Origin() != c.LogOrigin {
		return receiptOffice{}, errors.New("settings: every key of CALDICOTT_RECEIPT_KEY must bear the name of CALDICOTT_LOG_ORIGIN and /receipt")
	}
	var public []string
	for _, k := range keys {
		public = append(public, k.Verifier())
		log.Info("deeds are answered with a receipt", "key", k.Verifier(), "sealed_within", c.ReceiptWithin.String())
	}
	signatures, err := notary.Verifiers(public...)
	return receiptOffice{promising(signer, log), signer, signatures, keys}, err
}

// promising signs what casework is to promise. A deed is worth more than its receipt: where it cannot be signed, the log says
// so, and the answer has none.
func promising(signer *receipt.Signer, log *slog.Logger) func(caldicott.Appended) string {
	return func(entry caldicott.Appended) string {
		signed, err := signer.Sign(entry.Stream, entry.Seq, entry.Leaf, time.Now())
		if err != nil {
			log.Error("a deed is answered without a receipt", "stream", entry.Stream, "seq", entry.Seq, "cause", err)
			return ""
		}
		return receipt.Header(signed)
	}
}
