package witness_test

import (
	"fmt"
	"strings"
	"testing"

	formats "github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"

	"github.com/caldicott/caldicott/internal/witness"
)

// witnesses cosign a checkpoint of a log with 7 leaves; the note has all their lines.
func witnesses(t testing.TB, l *testLog, n int) (vkeys, lines []string) {
	t.Helper()
	for range n {
		h := newHost(t, l)
		line, err := h.client.Add(t.Context(), l.submission(t, 0, 7))
		if err != nil {
			t.Fatal(err)
		}
		vkeys, lines = append(vkeys, h.vkey), append(lines, line)
	}
	return vkeys, lines
}

// Every subset of five witnesses, under every policy, is judged as another implementation judges it.
func TestAPolicyJudgesAsAnotherImplementationDoes(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin).grow(7, "leaf")
	vkeys, lines := witnesses(t, l, 5)
	head := "# whom we believe\nlog " + l.vkey + " https://log.example\n"
	for i, vkey := range vkeys {
		head += fmt.Sprintf("witness\tW%d  %s https://w%d.example/\n", i, vkey, i)
	}
	for _, tail := range []string{
		"quorum none", "quorum W3", "group g any W0 W1 W2 W3 W4\nquorum g", "group g all W0 W1\nquorum g", "group g 3 W0 W1 W2 W3 W4\nquorum g",
		"group a 2 W0 W1 W2\ngroup b any W3 W4\ngroup both all a b\nquorum both", "group a all W0 W1\ngroup b 2 a W2 W3\nquorum b\n",
	} {
		ours, err := witness.ParsePolicy(strings.NewReader(head + tail))
		if err != nil {
			t.Fatalf("%s: %v", tail, err)
		}
		theirs, err := formats.ParsePolicy([]byte(head + tail))
		if err != nil {
			t.Fatalf("%s: %v", tail, err)
		}
		for subset := range 1 << len(lines) {
			signed := l.note(t, 7)
			for i, line := range lines {
				if subset>>i&1 == 1 {
					signed += line + "\n"
				}
			}
			text, err := ours.Check(signed)
			if met := theirs.Satisfied([]byte(signed)); met != (err == nil) || met && !strings.HasPrefix(signed, text+"\n— ") {
				t.Errorf("%s\n%05b: %v", tail, subset, err)
			}
		}
	}
}

func TestAPolicyBelievesNoNoteThatIsNotItsLogs(t *testing.T) {
	t.Parallel()
	l, other := newLog(t, origin).grow(7, "leaf"), newLog(t, "else.example").grow(7, "leaf")
	vkeys, lines := witnesses(t, l, 1)
	w := "witness w " + vkeys[0] + "\nquorum w\n"
	policy := func(text string) witness.Policy {
		p, err := witness.ParsePolicy(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := l.note(t, 7) + lines[0] + "\n"
	both := policy("log " + l.vkey + "\nlog " + other.vkey + "\n" + w)
	if _, err := both.Check(good); err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(l.note(t, 7), "\n\n")
	foreign, err := note.Sign(&note.Note{Text: text + "\n"}, other.signer)
	if err != nil {
		t.Fatal(err)
	}
	garbage := good + "— witness.example/w1 " + strings.Repeat("A", 100) + "\n"
	for name, c := range map[string]struct {
		policy witness.Policy
		note   string
	}{
		"no log":                {policy(w), good},
		"another log":           {policy("log " + other.vkey + "\n" + w), good},
		"signed by a neighbour": {both, string(foreign) + lines[0] + "\n"},
		"no witness":            {both, l.note(t, 7)},
		"a witness twice":       {policy("log " + l.vkey + "\nwitness a " + vkeys[0] + "\nwitness b " + otherVKey(t) + "\ngroup g all a b\nquorum g"), good + lines[0] + "\n"},
		"another text":          {both, strings.Replace(good, "\n7\n", "\n8\n", 1)},
		"nothing":               {both, ""},
		"no policy":             {witness.Policy{}, good},
	} {
		if _, err := c.policy.Check(c.note); err == nil {
			t.Errorf("%s: it is believed", name)
		}
	}
	if _, err := both.Check(garbage); err != nil {
		t.Errorf("a line of an unknown key: %v", err)
	}
}

func otherVKey(t testing.TB) string {
	t.Helper()
	_, vkey, err := witness.GenerateKey("other")
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

func TestAPolicyOutOfFormIsRefused(t *testing.T) {
	t.Parallel()
	l := newLog(t, origin)
	a, b := otherVKey(t), otherVKey(t)
	two := "witness a " + a + "\nwitness b " + b + "\n"
	for _, bad := range []string{
		"", "quorum", "quorum a", "quorum none\nquorum none", "quorum none none", "log x\nquorum none", "log " + a + "\nquorum none",
		"witness a " + l.vkey + "\nquorum a", "witness a\nquorum none", "witness none " + a + "\nquorum none", "quorum a\nwitness a " + a,
		two + "witness a " + otherVKey(t) + "\nquorum a", two + "witness c " + a + "\nquorum a", "log " + l.vkey + "\nlog " + l.vkey + "\nquorum none",
		two + "group g 0 a b\nquorum g", two + "group g 3 a b\nquorum g", two + "group g 01 a b\nquorum g", two + "group g -1 a b\nquorum g",
		two + "group g any\nquorum none", two + "group g any c\nquorum g", two + "group g any g\nquorum g", two + "group g any none\nquorum g",
		two + "group g all a a\nquorum g", two + "group g any a\ngroup h any a\nquorum h", two + "group a any b\nquorum a",
		"quorum none\r\n", "quorum\x0bnone", "unknown\nquorum none", "quorum none\n" + strings.Repeat("#", 1<<20),
	} {
		if _, err := witness.ParsePolicy(strings.NewReader(bad)); err == nil {
			t.Errorf("%.200q is a policy", bad)
		}
	}
	for _, bad := range []string{"", "quorum none", "log " + a, "witness a " + a} {
		if _, err := witness.ParseLogs(strings.NewReader(bad)); err == nil {
			t.Errorf("%q are logs", bad)
		}
	}
}

// Whatever the policy, it ends, and believes no note without a signature.
func FuzzParsePolicy(f *testing.F) {
	f.Add("log trust.example/caldicott+8a7c8d6e+AfQ0\nwitness a x\ngroup g 1 a\nquorum g\n")
	f.Add("quorum none\n")
	f.Add(" \t# x\n\twitness a " + otherVKey(f) + "\ngroup g all a\nquorum g")
	l := newLog(f, origin).grow(7, "leaf")
	f.Add("log " + l.vkey + "\nquorum none")
	signed := l.note(f, 7)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := witness.ParsePolicy(strings.NewReader(text))
		if err != nil {
			return
		}
		if _, err := p.Check(signed); err == nil && !strings.Contains(text, l.vkey) {
			t.Errorf("%q believes a log that it does not name", text)
		}
		if _, err := p.Check("a\n"); err == nil {
			t.Errorf("%q believes nothing signed", text)
		}
	})
}
