package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"github.com/caldicott/caldicott/internal/caldicott"
)

const (
	requestID      = "018f3c1e-7a10-7c3d-9b1f-0a1b2c3d4e5f"
	organisationID = "018f3c1e-7a10-7c3d-9b1f-aaaaaaaaaaaa"
	personID       = "018f3c1e-7a10-7c3d-9b1f-bbbbbbbbbbbb"
)

func fullEntry() Entry {
	return Entry{
		Stream: caldicott.RequestStream(requestID), Seq: 7, Prev: LeafHash([]byte("before")),
		Action: "decide", Outcome: Done, At: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC),
		Actor: personID, Organisation: organisationID, Request: requestID, Subject: personID,
		From: "in_review", To: "decided", Version: 3, Digest: strings.Repeat("0d", 32),
		Policy: strings.Repeat("a1", 32), Line: "policy.csv:41",
		Acting: "guardian", Appointment: personID, Delegation: organisationID,
		Facts:  map[string]string{"outcome": "approved", "conditions": "2", "recipient": "nhs/north-west+1"},
		Nonce:  [16]byte{0: 0xc0, 15: 0xff},
		Detail: Commit([32]byte{1}, []byte("a reason")),
	}
}

// The bytes of an entry are fixed for ever: whoever must change testdata/entry.json must call it v 2.
func TestTheBytesOfAnEntryNeverChange(t *testing.T) {
	canon, err := fullEntry().Canon()
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/entry.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(canon, bytes.TrimSuffix(golden, []byte("\n"))) {
		t.Errorf("got\n%s\nwant\n%s", canon, golden)
	}
	leaf := LeafHash(canon)
	if got, want := hex.EncodeToString(leaf[:]), "8dcffb1d9d9b22985a8cbfb2ebe3dc31d2b43759111ca45c0205556aa36171b3"; got != want {
		t.Errorf("leaf hash %s, want %s", got, want)
	}
}

func TestACommitmentIsThatOfTheDesign(t *testing.T) {
	salt := [32]byte{1, 2, 3}
	got := Commit(salt, []byte("body"))
	want := sha256.Sum256(slices.Concat([]byte("cg/detail/v1"), salt[:], []byte("body")))
	if got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestAnEntryThatBreaksARuleIsNotWritten(t *testing.T) {
	for name, spoil := range map[string]func(*Entry){
		"quotation mark":          func(e *Entry) { e.Line = `a"b` },
		"backslash":               func(e *Entry) { e.Rule = `a\b` },
		"control character":       func(e *Entry) { e.Acting = "a\nb" },
		"letter beyond ASCII":     func(e *Entry) { e.Acting = "é" },
		"markup":                  func(e *Entry) { e.Acting = "<b>" },
		"invalid UTF-8":           func(e *Entry) { e.Acting = "\xff" },
		"no action":               func(e *Entry) { e.Action = "" },
		"capital in an action":    func(e *Entry) { e.Action = "Decide" },
		"another outcome":         func(e *Entry) { e.Outcome = "maybe" },
		"capital in a uuid":       func(e *Entry) { e.Actor = strings.ToUpper(personID) },
		"short digest":            func(e *Entry) { e.Digest = "ab" },
		"fact with a bad name":    func(e *Entry) { e.Facts = map[string]string{"A": "b"} },
		"fact that is empty":      func(e *Entry) { e.Facts = map[string]string{"a": ""} },
		"no time":                 func(e *Entry) { e.At = time.Time{} },
		"time too fine":           func(e *Entry) { e.At = e.At.Add(1) },
		"time out of range":       func(e *Entry) { e.At = time.UnixMicro(1 << 53) },
		"no nonce":                func(e *Entry) { e.Nonce = [16]byte{} },
		"negative seq":            func(e *Entry) { e.Seq = -1 },
		"negative version":        func(e *Entry) { e.Version = -1 },
		"prev before the first":   func(e *Entry) { e.Seq = 1 },
		"prev without seq":        func(e *Entry) { e.Seq = 0 },
		"refusal in a chain":      func(e *Entry) { e.Outcome = Refused },
		"reading in a chain":      func(e *Entry) { e.Action = Viewed },
		"chain of a person":       func(e *Entry) { e.Stream = "person:" + personID },
		"stream of another":       func(e *Entry) { e.Stream = caldicott.RequestStream(personID) },
		"stream without its name": func(e *Entry) { e.Stream = "request" },
		"stream of another house": func(e *Entry) { e.Stream = caldicott.OrganisationStream(personID) },
		"no stream":               func(e *Entry) { e.Stream = "" },
		"too long":                func(e *Entry) { e.Line = strings.Repeat("a", maxCanon) },
	} {
		t.Run(name, func(t *testing.T) {
			e := fullEntry()
			spoil(&e)
			if canon, err := e.Canon(); err == nil {
				t.Errorf("written: %s", canon)
			}
		})
	}
}

func TestOnlyWhatWasWrittenIsRead(t *testing.T) {
	canon, err := fullEntry().Canon()
	if err != nil {
		t.Fatal(err)
	}
	for old, changed := range map[string]string{
		`{"acting"`:        ` {"acting"`,
		`"v":1,`:           ``,
		`"v":1`:            `"v":2`,
		`"version":3`:      `"version":3.0`,
		`"seq":7`:          `"seq":07`,
		`"to"`:             `"TO"`,
		`"to":"decided"`:   `"to":null`,
		`"actor"`:          `"actors"`,
		`"guardian"`:       `"\u0067uardian"`,
		`"decide",`:        `"decide","action":"submit",`,
		`"conditions":"2"`: `"conditions":"2","conditions":"2"`,
		`policy.csv:41`:    `policy.csv\u003a41`,
		`"nonce":"c0`:      `"nonce":"C0`,
		`"version":3}`:     `"version":3}{}`,
	} {
		spoiled := strings.Replace(string(canon), old, changed, 1)
		if spoiled == string(canon) {
			t.Fatalf("%s does not stand in %s", old, canon)
		}
		if _, err := ParseEntry([]byte(spoiled)); err == nil {
			t.Errorf("read: %s", spoiled)
		}
		if _, err := decode([]byte(spoiled)); err == nil && !strings.Contains(changed, "C0") {
			t.Errorf("the verifier reads: %s", spoiled)
		}
	}
}

func TestTheVerifierMissesWhatMustBeThere(t *testing.T) {
	const whole = `{"action":"viewed","at":1,"nonce":"00000000000000000000000000000001","outcome":"done","stream":"policy","v":1}`
	if _, err := decode([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{`"action":"viewed",`, `"at":1,`, `"nonce":"00000000000000000000000000000001",`, `"outcome":"done",`, `"stream":"policy",`} {
		if _, err := decode([]byte(strings.Replace(whole, member, "", 1))); err == nil {
			t.Errorf("read without %s", member)
		}
	}
}

func TestEveryEntryIsCanonicalAndComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEntry(t)
		canon, err := e.Canon()
		if err != nil {
			t.Fatal(err)
		}
		again, err := jcs.Transform(canon)
		if err != nil || !bytes.Equal(again, canon) {
			t.Fatalf("not canonical: %v\n%s\n%s", err, canon, again)
		}
		back, err := ParseEntry(canon)
		if err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("came back as %+v (%v), was %+v", back, err, e)
		}
		if said, err := decode(canon); err != nil || string(said[sayStream]) != e.Stream || whole(said[saySeq]) != int64(e.Seq) {
			t.Fatalf("the verifier reads %+v (%v)", said, err)
		}
	})
}

