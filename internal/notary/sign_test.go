package notary_test

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/notary"
)

func TestAFileOfKeysIsReadWithoutTellingThem(t *testing.T) {
	t.Parallel()
	secret, verifier, err := notary.GenerateKey("trust.example/log")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := notary.ParseKeys(strings.NewReader("# the log's key\n\n" + secret + "\n"))
	if err != nil || len(keys) != 1 || keys[0].Verifier() != verifier {
		t.Fatalf("%v %v", keys, err)
	}
	for _, bad := range []string{"", "# nothing", secret + "\n" + secret, secret + "\n" + secret[:len(secret)-4], strings.Replace(secret, "trust", "other", 1), verifier} {
		if _, err := notary.ParseKeys(strings.NewReader(bad)); err == nil || strings.Contains(err.Error(), secret[len(secret)-20:len(secret)-4]) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	secret, _, err := note.GenerateKey(strings.NewReader(strings.Repeat("x", 64)), "a")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(secret)
	f.Add("#\n" + secret + "\n" + secret)
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := notary.ParseKeys(strings.NewReader(text))
		for _, k := range keys {
			v, verr := note.NewVerifier(k.Verifier())
			signature, serr := k.Sign([]byte("x"))
			if err != nil || verr != nil || serr != nil || !v.Verify([]byte("x"), signature) || v.KeyHash() != k.KeyHash() {
				t.Errorf("%q: %v %v %v", text, err, verr, serr)
			}
		}
	})
}

func TestTheMemoryIsOldOrNewButNeverHalf(t *testing.T) {
	t.Parallel()
	file := notary.File(t.TempDir() + "/signed")
	if said, err := file.Recall(); said != "" || err != nil {
		t.Fatal(said, err)
	}
	for _, want := range []string{"one\n", "another\n"} {
		if err := file.Remember(want); err != nil {
			t.Fatal(err)
		}
		if said, err := file.Recall(); said != want || err != nil {
			t.Errorf("%q %v", said, err)
		}
	}
	if err := notary.File(t.TempDir() + "/nowhere/signed").Remember("x"); err == nil {
		t.Error("it is remembered nowhere")
	}
}
