package caldicott

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Clocks say when the house reminds and escalates, and how long grace lasts (policy/clocks.csv). Reminders and stages are
// in the order in which they come: the largest number of days, or the smallest part, first.
type Clocks struct {
	ReviewReminders     []int // calendar days before a review or an expiry
	ConditionReminders  []int // working days before a condition is due
	Escalation          []int // percent of a limit: to the IG lead, the guardian, the chief executive
	ConditionGrace      int   // working days after which an overdue condition suspends
	ReviewRequest       int   // working days after a decision
	ReviewHearing       int   // working days after a review was asked for
	OfficeReminders     []int // calendar days before a delegation or an appointment ends
	SampleShare         int   // percent
	SampleLeast         int
	SampleDisagreements int
}

// clockLine is how one line of clocks.csv must look: its unit, how many numbers it takes (0: any), and where they go.
type clockLine struct {
	unit  string
	count int
	into  *[]int
}

// ParseClocks reads policy/clocks.csv.
func ParseClocks(r io.Reader) (Clocks, error) {
	lines, err := readPolicy(r, "clock", "value")
	if err != nil {
		return Clocks{}, fmt.Errorf("clocks: %w", err)
	}
	var c Clocks
	var grace, request, hearing, share, least, disagreements []int
	wanted := map[string]clockLine{
		"review_reminders": {"days", 0, &c.ReviewReminders}, "condition_reminders": {"working days", 0, &c.ConditionReminders},
		"escalation": {"percent", 3, &c.Escalation}, "condition_grace": {"working days", 1, &grace},
		"review_request": {"working days", 1, &request}, "review_hearing": {"working days", 1, &hearing},
		"office_reminders": {"days", 0, &c.OfficeReminders}, "sample_share": {"percent", 1, &share},
		"sample_least": {"decisions", 1, &least}, "sample_disagreements": {"decisions", 1, &disagreements},
	}
	for _, line := range lines {
		w, ok := wanted[line.words[0]]
		if !ok || *w.into != nil {
			return Clocks{}, fmt.Errorf("clocks: line %d: %q is no clock, or is there twice", line.number, line.words[0])
		}
		if *w.into, err = w.parse(line.words[1]); err != nil {
			return Clocks{}, fmt.Errorf("clocks: line %d: %w", line.number, err)
		}
	}
	for name, w := range wanted {
		if *w.into == nil {
			return Clocks{}, fmt.Errorf("clocks: %s is missing", name)
		}
	}
	c.ConditionGrace, c.ReviewRequest, c.ReviewHearing = grace[0], request[0], hearing[0]
	c.SampleShare, c.SampleLeast, c.SampleDisagreements = share[0], least[0], disagreements[0]
	return c, nil
}

// parse reads "90 30 7 days".
func (w clockLine) parse(s string) ([]int, error) {
	words, ok := strings.CutSuffix(s, " "+w.unit)
	if !ok {
		return nil, fmt.Errorf("%q must end in %q", s, w.unit)
	}
	numbers := []int{}
	for word := range strings.FieldsSeq(words) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > 1000 {
			return nil, fmt.Errorf("%q is not a number from 1 to 1000", word)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) == 0 || w.count > 0 && len(numbers) != w.count {
		return nil, fmt.Errorf("%q has not as many numbers as are needed", s)
	}
	return numbers, nil
}
