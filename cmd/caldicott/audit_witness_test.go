package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notify"
	"github.com/caldicott/caldicott/internal/witness"
)

// lines is what a running command says, for somebody who waits for it.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// said gives the value of the field in the line with that message, once there is one.
func (l *lines) said(message, field string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range strings.Split(l.text.String(), "\n") {
		var record map[string]any
		if json.Unmarshal([]byte(line), &record) == nil && record["msg"] == message {
			s, _ := record[field].(string)
			return s
		}
	}
	return ""
}

// A witness is brought up as the operator does, by its key, its logs and its folder, and stops in good order.
func TestAWitnessRunsWithoutTheHouse(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	made := do(t, nil, "audit", "witness", "keygen", "witness.example/w1", "--out", at("key"))
	verifier, err := witness.NewVerifier(strings.TrimSpace(made.out))
	if made.code != 0 || err != nil {
		t.Fatalf("%+v %v", made, err)
	}
	if again := do(t, nil, "audit", "witness", "keygen", "witness.example/w1", "--out", at("key")); again.code == 0 {
		t.Error("a key is written over")
	}
	if info, err := os.Stat(at("key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	secret, vkey, err := note.GenerateKey(nil, "trust.example/caldicott")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("logs"), []byte("log "+vkey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"audit", "witness", "--address", "127.0.0.1:0", "--key", at("key"), "--logs", at("logs"), "--state"}
	if lost := do(t, nil, append(args, at("lost"))...); lost.code == 0 {
		t.Error("a witness without a memory serves")
	}
	if err := os.Mkdir(at("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var errs lines
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, append(args, at("state")), nil, &bytes.Buffer{}, &errs) }()
	address := ""
	for address == "" {
		select {
		case code := <-ended:
			t.Fatalf("it ended with %d: %s", code, errs.text.String())
		case <-time.After(5 * time.Millisecond):
			address = errs.said("serving", "address")
		}
	}
	checkpoint := merkle.Checkpoint{Origin: "trust.example/caldicott", Tree: merkle.Tree{Size: 1, Root: merkle.Leaf([]byte("x"))}}
	signed, err := note.Sign(&note.Note{Text: checkpoint.Text()}, signer)
	if err != nil {
		t.Fatal(err)
	}
	client := witness.Client{URL: "http://" + address, Verifier: verifier}
	if _, err := client.Add(t.Context(), merkle.Submission{Note: string(signed)}); err != nil {
		t.Error(err)
	}
	if second := do(t, nil, append(args, at("state"))...); second.code == 0 || !strings.Contains(second.err, "another witness") {
		t.Errorf("%+v", second)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("it ended with %d: %s", code, errs.text.String())
	}
}

func TestSettingsOfWitnessesAndAnchorsThatCannotBeMetAreNamed(t *testing.T) {
	t.Parallel()
	_, vkey, err := witness.GenerateKey("w")
	if err != nil {
		t.Fatal(err)
	}
	one := `[{"name": "a", "url": "https://w.example", "vkey": "` + vkey + `"}]`
	for name, c := range map[string]Config{"CALDICOTT_WITNESSES": {Witnesses: "{}"}, "CALDICOTT_WITNESS_QUORUM": {Witnesses: one, WitnessQuorum: 2}} {
		if _, err := publisher(c, "o", nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := publisher(Config{Witnesses: one}, "o", nil); err != nil || len(p.Witnesses) != 1 {
		t.Errorf("%v", err)
	}
	if p, err := publisher(Config{}, "o", nil); p != nil || err != nil {
		t.Errorf("%v", err)
	}
	empty := filepath.Join(t.TempDir(), "ca")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{"CALDICOTT_TSA_CA": {TSAURL: "https://tsa.example", TSACA: empty}, "CALDICOTT_ANCHOR_MAIL": {AnchorMail: "a@example.nhs.uk"}} {
		if _, err := anchoring(c, "o", nil, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	all := Config{TSAURL: "https://tsa.example", AnchorDir: t.TempDir(), AnchorMail: "a@example.nhs.uk"}
	if d, err := anchoring(all, "o", nil, &notify.Mail{}); err != nil || len(d.Anchors) != 3 {
		t.Errorf("%v", err)
	}
	if d, err := anchoring(Config{}, "o", nil, nil); d != nil || err != nil {
		t.Errorf("%v", err)
	}
}
