package main

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/receipt"
)

// receiptSigner signs with the configured keys; nil where there are none, and then the log says once what that means.
func receiptSigner(c Config, log *slog.Logger) (*receipt.Signer, error) {
	if c.ReceiptKey == "" {
		log.Warn("deeds are answered without a receipt: CALDICOTT_RECEIPT_KEY is not set")
		return nil, nil
	}
	keys, err := notary.ParseKeys(strings.NewReader(c.ReceiptKey))
	if err != nil {
		return nil, fmt.Errorf("settings: CALDICOTT_RECEIPT_KEY: %w", err)
	}
	signer, err := receipt.NewSigner(keys, c.ReceiptWithin)
	if err != nil {
		return nil, fmt.Errorf("settings: CALDICOTT_RECEIPT_KEY: %w", err)
	}
	for _, k := range keys {
		log.Info("deeds are answered with a receipt", "key", k.Verifier(), "sealed_within", c.ReceiptWithin.String())
	}
	return signer, nil
}

// promise signs what casework is to promise. A deed is worth more than its receipt: where it cannot be signed, the log says
// so, and the answer has none.
func promise(signer *receipt.Signer, log *slog.Logger) func(caldicott.Appended) string {
	if signer == nil {
		return nil
	}
	return func(entry caldicott.Appended) string {
		signed, err := signer.Sign(entry.Stream, entry.Seq, entry.Leaf, time.Now())
		if err != nil {
			log.Error("a deed is answered without a receipt", "stream", entry.Stream, "seq", entry.Seq, "cause", err)
			return ""
		}
		return receipt.Header(signed)
	}
}
