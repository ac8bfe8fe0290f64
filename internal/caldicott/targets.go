package caldicott

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Targets are the organisation's time limits, from policy/targets.csv.
type Targets struct {
	limits map[vocabulary.Urgency]limits
}

// limits is one line of targets.csv.
type limits struct{ triage, decision, record, ratification limit }

// limit is a number of working days or of elapsed hours; the zero limit is "none".
type limit struct{ days, hours int }

// ParseTargets reads policy/targets.csv: one line for each urgency, each limit "4 hours", "3 working days" or "none".
func ParseTargets(r io.Reader) (Targets, error) {
	lines, err := readPolicy(r, "urgency", "triage", "decision", "record", "ratification")
	if err != nil {
		return Targets{}, fmt.Errorf("targets: %w", err)
	}
	index := vocabulary.NewIndex()
	t := Targets{limits: map[vocabulary.Urgency]limits{}}
	for _, line := range lines {
		urgency := vocabulary.Urgency(line.words[0])
		if !index.Knows("urgency", line.words[0]) {
			return Targets{}, fmt.Errorf("targets: line %d: %q is not an urgency", line.number, urgency)
		}
		if _, twice := t.limits[urgency]; twice {
			return Targets{}, fmt.Errorf("targets: line %d: %s is there twice", line.number, urgency)
		}
		if t.limits[urgency], err = parseLimits(urgency, line.words[1:]); err != nil {
			return Targets{}, fmt.Errorf("targets: line %d: %w", line.number, err)
		}
	}
	for code := range index["urgency"] {
		if _, ok := t.limits[vocabulary.Urgency(code)]; !ok {
			return Targets{}, fmt.Errorf("targets: %s is missing", code)
		}
	}
	return t, nil
}

// parseLimits reads the four limits and refuses a line that would leave a decision without any.
func parseLimits(urgency vocabulary.Urgency, words []string) (limits, error) {
	var l limits
	for i, at := range []*limit{&l.triage, &l.decision, &l.record, &l.ratification} {
		var err error
		if *at, err = parseLimit(words[i]); err != nil {
			return limits{}, err
		}
	}
	none, emergency := limit{}, urgency == vocabulary.UrgencyEmergency
	switch {
	case emergency && (l.record == none || l.ratification == none):
		return limits{}, fmt.Errorf("%s needs a limit for record and for ratification", urgency)
	case emergency && (l.triage != none || l.decision != none):
		return limits{}, fmt.Errorf("%s has no triage and no decision: it is recorded and ratified", urgency)
	case !emergency && l.decision == none:
		return limits{}, fmt.Errorf("%s needs a limit for the decision", urgency)
	case !emergency && (l.record != none || l.ratification != none):
		return limits{}, fmt.Errorf("%s is neither recorded nor ratified: only EMERGENCY is", urgency)
	}
	return l, nil
}

// parseLimit reads "none", "1 working day", "10 working days" or "4 hours".
func parseLimit(s string) (limit, error) {
	if s == "none" {
		return limit{}, nil
	}
	number, unit, _ := strings.Cut(s, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > 1000 {
		return limit{}, fmt.Errorf("%q is not a limit", s)
	}
	switch unit {
	case "working day", "working days":
		return limit{days: n}, nil
	case "hour", "hours":
		return limit{hours: n}, nil
	default:
		return limit{}, fmt.Errorf("%q is not a limit: write working days or hours", s)
	}
}