func anyEntry(t *rapid.T) Entry {
	uuid := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`))
	code := rapid.StringMatching(`[a-z_]{1,30}`)
	word := rapid.StringMatching(`[A-Za-z0-9 _.:/@+-]{1,60}`)
	maybe := func(g *rapid.Generator[string], label string) string {
		return rapid.OneOf(rapid.Just(""), g).Draw(t, label)
	}
	digest := rapid.StringMatching(`[0-9a-f]{64}`)
	e := Entry{
		Stream: "access:20260102", Action: code.Draw(t, "action"), Outcome: rapid.SampledFrom([]string{Done, Refused}).Draw(t, "outcome"),
		Rule: maybe(word, "rule"), At: time.UnixMicro(rapid.Int64Range(1, maxMicro).Draw(t, "at")).UTC(),
		Actor: uuid.Draw(t, "actor"), Organisation: uuid.Draw(t, "organisation"), Request: uuid.Draw(t, "request"), Subject: uuid.Draw(t, "subject"),
		From: maybe(code, "from"), To: maybe(code, "to"), Version: rapid.IntRange(0, maxCount).Draw(t, "version"),
		Digest: maybe(digest, "digest"), Policy: maybe(digest, "policy"), Line: maybe(word, "line"),
		Acting: maybe(word, "acting"), Appointment: uuid.Draw(t, "appointment"), Delegation: uuid.Draw(t, "delegation"),
		Nonce: [16]byte{rapid.ByteMin(1).Draw(t, "nonce")},
	}
	if facts := rapid.MapOfN(code, word, 0, 5).Draw(t, "facts"); len(facts) > 0 {
		e.Facts = facts
	}
	if rapid.Bool().Draw(t, "detailed") {
		e.Detail = Commit([32]byte{}, []byte(e.Line))
	}
	if e.Request != "" && e.Outcome == Done && !isReading(e.Action) {
		e.Stream, e.Seq = caldicott.RequestStream(e.Request), rapid.IntRange(0, maxCount).Draw(t, "seq")
	}
	if e.Seq > 1 {
		e.Prev = LeafHash([]byte(e.Action))
	}
	return e
}

// Whatever ParseEntry or the verifier accepts is canonical in the eyes of a third party.
func FuzzParseEntry(f *testing.F) {
	canon, err := fullEntry().Canon()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canon)
	f.Add([]byte(`{"action":"viewed","at":1,"nonce":"00000000000000000000000000000001","outcome":"done","stream":"access:1","v":1}`))
	f.Add([]byte(`{"facts":{},"v":1}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		_, parsed := ParseEntry(input)
		_, decoded := decode(input)
		if parsed == nil && decoded != nil {
			t.Fatalf("the verifier refuses what was written: %v\n%s", decoded, input)
		}
		if decoded != nil {
			return
		}
		if again, err := jcs.Transform(input); err != nil || !bytes.Equal(again, input) {
			t.Fatalf("accepted, but not canonical: %v\n%s", err, input)
		}
	})
}
