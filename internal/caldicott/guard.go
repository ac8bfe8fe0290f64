package caldicott

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Guard looks for patients' identifiers in what people write. The service records uses of data, never patients, and a
// log that only grows cannot forget one. What it finds is named by field only; the value goes nowhere.
//
// Fold writes look-alike characters in their plain form (NFKC); nil leaves them as they are.
type Guard struct {
	Fold func(string) string
}

// Text is one piece of free text and the JSON path of the field in which it stands: {"purpose", "To compare …"}.
type Text struct{ Field, Value string }

// suspicion is what the guard thinks of a text, the worst last.
type suspicion int

const (
	nothing     suspicion = iota
	localNumber           // "MRN" beside a code
	postcode              // a full UK postcode
	birthDate             // "born" beside a date
	badNumber             // "NHS number" beside ten digits that are none
	nhsNumber             // ten digits whose check digit is right
)

// said is what the requester is told of each suspicion, and never the value.
var said = map[suspicion]string{
	localNumber: "This looks like a patient's hospital number: take it out if it is one.",
	postcode:    "This holds a full postcode: take it out if it is where a patient lives.",
	birthDate:   "This looks like somebody's date of birth: take it out if it is a patient's.",
	badNumber:   "This speaks of an NHS number next to ten digits that are not a valid one: it may be a slip, so take it out.",
	nhsNumber:   "This holds what looks like an NHS number: take it out, or confirm that it is not one and say why.",
}

const confirmedNotIdentifier = "The author has confirmed, with a reason, that what looks like an NHS number here is not one."

// Look gives rule V013's findings, at most one for each field: BLOCK_SUBMIT for an NHS number, which refuses the write
// that carries it, and WARN where the author has confirmed with a reason that it is none, or for what only looks so.
func (g Guard) Look(texts []Text, confirmed []Confirmation) []Finding {
	var findings []Finding
	for _, t := range texts {
		seen := g.suspect(t.Value)
		if seen == nothing {
			continue
		}
		f := Finding{vocabulary.RuleV013, vocabulary.SeverityWarn, t.Field, said[seen]}
		if seen == nhsNumber {
			if isConfirmed(t.Field, confirmed) {
				f.Message = confirmedNotIdentifier
			} else {
				f.Severity = vocabulary.SeverityBlockSubmit
			}
		}
		findings = append(findings, f)
	}
	for i, c := range confirmed { // what is said to excuse a number must not be one itself, and nothing excuses that
		for _, t := range []Text{{"field", c.Field}, {"reason", c.Reason}} {
			if g.suspect(t.Value) == nhsNumber {
				field := fmt.Sprintf("not_identifiers[%d].%s", i, t.Field)
				findings = append(findings, Finding{vocabulary.RuleV013, vocabulary.SeverityBlockSubmit, field, said[nhsNumber]})
			}
		}
	}
	return settle(findings)
}

// Used are the confirmations that were needed: those of a field in which the guard fired.
func Used(confirmed []Confirmation, fired []Finding) []Confirmation {
	return slices.DeleteFunc(slices.Clone(confirmed), func(c Confirmation) bool {
		return !slices.ContainsFunc(fired, func(f Finding) bool { return f.Field == c.Field })
	})
}

// isConfirmed asks for a reason too: a bare "no" is not one.
func isConfirmed(field string, confirmed []Confirmation) bool {
	for _, c := range confirmed {
		if c.Field == field && !blank(c.Reason) {
			return true
		}
	}
	return false
}

// suspect gives the worst that any line of the text shows.
func (g Guard) suspect(text string) suspicion {
	text = g.plain(text)
	if !hasDigit(text) {
		return nothing // there is no identifier without a digit
	}
	worst := nothing
	for line := range strings.FieldsFuncSeq(text, endsLine) {
		if hasDigit(line) {
			worst = max(worst, suspectLine(line))
		}
	}
	return worst
}

// endsLine: an identifier and its label stand on one line, whichever way its end is written.
func endsLine(r rune) bool {
	switch r {
	case '\n', '\v', '\f', '\r', '\u0085', '\u2028', '\u2029':
		return true
	default:
		return false
	}
}

// suspectLine looks from the worst to the mildest and stops at the first that it sees.
func suspectLine(line string) suspicion {
	lower := strings.ToLower(line)
	numbers, good := tenDigits(lower)
	switch {
	case good:
		return nhsNumber
	case len(numbers) > 0 && beside(lower, nhsWords(lower), numbers):
		return badNumber
	case labelled(lower, birthWords, dates):
		return birthDate
	case hasPostcode(line):
		return postcode
	case labelled(lower, localWords, codes):
		return localNumber
	default:
		return nothing
	}
}
