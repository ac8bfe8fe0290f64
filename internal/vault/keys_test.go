package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestTheFirstKeySealsAndAllAreNamed(t *testing.T) {
	t.Parallel()
	k := keys(t, "# spring", "", "  "+lineB+"\r", "\t# autumn", lineA)
	if got := k.Names(); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("names %q", got)
	}
}

func TestABadLineIsNamedAndItsKeyIsNot(t *testing.T) {
	t.Parallel()
	_, secret, _ := strings.Cut(lineA, " ")
	for why, c := range map[string]struct{ text, says string }{
		"no key":              {"# nothing\n", "none"},
		"an empty file":       {"", "none"},
		"the name alone":      {"a", "line 1: it has 1 fields"},
		"the key alone":       {secret, "line 1: it has 1 fields"},
		"fields exchanged":    {secret + " a", "line 1: name"},
		"a third field":       {lineA + " old", "line 1: it has 3 fields"},
		"a short key":         {lineB + "\na c2hvcnQ=", "line 2: key"},
		"a key cut off":       {lineB + "\n" + lineA[:len(lineA)-2], "line 2: key"},
		"a name too long":     {strings.Repeat("a", 33) + " " + secret, "line 1: name"},
		"a name with a colon": {"a: " + secret, "line 1: name"},
		"zeros":               {"a AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "line 1: key: it is one byte"},
		"a name twice":        {lineA + "\n\na " + strings.TrimPrefix(lineB, "b "), "line 3: name: line 1"},
		"a key twice":         {lineA + "\nc " + secret, "line 2: key: line 1"},
		"an endless line":     {"a " + strings.Repeat("A", 1<<17), "after line 0"},
	} {
		k, err := ParseKeys(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", why, k, err)
			continue
		}
		if strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("%s: the error shows the key: %v", why, err)
		}
	}
}

func TestAFileThatCannotBeReadIsNotAFileOfFewerKeys(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	_, err := ParseKeys(&failing{text: strings.NewReader(lineA + "\n"), err: broken})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// failing gives its text and then an error.
type failing struct {
	text *strings.Reader
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.text.Len() == 0 {
		return 0, f.err
	}
	return f.text.Read(p)
}

func TestAGeneratedKeyCanBeRead(t *testing.T) {
	t.Parallel()
	one, err1 := GenerateKey("2026-04", nil)
	two, err2 := GenerateKey("2026-10", nil)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, two, one).Names(); !slices.Equal(got, []string{"2026-10", "2026-04"}) {
		t.Errorf("names %q", got)
	}
}

func TestAKeyIsNotGeneratedFromBadNamesOrBadRandomness(t *testing.T) {
	t.Parallel()
	if line, err := GenerateKey("two words", nil); err == nil {
		t.Errorf("a bad name: %q", line)
	}
	for _, random := range []string{"", "too short", strings.Repeat("\x00", 32)} {
		if line, err := GenerateKey("a", strings.NewReader(random)); err == nil {
			t.Errorf("randomness %q: %q", random, line)
		}
	}
}

func TestKeysAndCredentialsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	v := Vault{Keys: keys(t, lineA)}
	cfg := S3Config{Endpoint: "store.example", Bucket: "b", AccessKey: "the access key", SecretKey: "the secret key"}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, v, v.Keys, &v.Keys, cfg)
	}
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		log.Info("start", "vault", v, "keys", v.Keys, "config", cfg)
	}
	if err := json.NewEncoder(&out).Encode(cfg); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"AQIDBAUG", "01020304", "0x1, 0x2, 0x3", "1 2 3 4 5", "the access key", "the secret key"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed:\n%s", secret, out.String())
		}
	}
}
