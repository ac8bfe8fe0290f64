package notary_test

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/merkle"
	"github.com/caldicott/caldicott/internal/notary"
)

// A statement is never what a checkpoint is: that is another promise.
func TestTheVoiceSignsNoCheckpoint(t *testing.T) {
	t.Parallel()
	const origin = "trust.example/caldicott"
	secret, public, err := notary.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := notary.ParseKeys(strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	v := notary.Voice{Proofs: notary.Proofs{Origin: origin}, Keys: keys}
	for _, text := range []string{
		merkle.Checkpoint{Origin: origin, Tree: merkle.Tree{Size: 7}}.Text(), merkle.Checkpoint{Origin: "another", Tree: merkle.Tree{Size: 7}}.Text(),
		origin + "\n7\nroot\nextension\n", origin + "\n", "no end", "",
	} {
		if signed, err := v.Sign(text); err == nil {
			t.Errorf("it signs %q", signed)
		}
	}
	signed, err := v.Sign(origin + "/statement/v1\ncount 0\n")
	if err != nil {
		t.Fatal(err)
	}
	known, err := notary.Verifiers(public)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := note.Open([]byte(signed), known); err != nil || n.Text != origin+"/statement/v1\ncount 0\n" {
		t.Errorf("%q is no signed note: %v", signed, err)
	}
	if _, err := (notary.Voice{Proofs: notary.Proofs{Origin: origin}}).Sign("x\n"); err == nil {
		t.Error("it signs without a key")
	}
}
