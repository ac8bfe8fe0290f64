package notify_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/notify"
)

const (
	newSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	oldSecret = "whsec_c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2ggZm9yIHVz"
	goodEntry = `{"name":"finance","organisation":"TST01","url":"https://hooks.example/a?k=hidden","secrets":["` + newSecret + `","` + oldSecret + `"]}`
)

func TestEndpointsAreRead(t *testing.T) {
	t.Parallel()
	got, err := notify.ParseEndpoints(strings.NewReader(` [` + goodEntry + `, {"secrets":["` + oldSecret + `"],
		"url":"http://127.0.0.1:8080/", "organisation":"RX1", "name":"local-2"} ] `))
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if e := got[0]; e.Name != "finance" || e.Organisation != "TST01" || e.URL != "https://hooks.example/a?k=hidden" ||
		!slices.Equal(e.Secrets, []string{newSecret, oldSecret}) || got[1].Name != "local-2" || got[1].Organisation != "RX1" {
		t.Errorf("got %q %q %q %q", e.Name, e.Organisation, e.URL, e.Secrets)
	}
	if none, err := notify.ParseEndpoints(strings.NewReader("[]")); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}

func TestAnEndpointIsPrintedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	got, err := notify.ParseEndpoints(strings.NewReader("[" + goodEntry + "]"))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if printed := fmt.Sprintf("%v %+v %#v %s %s", got, got, got, got[0], asJSON); strings.Contains(printed, "whsec") || strings.Contains(printed, "hidden") {
		t.Error(printed)
	}
}

// with gives the good entry with one thing changed in it.
func with(old, changed string) string { return strings.Replace(goodEntry, old, changed, 1) }

func TestAMalformedEndpointIsNamedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		with(`"name":"finance"`, `"name":"finance","colour":"red"`):     "2 (finance): colour: is not known",
		with(`"name":"finance"`, `"`+newSecret+`":"x","name":"fin"`):    "2 (fin): has a member that is not known",
		with(`"name":`, `"Name":`):                                      "2: has a member that is not known",
		with(`"url":"https://hooks.example/a?k=hidden",`, ``):           "2 (finance): url: is missing",
		with(`"name":"finance"`, `"name":"finance","name":"other"`):     "2 (other): name: is given twice",
		with(`"finance"`, `"Finance department"`):                       "2: name: must be 1 to 64 lower-case letters, digits and -",
		with(`"finance"`, `"first"`):                                    "2 (first): name: another entry has it",
		with(`"finance"`, `7`):                                          "2: name: is not of its type",
		with(`"TST01"`, `"Trust"`):                                      "2 (finance): organisation: is not the code of one",
		with(`"TST01"`, `null`):                                         "2 (finance): organisation: is not the code of one",
		with(`https://`, `http://`):                                     "2 (finance): url: must be https, or http on loopback",
		with(`https://`, `ftp://`):                                      "2 (finance): url: must be https, or http on loopback",
		with(`https://`, `https://hidden:hidden@`):                      "2 (finance): url: is not a URL with a host, or holds a user",
		with(`https://hooks.example`, `https://`):                       "2 (finance): url: is not a URL with a host, or holds a user",
		with(`hooks.example`, `hooks.example:hidden`):                   "2 (finance): url: is not a URL with a host, or holds a user",
		with(`?k=hidden`, `#hidden`):                                    "2 (finance): url: has a fragment",
		with(`?k=`, `?k=\n`):                                            "2 (finance): url: is not a URL with a host, or holds a user",
		with(`["`+newSecret+`","`+oldSecret+`"]`, `[]`):                 "2 (finance): secrets: must be 1 to 8",
		with(`["`+newSecret+`","`+oldSecret+`"]`, `null`):               "2 (finance): secrets: must be 1 to 8",
		with(`"`+newSecret+`",`, strings.Repeat(`"`+newSecret+`",`, 8)): "2 (finance): secrets: must be 1 to 8",
		with(`["`+newSecret+`","`+oldSecret+`"]`, `"`+newSecret+`"`):    "2 (finance): secrets: is not of its type",
		with(newSecret, strings.TrimPrefix(newSecret, "whsec_")):        "2 (finance): secrets: one is not whsec_ and 24 to 64 bytes in base64",
		with(newSecret, "whsec_aGlkZGVu"):                               "2 (finance): secrets: one is not whsec_ and 24 to 64 bytes in base64",
		with(newSecret, newSecret+"!"):                                  "2 (finance): secrets: one is not whsec_ and 24 to 64 bytes in base64",
		with(newSecret, newSecret+`\r\n`):                               "2 (finance): secrets: one is not whsec_ and 24 to 64 bytes in base64",
		with(newSecret, "whsec_"+strings.Repeat("AAAA", 8)+"AB=="):      "2 (finance): secrets: one is not whsec_ and 24 to 64 bytes in base64",
		with(newSecret, ""):                                             "2 (finance): secrets: one is not whsec_ and 24 to 64 bytes in base64",
		with(newSecret, newSecret+strings.Repeat("AAAA", 20)):           "2 (finance): secrets: one is not whsec_ and 24 to 64 bytes in base64",
		`"` + newSecret + `"`:                                           "2: is not an object",
		`null`:                                                          "2: is not an object",
	} {
		got, err := notify.ParseEndpoints(strings.NewReader("[" + with("finance", "first") + "," + entry + "]"))
		if err == nil || !strings.HasPrefix(err.Error(), "webhooks: entry "+want) || got != nil {
			t.Errorf("%s\ngot %v, want %s", entry, err, want)
		}
		tells(t, err, newSecret[6:], oldSecret[6:], "hidden", "aGlkZGVu")
	}
}

func TestWhatIsNoListIsNoListOfEndpoints(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "null", goodEntry, "[" + goodEntry, "[" + goodEntry + "] [", "[" + goodEntry + ",]", "[" + strings.Repeat(" ", 1<<20) + "]",
		`["` + newSecret + `" "x"]`,
	} {
		got, err := notify.ParseEndpoints(strings.NewReader(raw))
		if err == nil || err.Error() != "webhooks: not a JSON list of at most 1 MiB" || got != nil {
			t.Errorf("%.60s: %v", raw, err)
		}
	}
}

func FuzzParseEndpoints(f *testing.F) {
	for _, seed := range []string{
		"[]", "[" + goodEntry + "]", "[" + goodEntry + "," + goodEntry + "]", `[{"name":"` + newSecret + `"}]`, `[{"` + oldSecret + `":[]}]`,
		"[null]", "[[]]", `[{"name":"a","name":"b"}]`, strings.Repeat("[", 20_000), "[" + with("https", "HTTP") + "]", "[{\"secrets\":[\"\xff\"]}]",
	} {
		f.Add(seed)
	}
	secret := regexp.MustCompile(`whsec_[A-Za-z0-9+/]{8}`)
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := notify.ParseEndpoints(strings.NewReader(raw))
		if err != nil && (got != nil || secret.MatchString(err.Error()) || !strings.HasPrefix(err.Error(), "webhooks: ")) {
			t.Errorf("got %v with %v", got, err)
		}
		names := map[string]bool{}
		for _, e := range got {
			if names[e.Name] || len(e.Secrets) == 0 || !strings.HasPrefix(strings.ToLower(e.URL), "http") {
				t.Errorf("got %v", got)
			}
			names[e.Name] = true
		}
	})
}
