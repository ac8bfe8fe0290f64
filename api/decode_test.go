package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caldicott/caldicott/internal/caldicott"
)

func TestWhatIsNotTheContractCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, code, field string }{
		"nothing":                       {``, "UNREADABLE", ""},
		"null":                          {`null`, "UNREADABLE", ""},
		"a list":                        {`[]`, "UNREADABLE", ""},
		"a text":                        {`"title"`, "UNREADABLE", ""},
		"cut off":                       {`{"title":"A"`, "UNREADABLE", ""},
		"cut off in a member":           {`{"title":`, "UNREADABLE", "title"},
		"a comma too many":              {`{"title":"A",}`, "UNREADABLE", ""},
		"a comma too few":               {`{"title":"A" "kind":"RESEARCH"}`, "UNREADABLE", ""},
		"a bare word":                   {`{"title":A}`, "UNREADABLE", "title"},
		"something after it":            {`{"title":"A"} {}`, "UNREADABLE", ""},
		"a bracket after it":            {`{"title":"A"}]`, "UNREADABLE", ""},
		"a byte order mark":             {"\ufeff{}", "UNREADABLE", ""},
		"an unknown member":             {`{"titel":"A"}`, "UNKNOWN_FIELD", "titel"},
		"a member in capitals":          {`{"Title":"A"}`, "UNKNOWN_FIELD", "Title"},
		"an unknown member below":       {`{"recipients":[{},{"role":"x"}]}`, "UNKNOWN_FIELD", "recipients[1].role"},
		"a member that is a number":     {`{"943 476 5919":"x"}`, "UNKNOWN_FIELD", "(unnamed)"},
		"a member with a long number":   {`{"n9434765919":"x"}`, "UNKNOWN_FIELD", "(unnamed)"},
		"a Go name":                     {`{"Content":{}}`, "UNKNOWN_FIELD", "Content"},
		"the same twice":                {`{"title":"A","title":"A"}`, "UNREADABLE", "title"},
		"the same twice by an escape":   {`{"title":"A","t\u0069tle":"A"}`, "UNREADABLE", "title"},
		"the same twice below":          {`{"legal":{"art6":[],"art6":[]}}`, "UNREADABLE", "legal.art6"},
		"a number for a text":           {`{"title":7}`, "UNREADABLE", "title"},
		"a text for a list":             {`{"recipients":"TST02"}`, "UNREADABLE", "recipients"},
		"an object for a list":          {`{"data_items":{}}`, "UNREADABLE", "data_items"},
		"a list for an object":          {`{"legal":[]}`, "UNREADABLE", "legal"},
		"a text for an object":          {`{"legal":"x"}`, "UNREADABLE", "legal"},
		"a text for a boolean":          {`{"is_individual_care":"true"}`, "UNREADABLE", "is_individual_care"},
		"an object for a text":          {`{"title":{}}`, "UNREADABLE", "title"},
		"a fraction":                    {`{"recipients":[{"headcount":1.5}]}`, "UNREADABLE", "recipients[0].headcount"},
		"a whole number as a fraction":  {`{"recipients":[{"headcount":1.0}]}`, "UNREADABLE", "recipients[0].headcount"},
		"an exponent":                   {`{"recipients":[{"headcount":1e3}]}`, "UNREADABLE", "recipients[0].headcount"},
		"minus nought":                  {`{"recipients":[{"headcount":-0}]}`, "UNREADABLE", "recipients[0].headcount"},
		"a number beyond the database":  {`{"recipients":[{"headcount":2147483648}]}`, "UNREADABLE", "recipients[0].headcount"},
		"a number beyond everything":    {`{"recipients":[{"headcount":1e999}]}`, "UNREADABLE", "recipients[0].headcount"},
		"null in a list":                {`{"source_systems":[null]}`, "UNREADABLE", "source_systems[0]"},
		"null in a list of objects":     {`{"data_items":[null]}`, "UNREADABLE", "data_items[0]"},
		"broken UTF-8":                  {"{\"title\":\"a\xff\"}", "UNREADABLE", "title"},
		"a half of UTF-8":               {"{\"purpose\":\"\xc3\"}", "UNREADABLE", "purpose"},
		"broken UTF-8 in a name":        {"{\"\xff\":1}", "UNREADABLE", ""},
		"NUL":                           {"{\"title\":\"a\x00\"}", "UNREADABLE", "title"},
		"NUL escaped":                   {`{"title":"a\u0000"}`, "UNREADABLE", "title"},
		"NUL escaped after a backslash": {`{"title":"a\\\u0000"}`, "UNREADABLE", "title"},
		"half a surrogate pair":         {`{"title":"\ud83d"}`, "UNREADABLE", "title"},
		"the wrong half first":          {`{"title":"\ude00\ud83d"}`, "UNREADABLE", "title"},
		"a half and a letter":           {`{"title":"\ud83d\u0041"}`, "UNREADABLE", "title"},
		"a half and an escape":          {`{"title":"\ud83d\n"}`, "UNREADABLE", "title"},
		"deep lists":                    {`{"recipients":` + strings.Repeat("[", 100_000), "UNREADABLE", "recipients[0]"},
		"deep objects":                  {strings.Repeat(`{"legal":`, 100_000), "UNKNOWN_FIELD", "legal.legal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body Drafting
			err := Decode(strings.NewReader(c.body), &body)
			e, ok := errors.AsType[*caldicott.Error](err)
			if !ok || e.Kind != caldicott.Unreadable {
				t.Fatalf("was read: %v", err)
			}
			if e.Code != c.code || len(e.Fields) != 1 || e.Fields[0].Field != c.field || e.Fields[0].Code != c.code {
				t.Errorf("%s at %v, not %s at %q", e.Code, e.Fields, c.code, c.field)
			}
		})
	}
}

