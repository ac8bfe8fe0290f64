package audit

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/caldicott/caldicott/internal/witness"
)

// logKey is a key and what an auditor is given of it.
func logKey(t testing.TB, span string) (note.Signer, Keys) {
	t.Helper()
	secret, public, err := note.GenerateKey(nil, "log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeys(strings.NewReader("\n# from a letter\n" + public + span + " # the log's\n"))
	if err != nil {
		t.Fatal(err)
	}
	return signer, keys
}

func signed(t testing.TB, key note.Signer, tree tlog.Tree) Note {
	t.Helper()
	text, err := note.Sign(&note.Note{Text: checkpointText("log", tree)}, key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := ParseNote(string(text))
	if err != nil || n.Tree != tree || n.Origin != "log" {
		t.Fatalf("%+v %v", n, err)
	}
	return n
}

func TestASignatureIsBelievedByItsKeyInItsSpanOnly(t *testing.T) {
	key, keys := logKey(t, " 10 20")
	_, others := logKey(t, "")
	for size, want := range map[int64]error{9: ErrForged, 10: nil, 19: nil, 20: ErrForged} {
		n := signed(t, key, tlog.Tree{N: size, Hash: tlog.Hash{1}})
		if _, err := keys.check(n); !errors.Is(err, want) {
			t.Errorf("size %d: %v", size, err)
		}
		if _, err := others.check(n); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("another key: %v", err)
		}
		n.Signed = strings.Replace(n.Signed, "\nAQ", "\nAg", 1)
		if _, err := keys.check(n); !errors.Is(err, ErrForged) {
			t.Errorf("another root: %v", err)
		}
	}
}

// The key of receipts is in every replica: whoever has stolen it must not be able to sign a log.
func TestAKeyOfReceiptsMakesNoCheckpoint(t *testing.T) {
	secret, public, err := note.GenerateKey(nil, "log/receipt")
	if err != nil {
		t.Fatal(err)
	}
	thief, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	logSecret, logPublic, err := note.GenerateKey(nil, "log")
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewSigner(logSecret)
	if err != nil {
		t.Fatal(err)
	}
	both, err := ParseKeys(strings.NewReader(logPublic + "\n" + public + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	tree := tlog.Tree{N: 7, Hash: tlog.Hash{1}}
	if err := both.OfLog(signed(t, key, tree), "log"); err != nil {
		t.Error(err)
	}
	if err := both.OfLog(signed(t, key, tree), "another"); !errors.Is(err, ErrForged) {
		t.Errorf("of another log: %v", err)
	}
	if err := both.OfLog(signed(t, thief, tree), "log"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("signed with the key of receipts: %v", err)
	}
}

func TestAFileOfKeysThatSaysAnythingElseIsRefused(t *testing.T) {
	_, public, err := note.GenerateKey(nil, "log")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "# nothing\n", "log+1+x\n", public + " x\n", public + " -1\n", public + " 1 2 3\n", public + " 01\n"} {
		if _, err := ParseKeys(strings.NewReader(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// Who is given one file with all keys of a house gains nothing for those who have the lesser ones.
func TestKeysOfReceiptsAndWitnessesVouchForNoCheckpoint(t *testing.T) {
	_, public, err := note.GenerateKey(nil, "log")
	if err != nil {
		t.Fatal(err)
	}
	secret, receipts, err := note.GenerateKey(nil, "log/receipt")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	_, cosigns, err := witness.GenerateKey("w")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeys(strings.NewReader(public + "\n" + receipts + "\n" + cosigns + " # of our neighbours\n"))
	if err != nil {
		t.Fatal(err)
	}
	tree := tlog.Tree{N: 7, Hash: tlog.Hash{1}}
	for _, name := range []string{"log", "log/receipt"} {
		text, err := note.Sign(&note.Note{Text: checkpointText(name, tree)}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.check(Note{Origin: name, Tree: tree, Signed: string(text)}); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("a receipt's key has signed a checkpoint of %s: %v", name, err)
		}
	}
	v := Auditor{Keys: keys}.verifier(func(f Finding) {
		if !f.Note() || !strings.Contains(f.Text, cosigns) {
			t.Error(f)
		}
	})
	if v.aside(); v.sum.Notes != 1 {
		t.Errorf("%d notes", v.sum.Notes)
	}
	for _, text := range []string{receipts, cosigns, public + "\n" + strings.Replace(cosigns, "w+", "x+", 1)} {
		if _, err := ParseKeys(strings.NewReader(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	f.Add("log\n7\n" + emptyRoot.String() + "\n\n— log AAAA\n")
	f.Add("log\n7\n" + emptyRoot.String() + "\nmore\n\n— log AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseNote(text); err == nil && !strings.HasPrefix(text, checkpointText(n.Origin, n.Tree)) {
			t.Errorf("%q was read as %+v", text, n)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	f.Add("c2sp.org/tlog-proof@v1\nindex 0\n" + emptyRoot.String() + "\n\nlog\n2\n" + emptyRoot.String() + "\n\n— log AAAA\n")
	f.Add("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\nlog\n1\n" + emptyRoot.String() + "\n\n— log AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProof(text)
		if err == nil && (p.Index < 0 || p.N < 0 || !strings.HasSuffix(text, p.Signed)) {
			t.Errorf("%q was read as %+v", text, p)
		}
		if _, err := CheckProof(text, []byte(`{}`), Keys{}); err == nil {
			t.Errorf("%q proves nothing", text)
		}
	})
}

// Whatever a bundle and its index hold, each leaf is named and nothing is read twice.
func FuzzBundle(f *testing.F) {
	f.Add([]byte("\x00\x02{}\x00\x02{}"), []byte(`{"index":0,"entry":1,"stream":"a","seq":0}`))
	f.Add([]byte("\x00"), []byte(`{"index":`))
	f.Add([]byte("\xff\xff"), []byte(nil))
	f.Fuzz(func(t *testing.T, bundle, name []byte) {
		b := block{width: 3, names: [][]byte{name}}
		b.entries(bundle)
		n := 0
		for i := range b.rows {
			if b.rows[i].Index != int64(i) {
				t.Errorf("leaf %d is called %d", i, b.rows[i].Index)
			}
			n += len(b.rows[i].Canon)
		}
		if n > len(bundle) {
			t.Errorf("%d bytes were read of %d", n, len(bundle))
		}
		if index, entry, stream, seq, ok := parseName(name); ok {
			if index < 0 || entry < 0 || seq < 0 || !bytes.Contains(name, stream) {
				t.Errorf("%q was read as %d %d %q %d", name, index, entry, stream, seq)
			}
		}
	})
}

func TestTheTreeIsThatOfAnotherImplementation(t *testing.T) {
	var p peaks
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	full := map[int]int{}
	p.full = func(level int, _ tlog.Hash) { full[level]++ }
	for n := range int64(1000) {
		leaf := tlog.RecordHash([]byte{byte(n), byte(n >> 8)})
		hashes, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		p.add(leaf, 0)
		if want, err := tlog.TreeHash(n+1, reader); err != nil || p.tree().Hash != want {
			t.Fatalf("size %d: %s, want %s (%v)", n+1, p.tree().Hash, want, err)
		}
	}
	if len(full) != 1 || full[0] != 3 {
		t.Errorf("%v", full)
	}
}
