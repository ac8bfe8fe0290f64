package caldicott

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is where something stands in a line: line[from:to].
type span struct{ from, to int }

// besideReach is how far apart, in characters, a label and its value may stand.
const besideReach = 30

// The guard's patterns are asked of a line in lower case, but for the postcode's.
var (
	nhsPattern      = regexp.MustCompile(`nhs[ _-]?(?:numbers?|nos?)`)
	birthPattern    = regexp.MustCompile(`born|d\.?o\.?b|date[ _-]of[ _-]birth`)
	localPattern    = regexp.MustCompile(`mrn|(?:hospital|unit)[ _-](?:numbers?|nos?)`)
	datePattern     = regexp.MustCompile(`\d{1,2}(?:/\d{1,2}/|-\d{1,2}-|\.\d{1,2}\.)\d{4}|\d{4}-\d{2}-\d{2}|` + writtenDate)
	tokenPattern    = regexp.MustCompile(`[a-z0-9]+(?:[/-][a-z0-9]+)*`)
	codePattern     = regexp.MustCompile(`^(?:[a-z]{0,4}\d[\d/-]{2,14}|[a-z]{1,4}[/-]\d{5,10})[a-z]{0,2}$`)
	yearPattern     = regexp.MustCompile(`^(?:19|20)\d\d(?:[/-](?:19|20)?\d\d)?$`)
	postcodePattern = regexp.MustCompile(`[A-Za-z]{1,2}[0-9][0-9A-Za-z]? ?[0-9][ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2}|(?i:gir ?0aa)`)
)

// writtenDate is "3 April 1952", "3rd of Apr 1952".
const writtenDate = `\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*,? \d{4}`

// tenDigits finds what has the shape of an NHS number, and says whether one of them has the right check digit.
func tenDigits(line string) (numbers []span, good bool) {
	for i := 0; i < len(line); {
		if !isDigit(line[i]) {
			i++
			continue
		}
		run := digitsFrom(line, i)
		found, grouped := span{i, run}, false
		if run-i == 3 {
			found.to, grouped = groupsFrom(line, i)
		}
		if grouped || run-i == 10 {
			numbers = append(numbers, found)
			// A letter beside groups makes them a reference ("CG-TST123-456-7890"), beside ten digits in a row it does not.
			good = good || checkDigitRight(line[found.from:found.to]) && !(grouped && letterBeside(line, found))
		}
		i = run
	}
	return numbers, good
}

// digitsFrom gives the end of the digits that start at i.
func digitsFrom(line string, i int) int {
	for i < len(line) && isDigit(line[i]) {
		i++
	}
	return i
}

// groupsFrom reads groups of 3, 3 and 4 digits, one space or hyphen between them, and gives their end.
func groupsFrom(line string, i int) (end int, ok bool) {
	for n, size := range []int{3, 3, 4} {
		if n > 0 {
			if i >= len(line) || (line[i] != ' ' && line[i] != '-') {
				return 0, false
			}
			i++
		}
		end := digitsFrom(line, i)
		if end-i != size {
			return 0, false
		}
		i = end
	}
	return i, true
}

// checkDigitRight is the NHS number's modulus 11: weights 10 to 2; 11 counts as 0, and 10 is never a check digit.
func checkDigitRight(number string) bool {
	sum, weight, check := 0, 10, 0
	for i := range len(number) {
		if !isDigit(number[i]) {
			continue
		}
		check = int(number[i] - '0')
		if weight > 1 {
			sum += check * weight
		}
		weight--
	}
	return check == (11-sum%11)%11
}

func letterBeside(line string, s span) bool {
	before, _ := utf8.DecodeLastRuneInString(line[:s.from])
	after, _ := utf8.DecodeRuneInString(line[s.to:])
	return unicode.IsLetter(before) || unicode.IsLetter(after)
}

// labelled says whether a label stands beside a value, looking for values only where there is a label.
func labelled(line string, labels, values func(string) []span) bool {
	l := labels(line)
	return len(l) > 0 && beside(line, l, values(line))
}

// beside: at most 30 characters between the two, whichever comes first.
func beside(line string, labels, values []span) bool {
	for _, l := range labels {
		for _, v := range values {
			first, second := l, v
			if v.from < l.from {
				first, second = v, l
			}
			if first.to <= second.from && within(line[first.to:second.from], besideReach) {
				return true
			}
		}
	}
	return false
}

// within counts no further than it must: a character has four bytes at most.
func within(gap string, characters int) bool {
	return len(gap) <= characters*utf8.UTFMax && utf8.RuneCountInString(gap) <= characters
}

func nhsWords(line string) []span { return words(line, "nhs", nhsPattern) }

func birthWords(line string) []span { return words(line, "b", birthPattern) }

func localWords(line string) []span { return words(line, "n", localPattern) }

// words finds labels that are whole words; the hint spares the pattern a line that cannot hold one.
func words(line, hint string, pattern *regexp.Regexp) []span {
	if !strings.Contains(line, hint) {
		return nil
	}
	return matches(line, pattern, func(s span) bool { return !letterBeside(line, s) })
}

// dates leaves out what is part of a longer number.
func dates(line string) []span {
	return matches(line, datePattern, func(s span) bool { return !digitBeside(line, s) })
}

// codes finds what could be a hospital number: four digits or more, or three among letters, but no date and no year.
func codes(line string) []span {
	return matches(line, tokenPattern, func(s span) bool {
		token := line[s.from:s.to]
		return codePattern.MatchString(token) && enoughDigits(token) &&
			!yearPattern.MatchString(token) && len(dates(token)) == 0
	})
}

func enoughDigits(token string) bool {
	digits := 0
	for i := range len(token) {
		if isDigit(token[i]) {
			digits++
		}
	}
	return digits >= 4 || digits == 3 && len(token) >= 6
}

// hasPostcode takes any two letters for an area, so that one made up for an example counts too.
func hasPostcode(line string) bool {
	return len(matches(line, postcodePattern, func(s span) bool {
		switch line[s.to-2 : s.to] {
		case "st", "nd", "rd", "th": // "phase B1 2nd draft"
			return false
		default:
			return !letterBeside(line, s) && !digitBeside(line, s)
		}
	})) > 0
}

func digitBeside(line string, s span) bool {
	return s.from > 0 && isDigit(line[s.from-1]) || s.to < len(line) && isDigit(line[s.to])
}

// matches gives where the pattern matches and the rest holds too.
func matches(line string, pattern *regexp.Regexp, holds func(span) bool) []span {
	var found []span
	for _, at := range pattern.FindAllStringIndex(line, -1) {
		if s := (span{at[0], at[1]}); holds(s) {
			found = append(found, s)
		}
	}
	return found
}
