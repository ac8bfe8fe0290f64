package api

import (
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// VocabularyView is every coded list, each code with the days between which it is in force.
type VocabularyView struct {
	Lists []VocabularyList `json:"lists"`
}

// VocabularyList is one list of codes, in the order in which people should see them.
type VocabularyList struct {
	Name    string            `json:"name"`
	Entries []VocabularyEntry `json:"entries"`
}

// VocabularyEntry is one code. Both days belong to its validity; without valid_to it has no end.
type VocabularyEntry struct {
	Code      string `json:"code"`
	Label     string `json:"label"`
	Note      string `json:"note,omitempty"`
	ValidFrom string `json:"valid_from"`
	ValidTo   string `json:"valid_to,omitempty"`
}

// FromVocabulary writes the lists.
func FromVocabulary(lists []vocabulary.List) VocabularyView {
	return VocabularyView{Lists: listed(lists, func(l vocabulary.List) VocabularyList {
		return VocabularyList{Name: l.Name, Entries: listed(l.Entries, func(e vocabulary.Entry) VocabularyEntry {
			return VocabularyEntry(e)
		})}
	})}
}

// PolicyView is who may do what: the lines in force, and the digest of the folder they come from.
type PolicyView struct {
	Digest string       `json:"digest"`
	Lines  []PolicyLine `json:"lines"`
}

// PolicyLine is one line of policy.csv: where it stands, and what it says.
type PolicyLine struct {
	Line   string           `json:"line"`
	Role   vocabulary.Role  `json:"role"`
	Action caldicott.Action `json:"action"`
	Whose  caldicott.Whose  `json:"whose"`
	Ruling string           `json:"ruling"`
}

// FromPolicy writes the rulings of the policy in force.
func FromPolicy(digest string, rulings []caldicott.Ruling) PolicyView {
	return PolicyView{Digest: digest, Lines: listed(rulings, fromRuling)}
}

// fromRuling reads the five words of a line: p, IG_OFFICER, triage, organisation, allow.
func fromRuling(r caldicott.Ruling) PolicyLine {
	line := PolicyLine{Line: r.Line, Ruling: "deny"}
	if r.Allowed {
		line.Ruling = "allow"
	}
	if words := strings.Split(r.Text, ", "); len(words) == 5 {
		line.Role, line.Action, line.Whose = vocabulary.Role(words[1]), caldicott.Action(words[2]), caldicott.Whose(words[3])
	}
	return line
}
