package api

import (
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

// PolicyLine is one line of policy.csv: where it stands ("policy.csv:41"), what it says, and the sentence above it.
type PolicyLine struct {
	Line    string           `json:"line"`
	Role    vocabulary.Role  `json:"role"`
	Action  caldicott.Action `json:"action"`
	Whose   caldicott.Whose  `json:"whose"`
	Ruling  string           `json:"ruling"`
	Comment string           `json:"comment"`
}
