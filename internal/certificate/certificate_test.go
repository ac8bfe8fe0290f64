package certificate_test

import (
	"crypto/rand"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/certificate"
)

const origin = "trust.example/caldicott"

// lines is the least that a certificate says, and one line that may stand often.
func lines() []certificate.Line {
	all := []certificate.Line{{"condition", "C2 ONGOING - sha256:00"}, {"condition", "C1 DEADLINE 2026-11-30 sha256:01"}, {"reference", ""}}
	for _, name := range []string{
		"issued-at", "leaf", "entry", "decided-by", "decided-at", "outcome", "digest", "version", "deed", "decision", "request", "organisation",
	} {
		all = append(all, certificate.Line{Name: name, Value: "x " + name})
	}
	return all
}

func written(t testing.TB) certificate.Certificate {
	t.Helper()
	c, err := certificate.New(origin, lines()...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLinesStandInTheOrderOfTheFormWhoeverGivesThem(t *testing.T) {
	t.Parallel()
	c := written(t)
	text := c.Text()
	if !strings.HasPrefix(text, origin+"/certificate\norganisation x organisation\nrequest x request\n") || strings.Contains(text, "reference") {
		t.Error(text)
	}
	if again, err := certificate.Parse(text); err != nil || !reflect.DeepEqual(again, c) || again.Get("outcome") != "x outcome" || again.Get("person") != "" {
		t.Errorf("%+v %v", again, err)
	}
}

func TestWhatIsNotInTheFormIsNoCertificate(t *testing.T) {
	t.Parallel()
	text := written(t).Text()
	for name, wrong := range map[string]string{
		"empty": "", "another first line": strings.Replace(text, "/certificate", "/receipt", 1),
		"a line twice":         strings.Replace(text, "outcome x outcome\n", "outcome x outcome\noutcome REFUSE\n", 1),
		"a line missing":       strings.Replace(text, "outcome x outcome\n", "", 1),
		"a line unknown":       text + "remark x\n",
		"lines the wrong way":  strings.Replace(text, "deed x deed\nversion x version\n", "version x version\ndeed x deed\n", 1),
		"no value":             strings.Replace(text, "outcome x outcome\n", "outcome \n", 1),
		"words":                strings.Replace(text, "x outcome", "x outcome\u202e", 1),
		"without its last end": strings.TrimSuffix(text, "\n"),
	} {
		if _, err := certificate.Parse(wrong); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	if _, err := certificate.New(origin, append(lines(), certificate.Line{Name: "outcome", Value: "a\nb"})...); err == nil {
		t.Error("a value of two lines was taken")
	}
}

func TestACertificateComesBackFromEitherForm(t *testing.T) {
	t.Parallel()
	proof := "c2sp.org/tlog-proof@v1\nindex 1\n\nnote\n\n— k x\n"
	for _, d := range []certificate.Document{
		{Certificate: "a\nb\n\n— k x\n", Entry: `{"a":1}`}, {Certificate: "a\nb\n\n— k x\n", Entry: `{"a":1}`, Proof: proof},
	} {
		if got, err := certificate.Read(d.Text()); err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%+v %v", got, err)
		}
		d.Words = []certificate.Word{{Of: "rationale", Text: "r", Salt: "00"}}
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := certificate.Read(string(b)); err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%+v %v", got, err)
		}
	}
}

func TestWordsAreBoundAndCannotBeGuessed(t *testing.T) {
	t.Parallel()
	w, err := certificate.NewWord("C1", "Within the month.")
	if err != nil {
		t.Fatal(err)
	}
	again, err := certificate.NewWord("C1", "Within the month.")
	if err != nil || again.Digest() == w.Digest() {
		t.Error("the same words have the same digest", err)
	}
	c, err := certificate.New(origin, append(lines(), certificate.Line{Name: "condition", Value: "C1 DEADLINE - " + w.Digest()})...)
	if err != nil || !c.Bound(w) {
		t.Error(err, "it is not bound")
	}
	for _, other := range []certificate.Word{{"C2", w.Text, w.Salt}, {"C1", "Some day.", w.Salt}, {"rationale", w.Text, w.Salt}, again} {
		if c.Bound(other) {
			t.Errorf("%+v is bound", other)
		}
	}
}

func TestOnlyTheKeyOfTheNameSigns(t *testing.T) {
	t.Parallel()
	keys := map[string]note.Verifier{}
	sign := func(name string) string {
		secret, public, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(secret)
		if err != nil {
			t.Fatal(err)
		}
		if keys[name], err = note.NewVerifier(public); err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: written(t).Text()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	ours, others := sign(origin+"/receipt"), sign(origin)
	all := note.VerifierList(keys[origin], keys[origin+"/receipt"])
	if c, err := certificate.Open(ours, "/receipt", all); err != nil || c.Origin != origin {
		t.Errorf("%+v %v", c, err)
	}
	if _, err := certificate.Open(others, "/receipt", all); err == nil {
		t.Error("the log's key was taken for it")
	}
	if _, err := certificate.Open(strings.Replace(ours, "x outcome", "y outcome", 1), "/receipt", all); err == nil {
		t.Error("it was changed")
	}
}

// FuzzRead: nothing that is read is lost, and nothing makes it fall over.
func FuzzRead(f *testing.F) {
	f.Add("a\n\n— k x\n\nentry {}\n")
	f.Add(`{"certificate":"a"}`)
	f.Add(written(f).Text())
	f.Fuzz(func(t *testing.T, file string) {
		if d, err := certificate.Read(file); err == nil && !strings.HasPrefix(file, "{") && d.Text() != file {
			t.Errorf("%q was read as %q", file, d.Text())
		}
		if c, err := certificate.Parse(file); err == nil && c.Text() != file {
			t.Errorf("%q was read as %q", file, c.Text())
		}
	})
}