func TestWhatTheContractAllowsCanBeRead(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, " {\t}\r\n", `{"title":null,"recipients":null,"legal":null,"is_individual_care":null,"external_requester":null}`,
		`{"title":"\ud83d\ude00 \u00e9 \\u0000 é 😀"}`, `{"recipients":[{"headcount":0},{"headcount":2147483647}]}`,
		`{"not_identifiers":[{"field":"title","reason":"a batch"}],"title":"A"}`,
	} {
		var got Drafting
		if err := Decode(strings.NewReader(body), &got); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	var got Drafting
	if err := Decode(strings.NewReader(`{"title":"\ud83d\ude00 \\u0000"}`), &got); err != nil || got.Title != `😀 \u0000` {
		t.Errorf("%q, %v", got.Title, err)
	}
}

func TestADeedWithoutWordsNeedsNoBody(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", " \n", "{}"} {
		if err := Decode(strings.NewReader(body), &Triaging{}); err != nil {
			t.Errorf("triage with %q: %v", body, err)
		}
		if err := Decode(strings.NewReader(body), &Closing{}); err != nil {
			t.Errorf("close with %q: %v", body, err)
		}
	}
	if err := Decode(strings.NewReader(""), &Withdrawing{}); err == nil {
		t.Error("withdraw without a body was read")
	}
}

func TestARecipientIsACodeOrAPosition(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{`"TST05"`: "TST05", `"0"`: "0", `0`: "0", `12`: "12", `null`: ""} {
		var got Disclosing
		if err := Decode(strings.NewReader(`{"recipient":`+body+`}`), &got); err != nil || string(got.Recipient) != want {
			t.Errorf("%s: %q, %v", body, got.Recipient, err)
		}
	}
	for _, body := range []string{`-1`, `1.5`, `true`, `[]`, `{}`, `1e2`} {
		if err := Decode(strings.NewReader(`{"recipient":`+body+`}`), &Disclosing{}); err == nil {
			t.Errorf("%s was read", body)
		}
	}
}

func TestABodyThatDoesNotArriveIsNoBody(t *testing.T) {
	t.Parallel()
	large := http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader(`{"title":"long"}`)), 4)
	if err := Decode(large, &Drafting{}); caldicott.KindOf(err) != caldicott.TooLarge {
		t.Errorf("a body beyond the bound: %v", err)
	}
	if err := Decode(iotest.ErrReader(io.ErrUnexpectedEOF), &Drafting{}); caldicott.KindOf(err) != caldicott.Unreadable {
		t.Errorf("a body cut off: %v", err)
	}
}

// scenarioContents are the contents of the written cases, as bodies.
func scenarioContents(t testing.TB) [][]byte {
	t.Helper()
	data, err := os.ReadFile("../testdata/scenarios.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Scenarios []map[string]json.RawMessage `json:"scenarios"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var bodies [][]byte
	for _, s := range file.Scenarios {
		for _, other := range []string{"id", "reference", "submitted_at", "expected", "setup", "steps", "note", "statutory_clock"} {
			delete(s, other)
		}
		body, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

func TestTheWrittenCasesCanBeReadAndAreWellFormed(t *testing.T) {
	t.Parallel()
	for _, body := range scenarioContents(t) {
		var got Drafting
		if err := Decode(bytes.NewReader(body), &got); err != nil {
			t.Fatalf("%v in %.80s", err, body)
		}
		if wrong := Check(got); wrong != nil {
			t.Errorf("%s: %v", got.Title, wrong)
		}
	}
}

// FuzzDecode: nothing that is sent may stop the service, and what is read must say the same when it is written again.
func FuzzDecode(f *testing.F) {
	for _, body := range scenarioContents(f) {
		f.Add(body)
	}
	for _, body := range []string{``, `{}`, `{"title":"\ud83d\ude00"}`, `{"recipients":[{"headcount":0}]}`, `{"title":`,
		`{"not_identifiers":[{"field":"x","reason":"y"}]}`, `{"legal":{"art6":["6_1_E"],"s251":null}}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var first, second Drafting
		if err := Decode(bytes.NewReader(body), &first); err != nil {
			if caldicott.KindOf(err) != caldicott.Unreadable {
				t.Fatalf("a kind that the wire does not know: %v", err)
			}
			return
		}
		Check(first)
		written, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := Decode(bytes.NewReader(written), &second); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if in, out := plain(t, body), plain(t, written); !reflect.DeepEqual(in, out) {
			t.Errorf("read %s, wrote %s", in, out)
		}
	})
}

// plain reads any JSON without what means nothing here: null, and texts, lists and objects that are empty.
func plain(t *testing.T, body []byte) any {
	t.Helper()
	var doc any
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	return pruned(doc)
}

func pruned(doc any) any {
	switch doc := doc.(type) {
	case map[string]any:
		for name, v := range doc {
			if v = pruned(v); v == nil || v == "" {
				delete(doc, name)
				continue
			}
			doc[name] = v
		}
		if len(doc) == 0 {
			return nil
		}
	case []any:
		for i, v := range doc {
			doc[i] = pruned(v)
		}
		if len(doc) == 0 {
			return nil
		}
	}
	return doc
}
