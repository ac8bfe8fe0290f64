package access

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

var folder = os.DirFS("../../policy")

// loaded reads the policy once for all tests: it is immutable, which is what they rely on.
var loaded = sync.OnceValues(func() (*Policy, error) { return Load(folder) })

func policy(t testing.TB) *Policy {
	t.Helper()
	p, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// everyStanding is what somebody would have who holds these roles in every way at once.
func everyStanding(roles ...vocabulary.Role) []caldicott.Standing {
	var all []caldicott.Standing
	for _, role := range roles {
		for _, whose := range caldicott.Whoses() {
			all = append(all, caldicott.Standing{Role: role, Whose: whose})
		}
	}
	return all
}

func TestTheTableSaysWhatCasbinSays(t *testing.T) {
	t.Parallel()
	p := policy(t)
	e, err := newEnforcer(read(t, modelFile), p.Lines())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions() {
		allowed, why, err := ask(e, q)
		if err != nil {
			t.Fatal(err)
		}
		got := p.May(q.action, []caldicott.Standing{q.standing})
		if got.Allowed != allowed || got.Text != why {
			t.Errorf("%v: the table says %t by %q, Casbin %t by %q", q, got.Allowed, got.Text, allowed, why)
		}
	}
}

func TestTheTableSaysWhatTheLinesSay(t *testing.T) {
	t.Parallel()
	p := policy(t)
	rapid.Check(t, func(t *rapid.T) {
		a, standings := drawDeed(t), drawStandings(t)
		want := naive(p.Lines(), a, standings)
		if got := p.May(a, standings); got != want {
			t.Fatalf("%s by %v: %+v, but the lines say %+v", a, standings, got, want)
		}
	})
}

// naive reads the lines as a person would, from top to bottom.
func naive(lines []Line, a caldicott.Action, standings []caldicott.Standing) caldicott.Ruling {
	var first caldicott.Ruling
	for _, l := range lines {
		if l.Action != a || !slices.Contains(standings, caldicott.Standing{Role: l.Role, Whose: l.Whose}) {
			continue
		}
		if l.Ruling == deny {
			return l.ruling()
		}
		if first.Line == "" {
			first = l.ruling()
		}
	}
	return first
}

func TestADenialAlwaysWins(t *testing.T) {
	t.Parallel()
	p := policy(t)
	var denials []Line
	for _, l := range p.Lines() {
		if l.Ruling == deny {
			denials = append(denials, l)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom(denials).Draw(t, "denial")
		standings := append(drawStandings(t), caldicott.Standing{Role: l.Role, Whose: l.Whose})
		if got := p.May(l.Action, rapid.Permutation(standings).Draw(t, "order")); got.Allowed || got.Line == "" {
			t.Fatalf("%v is allowed to %s by %q, in spite of %s", standings, l.Action, got.Text, l)
		}
	})
}

func TestTheOrderOfStandingsDoesNotMatter(t *testing.T) {
	t.Parallel()
	p := policy(t)
	rapid.Check(t, func(t *rapid.T) {
		a, standings := drawDeed(t), drawStandings(t)
		other := rapid.Permutation(standings).Draw(t, "order")
		if p.May(a, standings) != p.May(a, other) {
			t.Fatalf("%s: %v and %v are answered differently", a, standings, other)
		}
	})
}

func TestListsShowWhatMayBeDone(t *testing.T) {
	t.Parallel()
	p := policy(t)
	rapid.Check(t, func(t *rapid.T) {
		a, standings := drawDeed(t), drawStandings(t)
		var held []vocabulary.Role
		for _, s := range standings {
			held = append(held, s.Role)
		}
		allowed, denied := p.Reach(a, held)
		within := func(some []caldicott.Standing) bool {
			return slices.ContainsFunc(standings, func(s caldicott.Standing) bool { return slices.Contains(some, s) })
		}
		if listed := within(allowed) && !within(denied); listed != p.May(a, standings).Allowed {
			t.Fatalf("%s by %v: listed %t, but May says otherwise", a, standings, listed)
		}
	})
}

func drawDeed(t *rapid.T) caldicott.Action {
	return rapid.SampledFrom(caldicott.Actions()).Draw(t, "deed")
}

func drawStandings(t *rapid.T) []caldicott.Standing {
	return rapid.SliceOfN(rapid.SampledFrom(everyStanding(roles()...)), 0, 8).Draw(t, "standings")
}

func TestAnAuditorHasNoEditingRoute(t *testing.T) {
	t.Parallel()
	standings := everyStanding(vocabulary.RoleRequester, vocabulary.RoleAuditor)
	for _, a := range caldicott.Actions() {
		own := a == caldicott.Prefer // how they themselves want to be told
		if !slices.Contains(caldicott.Readings(), a) && !own && policy(t).May(a, standings).Allowed {
			t.Errorf("an auditor may %s", a)
		}
	}
}

func TestAnAdministratorReadsNoRequest(t *testing.T) {
	t.Parallel()
	for _, whose := range caldicott.Whoses() {
		standings := append(everyStanding(roles()...), caldicott.Standing{Role: vocabulary.RoleSystemAdmin, Whose: whose})
		for _, a := range []caldicott.Action{caldicott.View, caldicott.ViewComments, caldicott.Decide} {
			if got := policy(t).May(a, standings); got.Allowed {
				t.Errorf("an administrator may %s by %q", a, got.Text)
			}
		}
	}
}

func TestNobodyMayDoAnythingWithoutALine(t *testing.T) {
	t.Parallel()
	p := policy(t)
	unknown := []caldicott.Standing{{Role: "PORTER", Whose: caldicott.Own}, {Role: vocabulary.RoleRequester, Whose: "all"}}
	for _, a := range append(caldicott.Actions(), "", "delete") {
		for _, standings := range [][]caldicott.Standing{nil, unknown} {
			if got := p.May(a, standings); got != (caldicott.Ruling{}) {
				t.Errorf("%q by %v: %+v", a, standings, got)
			}
		}
	}
}

func TestARulingNamesItsLine(t *testing.T) {
	t.Parallel()
	p := policy(t)
	text := strings.Split(read(t, linesFile), "\n")
	for _, l := range p.Lines() {
		if got := strings.Join(strings.Fields(text[l.Number-1]), " "); got != l.String() {
			t.Errorf("line %d is %q, not %q", l.Number, got, l)
		}
		if l.Comment == "" {
			t.Errorf("line %d stands under no heading", l.Number)
		}
	}
	got := p.May(caldicott.Draft, []caldicott.Standing{{Role: vocabulary.RoleRequester, Whose: caldicott.Own}})
	want := caldicott.Ruling{Allowed: true, Line: p.lines[0].Place(), Text: "p, REQUESTER, draft, own, allow"}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestManyMayAskAtOnce(t *testing.T) {
	t.Parallel()
	p := policy(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, q := range questions() {
				p.May(q.action, []caldicott.Standing{q.standing})
				p.Reach(q.action, []vocabulary.Role{q.standing.Role})
			}
			clear(p.Lines()) // a reader's copy, not the policy
		})
	}
	all.Wait()
	if p.Lines()[0].Role == "" {
		t.Error("a reader changed the policy")
	}
}

func TestTheDigestNamesThePolicy(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		modelFile: {Data: []byte(read(t, modelFile))}, linesFile: {Data: []byte(read(t, linesFile))},
		"targets.csv": {Data: []byte("ROUTINE,10\n")}, "cases.csv": {Data: []byte("one\n")},
	}
	digest := func() string {
		p, err := Load(files)
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest()
	}
	before := digest()
	files["cases.csv"] = &fstest.MapFile{Data: []byte("two\n")}
	if digest() != before {
		t.Error("an example changed the digest")
	}
	files["targets.csv"] = &fstest.MapFile{Data: []byte("ROUTINE,11\n")}
	if digest() == before {
		t.Error("a time limit did not change the digest")
	}
}

func TestTheDigestIsWhatSha256sumGives(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{modelFile: {Data: []byte("m\n")}, linesFile: {Data: []byte("p\n")}}
	got, err := digestOf(files)
	if err != nil {
		t.Fatal(err)
	}
	// printf 'm\n' > model.conf; printf 'p\n' > policy.csv; sha256sum model.conf policy.csv | sha256sum
	if want := "4cd8b4bbe458e19eb573dae8b02e2cdd66eef797c04d0c11b840f9ef2c0ded86"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
