package internal_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/dependencies.md says what the program is made of besides our own code: nothing else is in it, and nothing is said
// to be in it that is not. The log is x/mod's, and what other implementations are for is for tests.
func TestTheProgramIsMadeOfWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "../cmd/...", "./notarydb")
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	there := slices.Compact(slices.Sorted(slices.Values(strings.Fields(string(out)))))
	doc, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	table, rest, _ := strings.Cut(string(doc), "*in the browser*")
	_, brought, found := strings.Cut(rest, "bring along")
	if !found {
		t.Fatal("the document does not say what is brought along")
	}
	known := listed(table, `(?m)^\| ([a-z.]+/\S+)`)
	if slices.Contains(known, "github.com/transparency-dev/merkle") || !slices.Contains(known, "golang.org/x/mod") {
		t.Error("the log's own arithmetic is x/mod's; the other implementation only judges it")
	}
	known = append(known, listed(brought, `\b((?:github\.com|golang\.org|go\.[a-z.]+|gopkg\.in)/[\w./-]+\w)`)...)
	for _, module := range there {
		if !slices.ContainsFunc(known, func(k string) bool { return k == module || strings.HasPrefix(k, module+"/") }) {
			t.Errorf("%s is in the program and not in docs/dependencies.md", module)
		}
	}
	for _, k := range known {
		if !slices.ContainsFunc(there, func(module string) bool { return k == module || strings.HasPrefix(k, module+"/") }) {
			t.Errorf("docs/dependencies.md says that %s is in the program", k)
		}
	}
}

func listed(text, pattern string) (names []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}
