package access

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A worked example of cases.csv.
type example struct {
	line      int
	standings []caldicott.Standing
	deed      caldicott.Action
	allowed   bool
	why       string
}

func TestTheWorkedExamplesHold(t *testing.T) {
	t.Parallel()
	for _, c := range examples(t) {
		if got := policy(t).May(c.deed, c.standings); got.Allowed != c.allowed {
			t.Errorf("cases.csv:%d: %s (%s): allowed is %t, by %q at %s", c.line, c.deed, c.why, got.Allowed, got.Text, got.Line)
		}
	}
}

func TestTheWorkedExamplesLeaveNothingOut(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, c := range examples(t) {
		seen[fmt.Sprint(c.deed, c.allowed)] = true
		seen[policy(t).May(c.deed, c.standings).Line] = true
		for _, s := range c.standings {
			seen[string(s.Role)] = true
		}
	}
	for _, role := range roles() {
		if !seen[string(role)] {
			t.Errorf("no example with %s", role)
		}
	}
	for _, a := range caldicott.Actions() {
		if !seen[fmt.Sprint(a, true)] || !seen[fmt.Sprint(a, false)] {
			t.Errorf("%s needs an example that is allowed and one that is refused", a)
		}
	}
	for _, l := range policy(t).Lines() {
		if l.Ruling == deny && !seen[l.Place()] {
			t.Errorf("no example proves %s: %s", l.Place(), l)
		}
	}
}

// A consultee who could not read the request would be asked in vain.
func TestWhoeverMustBeAskedMayAnswer(t *testing.T) {
	t.Parallel()
	r := csv.NewReader(strings.NewReader(read(t, "consultees.csv")))
	r.Comment, r.TrimLeadingSpace = '#', true
	records, err := r.ReadAll()
	if err != nil {
		t.Fatalf("consultees.csv: %v", err)
	}
	for _, words := range records {
		consultee := vocabulary.Role(words[1])
		if !slices.Contains(roles(), consultee) {
			continue // the head of the table, or none
		}
		for _, a := range []caldicott.Action{caldicott.View, caldicott.ViewComments, caldicott.Comment, caldicott.Advise} {
			if !policy(t).May(a, []caldicott.Standing{{Role: consultee, Whose: caldicott.Assigned}}).Allowed {
				t.Errorf("%s is asked about %s but may not %s", consultee, words[0], a)
			}
		}
	}
}

func examples(t *testing.T) []example {
	t.Helper()
	r := csv.NewReader(strings.NewReader(read(t, "cases.csv")))
	r.Comment, r.TrimLeadingSpace, r.FieldsPerRecord = '#', true, 5
	var all []example
	for {
		words, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("cases.csv: %v", err)
		}
		line, _ := r.FieldPos(0)
		standings, err := standingsOf(words[0], words[1])
		c := example{line, standings, caldicott.Action(words[2]), words[3] == "allowed", words[4]}
		switch {
		case err != nil:
			t.Fatalf("cases.csv:%d: %v", line, err)
		case !slices.Contains(caldicott.Actions(), c.deed):
			t.Fatalf("cases.csv:%d: %q is not a deed", line, c.deed)
		case !c.allowed && words[3] != "refused", c.why == "":
			t.Fatalf("cases.csv:%d: expected is allowed or refused, and then comes why", line)
		}
		all = append(all, c)
	}
}

// standingsOf pairs REQUESTER+AUDITOR with own+organisation, or both with own.
func standingsOf(roleWords, whoseWords string) ([]caldicott.Standing, error) {
	held, whose := strings.Split(roleWords, "+"), strings.Split(whoseWords, "+")
	if len(whose) == 1 {
		whose = slices.Repeat(whose, len(held))
	}
	if len(whose) != len(held) {
		return nil, fmt.Errorf("%d roles but %d whoses", len(held), len(whose))
	}
	var standings []caldicott.Standing
	for i := range held {
		s := caldicott.Standing{Role: vocabulary.Role(held[i]), Whose: caldicott.Whose(whose[i])}
		if !slices.Contains(roles(), s.Role) || !slices.Contains(caldicott.Whoses(), s.Whose) {
			return nil, fmt.Errorf("%s and %s are not a role and a whose", held[i], whose[i])
		}
		standings = append(standings, s)
	}
	return standings, nil
}
