package vault

import (
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestANameIsMadeFitToKeepAndShow(t *testing.T) {
	t.Parallel()
	for name, clean := range map[string]string{
		"Minutes.pdf":                  "Minutes.pdf",
		"/etc/passwd":                  "passwd",
		`C:\fakepath\Minutes 2026.pdf`: "Minutes 2026.pdf",
		"../../a.txt":                  "a.txt",
		"invoice\u202efdp.exe":         "invoicefdp.exe",
		"a\u2066b\u2069.txt":           "ab.txt",
		"a\r\nSet-Cookie: x.txt":       "a Set-Cookie_ x.txt",
		"a\x00\x1b[31m.txt":            "a[31m.txt",
		"  a \t b\u00a0.txt ":          "a b .txt",
		"...hidden.txt...":             "hidden.txt",
		`a"b<c>|d?.txt`:                "a_b_c__d_.txt",
		"caf\xe9.txt":                  "caf_.txt",
		"Zoë – 診療.docx":                "Zoë – 診療.docx",
	} {
		if got, ok := CleanName(name); !ok || got != clean {
			t.Errorf("%q: %q, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", ".", "..", "a/", `\`, " ", "\u202e", "\x00", "???", "---", "\xff"} {
		if got, ok := CleanName(name); ok || got != "" {
			t.Errorf("%q became %q", name, got)
		}
	}
}

func TestALongNameKeepsItsExtension(t *testing.T) {
	t.Parallel()
	got, ok := CleanName(strings.Repeat("é", 300) + ".docx")
	if !ok || utf8.RuneCountInString(got) != 120 || !strings.HasSuffix(got, "é.docx") {
		t.Errorf("%q", got)
	}
	got, ok = CleanName("a." + strings.Repeat("b", 300))
	if !ok || utf8.RuneCountInString(got) != 120 {
		t.Errorf("%q", got)
	}
}

func TestADispositionSavesUnderTheNameAndNeverShows(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{
		"Minutes.pdf":         `attachment; filename="Minutes.pdf"; filename*=UTF-8''Minutes.pdf`,
		"Zoë 100%.pdf":        `attachment; filename="Zo_ 100_.pdf"; filename*=UTF-8''Zo%C3%AB%20100%25.pdf`,
		"a\";\r\nX: y\\b.pdf": `attachment; filename="b.pdf"; filename*=UTF-8''b.pdf`,
		"a'b;c.pdf":           `attachment; filename="a'b;c.pdf"; filename*=UTF-8''a%27b%3Bc.pdf`,
		"":                    `attachment; filename="document"; filename*=UTF-8''document`,
	} {
		if got := Disposition(name); got != header {
			t.Errorf("%q:\n got %s\nwant %s", name, got, header)
		}
	}
}

// checkClean is what holds of every clean name.
func checkClean(t interface{ Fatalf(string, ...any) }, name string) {
	clean, ok := CleanName(name)
	if !ok {
		if clean != "" {
			t.Fatalf("%q is unusable and yet %q", name, clean)
		}
		return
	}
	again, ok := CleanName(clean)
	if !ok || again != clean {
		t.Fatalf("%q became %q and then %q", name, clean, again)
	}
	bad := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune(`/\"<>:|?*`, r)
	}
	if !utf8.ValidString(clean) || utf8.RuneCountInString(clean) > 120 || strings.ContainsFunc(clean, bad) || clean[0] == '.' {
		t.Fatalf("%q became %q", name, clean)
	}
}

// checkDisposition is what holds of every header: a reader that follows the standard finds the clean name and no more.
func checkDisposition(t interface{ Fatalf(string, ...any) }, name string) {
	header := Disposition(name)
	if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Fatalf("%q: %q", name, header)
	}
	kind, parameters, err := mime.ParseMediaType(header)
	want, ok := CleanName(name)
	if !ok {
		want = "document"
	}
	if err != nil || kind != "attachment" || len(parameters) != 1 || parameters["filename"] != want {
		t.Fatalf("%q: %q reads as %q %q, %v", name, header, kind, parameters, err)
	}
}

func TestEveryNameBecomesACleanOneOrNone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "stem") + rapid.StringOfN(rapid.RuneFrom([]rune("a.\"\\ \u202e\x00é;'%")), 0, 130, -1).Draw(t, "rest")
		checkClean(t, name)
		checkDisposition(t, name)
	})
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"a.txt", "../a", "a\u202eb", strings.Repeat("a. ", 99) + ".pdf", "\xff\xfe", " . . "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) { checkClean(t, name) })
}

func FuzzDisposition(f *testing.F) {
	for _, seed := range []string{"a.txt", "a\"; filename=b", "a\r\nX: y", "é%", "a'b''c", "\\\"", "*=UTF-8''x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) { checkDisposition(t, name) })
}
