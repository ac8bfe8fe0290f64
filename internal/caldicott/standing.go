package caldicott

import "github.com/caldicott/caldicott/internal/caldicott/vocabulary"

// A Standing is one way in which a person stands to the thing a deed is done to: {IG_OFFICER, organisation}.
// A person has as many as hold at that instant; how each arises is written in policy/README.md. Leaving one out may
// take a prohibition away, so whoever lists them lists all.
type Standing struct {
	Role  vocabulary.Role
	Whose Whose
}

// A Ruling is the policy's answer with the line that gave it. A refusal without a line means that no line allows the
// deed; a refusal with a line, that this line forbids it whatever the others say. The zero Ruling refuses.
type Ruling struct {
	Allowed bool
	Line    string // policy.csv:41
	Text    string // p, IG_OFFICER, triage, organisation, allow
}
