package caldicott

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Consultees says who must be consulted about what, from policy/consultees.csv.
type Consultees struct {
	byKind map[vocabulary.Kind][]consultee
}

// consultee is one line of the file: this role is asked where every claim holds.
type consultee struct {
	role   vocabulary.Role
	claims []string
}

// claims are the words that may stand in the third column.
var claims = map[string]func(Content) bool{
	"always":            func(Content) bool { return true },
	"individual_care":   func(c Content) bool { return isTrue(c.IndividualCare) },
	"cpi":               CPI,
	"asset_owner_named": func(c Content) bool { return !blank(c.AssetOwner) },
}

// Mandatory gives the roles that must be consulted about the content, in the order of the file.
func (t Consultees) Mandatory(c Content) []vocabulary.Role {
	var roles []vocabulary.Role
	for _, who := range t.byKind[c.Kind] {
		if who.applies(c) {
			roles = append(roles, who.role)
		}
	}
	return roles
}

func (w consultee) applies(c Content) bool {
	for _, claim := range w.claims {
		if !claims[claim](c) {
			return false
		}
	}
	return true
}

// ParseConsultees reads policy/consultees.csv. Every kind must be there, with the word "none" where nobody is asked.
func ParseConsultees(r io.Reader) (Consultees, error) {
	lines, err := readPolicy(r, "kind", "consultee", "when")
	if err != nil {
		return Consultees{}, fmt.Errorf("consultees: %w", err)
	}
	index := vocabulary.NewIndex()
	t := Consultees{byKind: map[vocabulary.Kind][]consultee{}}
	nobody := map[vocabulary.Kind]bool{}
	for _, line := range lines {
		kind := vocabulary.Kind(line.words[0])
		who, err := parseConsultee(index, line.words)
		switch {
		case err != nil:
		case nobody[kind] || (who.role == "" && len(t.byKind[kind]) > 0):
			err = fmt.Errorf("%s has a line with none and another line", kind)
		case slices.ContainsFunc(t.byKind[kind], func(other consultee) bool { return other.role == who.role }):
			err = fmt.Errorf("%s asks %s twice", kind, who.role)
		}
		if err != nil {
			return Consultees{}, fmt.Errorf("consultees: line %d: %w", line.number, err)
		}
		if who.role == "" {
			nobody[kind] = true
			continue
		}
		t.byKind[kind] = append(t.byKind[kind], who)
	}
	for code := range index["request_kind"] {
		if kind := vocabulary.Kind(code); !nobody[kind] && len(t.byKind[kind]) == 0 {
			return Consultees{}, fmt.Errorf("consultees: %s is missing (write %s, none, always)", code, code)
		}
	}
	return t, nil
}

// parseConsultee reads "CLINICAL_AUDIT, IAO, cpi and asset_owner_named"; none gives an empty role.
func parseConsultee(index vocabulary.Index, words []string) (consultee, error) {
	kind, role := words[0], vocabulary.Role(words[1])
	who := consultee{role: role, claims: strings.Split(words[2], " and ")}
	if !index.Knows("request_kind", kind) {
		return consultee{}, fmt.Errorf("%q is not a kind of request", kind)
	}
	for _, claim := range who.claims {
		if claims[claim] == nil {
			return consultee{}, fmt.Errorf("%q is not a word for when", claim)
		}
	}
	if role == "none" {
		if words[2] != "always" {
			return consultee{}, errors.New(`none is always: leave the line out, or name somebody`)
		}
		return consultee{}, nil
	}
	if !Consultable(role) {
		return consultee{}, fmt.Errorf("%q is not a role that is consulted", role)
	}
	if role == vocabulary.RoleIao && !slices.Contains(who.claims, "asset_owner_named") {
		return consultee{}, errors.New("IAO is the person named in the request: write asset_owner_named")
	}
	return who, nil
}

// policyLine is one line of a policy file, with the number under which an editor shows it.
type policyLine struct {
	number int
	words  []string
}

// readPolicy reads a table that people keep by hand: comments with #, a header that must be exact, columns that may be
// aligned with spaces, and the same number of them on every line.
func readPolicy(r io.Reader, header ...string) ([]policyLine, error) {
	table := csv.NewReader(r)
	table.Comment = '#'
	table.TrimLeadingSpace = true
	table.FieldsPerRecord = len(header)
	var lines []policyLine
	for {
		words, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err // names the line
		}
		for i := range words {
			words[i] = strings.TrimSpace(words[i])
		}
		number, _ := table.FieldPos(0)
		lines = append(lines, policyLine{number, words})
	}
	if len(lines) == 0 || !slices.Equal(lines[0].words, header) {
		return nil, fmt.Errorf("the first line must be %q", strings.Join(header, ", "))
	}
	return lines[1:], nil
}
