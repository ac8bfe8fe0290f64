package access

import (
	"fmt"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// The words that may stand in the last column.
const (
	allow = "allow"
	deny  = "deny"
)

// A Line is one line of policy.csv: {Number: 41, Role: "IG_OFFICER", Action: "triage", Whose: "organisation",
// Ruling: "allow", Comment: "Information governance officers read and handle the requests of their organisation."}.
type Line struct {
	Number  int
	Role    vocabulary.Role
	Action  caldicott.Action
	Whose   caldicott.Whose
	Ruling  string // allow or deny
	Comment string // the heading under which the line stands
}

// String writes the line with single spaces, however it is aligned in the file.
func (l Line) String() string {
	return fmt.Sprintf("p, %s, %s, %s, %s", l.Role, l.Action, l.Whose, l.Ruling)
}

// Place is where the line stands, as rulings and the trail name it: policy.csv:41.
func (l Line) Place() string { return fmt.Sprintf("%s:%d", linesFile, l.Number) }

func (l Line) question() question {
	return question{l.Action, caldicott.Standing{Role: l.Role, Whose: l.Whose}}
}

func (l Line) ruling() caldicott.Ruling {
	return caldicott.Ruling{Allowed: l.Ruling == allow, Line: l.Place(), Text: l.String()}
}

// weight puts denials first.
func (l Line) weight() int {
	if l.Ruling == deny {
		return 0
	}
	return 1
}

// A question is what Casbin is asked: may somebody who stands so do this?
type question struct {
	action   caldicott.Action
	standing caldicott.Standing
}

// roles are the words that may stand in the first column.
func roles() []vocabulary.Role { return vocabulary.Codes[vocabulary.Role]("role") }
