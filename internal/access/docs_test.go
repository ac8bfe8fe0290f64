package access

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

var update = flag.Bool("update", false, "write the pages under docs anew")

// The pages are written from the compiled table and the map of steps, so a change to either shows its consequences in
// the same commit.
func TestDocs(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"roles.md": rolesPage(policy(t)), "workflow.md": workflowPage()}
	for name, want := range pages {
		path := "../../docs/" + name
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("docs/%s is out of date: go generate ./internal/access", name)
		}
	}
}

const written = "<!-- Written by go generate ./internal/access; do not edit. -->\n\n"

// rolesPage is docs/roles.md: by role, then by deed.
func rolesPage(p *Policy) string {
	var b strings.Builder
	b.WriteString("# Who may do what\n\n" + written +
		"What `policy/policy.csv` comes to once Casbin has read it. *own*, *assigned* and *organisation* say whose the thing\n" +
		"must be to the person (`policy/README.md`); **never** is a prohibition, which wins over everything allowed. An empty\n" +
		"cell is not allowed. Separation of duties (SD1 to SD13), appointments and delegations in force, and the state of the\n" +
		"request are checked besides.\n\n## By role\n\n")
	row(&b, "role", "own", "assigned", "organisation", "never")
	row(&b, "---", "---", "---", "---", "---")
	for _, role := range roles() {
		cells := []string{code(role)}
		for _, whose := range caldicott.Whoses() {
			cells = append(cells, deedsOf(p, role, true, whose))
		}
		row(&b, append(cells, deedsOf(p, role, false, caldicott.Whoses()...))...)
	}
	b.WriteString("\nA role without an entry gives nothing by itself; whoever holds it is a REQUESTER too.\n")
	for _, group := range groups() {
		fmt.Fprintf(&b, "\n## %s\n\n", group.title)
		matrix(&b, p, group.deeds)
	}
	return b.String()
}

type group struct {
	title string
	deeds []caldicott.Action
}

func groups() []group {
	return []group{
		{"Reading", caldicott.Readings()},
		{"Deeds on a request", caldicott.RequestDeeds()},
		{"Deeds on an authorisation", caldicott.AuthorisationDeeds()},
		{"Deeds on a condition", caldicott.ConditionDeeds()},
		{"Deeds on people, their authority and the directory", caldicott.DirectoryDeeds()},
	}
}

// deedsOf lists what the role allows, or denies, towards things that are one of whose.
func deedsOf(p *Policy, role vocabulary.Role, allowed bool, whose ...caldicott.Whose) string {
	var words []string
	for _, a := range caldicott.Actions() {
		if slices.ContainsFunc(whose, func(w caldicott.Whose) bool { return rules(p, role, a, w, allowed) }) {
			words = append(words, code(a))
		}
	}
	return strings.Join(words, ", ")
}

// rules says whether some line rules so on this deed.
func rules(p *Policy, role vocabulary.Role, a caldicott.Action, w caldicott.Whose, allowed bool) bool {
	r := p.May(a, []caldicott.Standing{{Role: role, Whose: w}})
	return r.Line != "" && r.Allowed == allowed
}

// matrix has a row for each deed and a column for each role that has a say in one of them.
func matrix(b *strings.Builder, p *Policy, deeds []caldicott.Action) {
	head, rule := []string{"deed"}, []string{"---"}
	var columns []vocabulary.Role
	for _, role := range roles() {
		if slices.ContainsFunc(deeds, func(a caldicott.Action) bool { return cell(p, role, a) != "" }) {
			columns = append(columns, role)
			head, rule = append(head, code(role)), append(rule, "---")
		}
	}
	row(b, head...)
	row(b, rule...)
	for _, a := range deeds {
		cells := []string{code(a)}
		for _, role := range columns {
			cells = append(cells, cell(p, role, a))
		}
		row(b, cells...)
	}
}

func cell(p *Policy, role vocabulary.Role, a caldicott.Action) string {
	var yes, no []string
	for _, w := range caldicott.Whoses() {
		switch {
		case rules(p, role, a, w, true):
			yes = append(yes, string(w))
		case rules(p, role, a, w, false):
			no = append(no, string(w))
		}
	}
	if len(no) > 0 {
		yes = append(yes, "**never** "+strings.Join(no, ", "))
	}
	return strings.Join(yes, ", ")
}

// workflowPage is docs/workflow.md: the picture, then every step.
func workflowPage() string {
	var b strings.Builder
	b.WriteString("# Every step a request can take\n\n" + written +
		"Drawn from the map in `internal/caldicott/workflow.go`. What is not here cannot happen; what is here may still be\n" +
		"refused by its guard (`guards.go`). Who may take a step is in [roles.md](roles.md). Deeds that leave the state as it\n" +
		"is are not drawn.\n\n```mermaid\nstateDiagram-v2\n")
	for _, from := range origins() {
		for _, to := range caldicott.States() {
			if deeds := steps(from, to); len(deeds) > 0 && from != to {
				fmt.Fprintf(&b, "    %s --> %s : %s\n", orStar(from), to, strings.Join(deeds, ", "))
			}
		}
	}
	for _, state := range caldicott.States() {
		if isEnd(state) {
			fmt.Fprintf(&b, "    %s --> [*]\n", state)
		}
	}
	b.WriteString("```\n\n## Step by step\n\n")
	row(&b, "from", "deed", "to")
	row(&b, "---", "---", "---")
	for _, from := range origins() {
		for _, a := range caldicott.Actions() {
			if to, ok := caldicott.Next(from, a); ok && to != from {
				row(&b, orDash(from), code(a), code(to))
			}
		}
	}
	b.WriteString("\n## What leaves the state as it is\n\n")
	row(&b, "state", "deeds")
	row(&b, "---", "---")
	for _, state := range caldicott.States() {
		row(&b, code(state), "`"+strings.Join(steps(state, state), "`, `")+"`")
	}
	return b.String()
}

// origins are the states with nothing at all before them.
func origins() []caldicott.State { return append([]caldicott.State{""}, caldicott.States()...) }

// steps are the deeds that lead from one state to the other.
func steps(from, to caldicott.State) []string {
	var deeds []string
	for _, a := range caldicott.Actions() {
		if next, ok := caldicott.Next(from, a); ok && next == to {
			deeds = append(deeds, string(a))
		}
	}
	return deeds
}

func isEnd(state caldicott.State) bool {
	return !slices.ContainsFunc(caldicott.Actions(), func(a caldicott.Action) bool {
		to, ok := caldicott.Next(state, a)
		return ok && to != state
	})
}

func orStar(s caldicott.State) string {
	if s == "" {
		return "[*]"
	}
	return string(s)
}

func orDash(s caldicott.State) string {
	if s == "" {
		return "–"
	}
	return code(s)
}

func row(b *strings.Builder, cells ...string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }

func code[T ~string](word T) string { return "`" + string(word) + "`" }
