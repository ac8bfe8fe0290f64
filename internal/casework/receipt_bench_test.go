package casework_test

import (
	"crypto/rand"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/receipt"
)

// BenchmarkAReceipt does the smallest deed by turns with and without its receipt, so that both meet the same machine.
func BenchmarkAReceipt(b *testing.B) {
	s := open(b, everybody()...)
	secret, _, err := note.GenerateKey(rand.Reader, "trust.example/caldicott"+receipt.Suffix)
	if err != nil {
		b.Fatal(err)
	}
	key, err := note.NewSigner(secret)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := receipt.NewSigner([]note.Signer{key}, time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	promise := func(entry caldicott.Appended) string {
		signed, err := signer.Sign(entry.Stream, entry.Seq, entry.Leaf, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		return receipt.Header(signed)
	}
	c := s.scene("", sound()).by("u-asks", caldicott.Submitting{}).c
	deed := func() time.Duration {
		began := time.Now()
		_, err := s.service.Do(b.Context(), casework.Call{By: s.people["u-officer"]}, casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}, caldicott.Commenting{Text: "Noted."})
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	var with, without, signing time.Duration
	for b.Loop() {
		s.service.Promise = nil
		without += deed()
		s.service.Promise = func(entry caldicott.Appended) string {
			began := time.Now()
			defer func() { signing += time.Since(began) }()
			return promise(entry)
		}
		with += deed()
	}
	n := float64(b.N)
	b.ReportMetric(without.Seconds()*1e6/n, "µs/bare-deed")
	b.ReportMetric(with.Seconds()*1e6/n, "µs/deed-with-receipt")
	b.ReportMetric(signing.Seconds()*1e6/n, "µs/receipt")
}
