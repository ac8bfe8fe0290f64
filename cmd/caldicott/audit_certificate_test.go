package main

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/audit"
	"github.com/caldicott/caldicott/internal/certificate"
	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
	"github.com/caldicott/caldicott/internal/receipt"
)

const certifiedRequest = "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c21"

// certified is a document of a decision, whose entry is the first of two leaves; change may spoil its lines before signing.
func (k keyring) certified(t *testing.T, change func(name, value string) string) certificate.Document {
	t.Helper()
	at := time.Date(2026, 11, 22, 9, 0, 0, 123_456_000, time.UTC)
	digest := strings.Repeat("ab", 32)
	canon, err := audit.Entry{
		Stream: "request:" + certifiedRequest, Seq: 1, Action: "decide", Outcome: audit.Done, At: at, Request: certifiedRequest, Subject: certifiedRequest, Actor: certifiedRequest,
		Version: 2, Digest: digest, Acting: "CALDICOTT_GUARDIAN", Appointment: certifiedRequest, Facts: map[string]string{"decision": "APPROVE"}, Nonce: [16]byte{1},
	}.Canon()
	if err != nil {
		t.Fatal(err)
	}
	leaf, other := merkle.Leaf(canon), merkle.Hash{1}
	word, err := certificate.NewWord("rationale", "Within the law.")
	if err != nil {
		t.Fatal(err)
	}
	var lines []certificate.Line
	for name, value := range map[string]string{
		"organisation": "TST01", "request": certifiedRequest, "decision": certifiedRequest, "deed": "decide", "version": "2", "digest": digest,
		"outcome": "APPROVE", "decided-at": at.Format(time.RFC3339Nano), "decided-by": "u-guardian", "person": certifiedRequest,
		"capacity": "CALDICOTT_GUARDIAN", "appointment": certifiedRequest, "rationale": word.Digest(), "entry": "request:" + certifiedRequest + " 1",
		"leaf": leaf.String(), "issued-at": at.Format(time.RFC3339Nano),
	} {
		if change != nil {
			value = change(name, value)
		}
		lines = append(lines, certificate.Line{Name: name, Value: value})
	}
	c, err := certificate.New(testOrigin, lines...)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := receipt.NewSigner([]notary.Key{k.receipts}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.State(c.Text())
	if err != nil {
		t.Fatal(err)
	}
	tree := merkle.Tree{Size: 2, Root: merkle.Root([]merkle.Hash{leaf, other})}
	checkpoint, err := note.Sign(&note.Note{Text: merkle.Checkpoint{Origin: testOrigin, Tree: tree}.Text()}, k.log)
	if err != nil {
		t.Fatal(err)
	}
	proof := merkle.Proof{Index: 0, Path: []merkle.Hash{other}, Note: string(checkpoint)}.Text()
	return certificate.Document{Certificate: signed, Entry: string(canon), Proof: proof, Words: []certificate.Word{word}}
}

func TestACertificateIsCheckedWithNothingButKeys(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	check := func(text, keys string) said {
		return do(t, nil, "audit", "certificate", "check", written(t, "certificate", text), "--keys", keys)
	}
	asJSON := func(d certificate.Document) string {
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	d := k.certified(t, nil)
	for name, text := range map[string]string{"text": d.Text(), "JSON": asJSON(d)} {
		if s := check(text, k.public); s.code != exitOK || !strings.Contains(s.out, "APPROVE") || strings.Contains(s.out, "Within the law") {
			t.Errorf("%s: exit %d %s%s", name, s.code, s.out, s.err)
		}
	}
	for name, value := range map[string]string{
		"outcome": "REFUSE", "digest": strings.Repeat("cd", 32), "deed": "set_aside", "entry": "request:x 1", "capacity": "DEPUTY_GUARDIAN",
		"decided-at": "2026-11-22T09:00:00Z", "request": "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22", "decision": "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22", "appointment": "0199dbf1-2a40-7c31-9e57-5b0a4d1f6c22",
	} { // the service's own key signs what its trail does not say
		lied := k.certified(t, func(n, v string) string {
			if n == name {
				return value
			}
			return v
		})
		if s := check(lied.Text(), k.public); s.code != exitTampered || !strings.Contains(s.out, name) {
			t.Errorf("%s: exit %d %s%s", name, s.code, s.out, s.err)
		}
	}
	changed := func(change func(*certificate.Document)) certificate.Document {
		other := d
		other.Words = append([]certificate.Word(nil), d.Words...)
		change(&other)
		return other
	}
	hash := merkle.Hash{1}
	for name, c := range map[string]struct {
		document certificate.Document
		want     int
	}{
		"changed after signing": {changed(func(d *certificate.Document) { d.Certificate = strings.Replace(d.Certificate, "APPROVE", "REFUSE", 1) }), exitTampered},
		"another entry":         {changed(func(d *certificate.Document) { d.Entry = strings.Replace(d.Entry, "decide", "submit", 1) }), exitTampered},
		"other words":           {changed(func(d *certificate.Document) { d.Words[0].Text = "For fun." }), exitTampered},
		"another path": {changed(func(d *certificate.Document) {
			d.Proof = strings.Replace(d.Proof, hash.String(), merkle.Hash{2}.String(), 1)
		}), exitTampered},
		"no proof": {changed(func(d *certificate.Document) { d.Proof = "" }), exitUnknown},
	} {
		if s := check(asJSON(c.document), k.public); s.code != c.want {
			t.Errorf("%s: exit %d %s%s", name, s.code, s.out, s.err)
		}
	}
	var result struct {
		Holds  bool
		Origin string
	}
	s := do(t, nil, "audit", "certificate", "check", written(t, "certificate", d.Text()), "--keys", k.public, "--json")
	if err := json.Unmarshal([]byte(s.out), &result); err != nil || s.code != exitOK || !result.Holds || result.Origin != testOrigin {
		t.Errorf("for programs: exit %d %s %v", s.code, s.out, err)
	}
	if s := check(d.Text(), newKeyring(t).public); s.code != exitUnknown {
		t.Errorf("keys of another service: exit %d %s%s", s.code, s.out, s.err)
	}
	if s := check(hex.EncodeToString(hash[:]), k.public); s.code != exitFault {
		t.Errorf("no certificate: exit %d", s.code)
	}
}
