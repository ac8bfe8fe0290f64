package access

import (
	"strings"
	"testing"
	"testing/fstest"
)

const sound = "# People ask.\np, REQUESTER, draft, own, allow\n"

func TestABrokenPolicyIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ lines, want string }{
		"empty":               {"", "policy.csv: there is no line in it"},
		"only comments":       {"# nothing\n\n", "policy.csv: there is no line in it"},
		"misspelt role":       {sound + "p, AUDITER, draft, own, deny\n", `policy.csv:3: "AUDITER" is not a role`},
		"lower-case role":     {sound + "p, auditor, draft, own, deny\n", `policy.csv:3: "auditor" is not a role`},
		"misspelt deed":       {sound + "p, AUDITOR, drafft, own, deny\n", `policy.csv:3: "drafft" is not a deed`},
		"wildcard":            {sound + "p, AUDITOR, any, own, deny\n", `policy.csv:3: "any" is not a deed`},
		"misspelt whose":      {sound + "p, AUDITOR, draft, all, deny\n", `policy.csv:3: "all" is not one of`},
		"misspelt ruling":     {sound + "p, AUDITOR, draft, own, denied\n", `policy.csv:3: "denied" is neither`},
		"trailing space":      {sound + "p, AUDITOR, draft, own, deny \n", `policy.csv:3: "deny " is neither`},
		"comment on the line": {sound + "p, AUDITOR, draft, own, deny # why\n", `policy.csv:3: "deny # why" is neither`},
		"second ruling":       {sound + "p, REQUESTER, draft, own, deny\n", "policy.csv:3: contradicts line 2"},
		"duplicate":           {sound + "\np,REQUESTER,draft,own,allow\n", "policy.csv:4: says again what line 2 says"},
		"too few words":       {sound + "p, AUDITOR, draft, deny\n", "policy.csv:3: wrong number of fields"},
		"too many words":      {sound + "p, AUDITOR, draft, own, deny, always\n", "policy.csv:3: wrong number of fields"},
		"not a line":          {sound + "q, AUDITOR, draft, own, deny\n", "policy.csv:3: a line begins with p"},
		"an inheritance":      {sound + "g, AUDITOR, REQUESTER, own, allow\n", "policy.csv:3: a line begins with p"},
		"a stray quote":       {sound + "p, AUD\"ITOR, draft, own, deny\n", "policy.csv:3: bare \""},
		"an open quote":       {sound + "p, \"AUDITOR, draft, own, deny\n", "policy.csv:3: extraneous or missing \""},
		"indented comment":    {sound + " # not a comment\n", "policy.csv:3: wrong number of fields"},
		"every fault is told": {"p, A, draft, own, deny\np, B, draft, own, deny\n", "policy.csv:2: \"B\""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{modelFile: {Data: []byte(read(t, modelFile))}, linesFile: {Data: []byte(test.lines)}}
			if _, err := Load(files); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestAModelThatMeansSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ old, new, want string }{
		"denials do not count":   {" && !some(where (p.eft == deny))", "", "the effect must be"},
		"denials read as allows": {"whose, eft", "whose, ruling", "the model cannot be right"},
		"no policy effect":       {"[policy_effect]", "[something_else]", "model.conf"},
		"matches nothing":        {"r.action == p.action", "r.action == p.role", "does not decide what it says"},
		"a word is unknown":      {"p.whose", "p.wose", "model.conf"},
		"everybody is everybody": {" && r.role == p.role", "", "does not decide what it says"},
		"not a matcher":          {"m = r.action", "m = ((r.action", "model.conf"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := strings.Replace(read(t, modelFile), test.old, test.new, 1)
			lines := sound + "p, AUDITOR, draft, own, deny\n"
			files := fstest.MapFS{modelFile: {Data: []byte(model)}, linesFile: {Data: []byte(lines)}}
			if _, err := Load(files); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestAMissingFileIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{modelFile, linesFile} {
		files := fstest.MapFS{modelFile: {Data: []byte(read(t, modelFile))}, linesFile: {Data: []byte(sound)}}
		delete(files, name)
		if _, err := Load(files); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestALineStandsUnderTheHeadingAboveIt(t *testing.T) {
	t.Parallel()
	lines, err := parse([]byte("# Title.\n\n# People ask,\n# and wait.\np, REQUESTER, draft, own, allow\n\np, REQUESTER, view, own, allow\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if l.Comment != "People ask, and wait." {
			t.Errorf("line %d stands under %q", l.Number, l.Comment)
		}
	}
}
