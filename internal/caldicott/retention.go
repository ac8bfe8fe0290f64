package caldicott

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Keeping is how long a kind of request is kept once it is over, and on whose authority.
type Keeping struct {
	Years     int
	Authority string
}

// Schedule is the times of keeping, from policy/retention.csv.
type Schedule struct {
	others Keeping
	kinds  map[vocabulary.Kind]Keeping
}

// authorityForm is what may stand among the facts of an entry.
var authorityForm = regexp.MustCompile(`^[A-Z0-9][A-Z0-9 .-]{0,99}$`)

// everyOther stands for the kinds that have no line of their own.
const everyOther = "*"

// ParseSchedule reads policy/retention.csv: a line for some kinds, and one for all others.
func ParseSchedule(r io.Reader) (Schedule, error) {
	lines, err := readPolicy(r, "kind", "years", "authority")
	if err != nil {
		return Schedule{}, fmt.Errorf("retention: %w", err)
	}
	index := vocabulary.NewIndex()
	s := Schedule{kinds: map[vocabulary.Kind]Keeping{}}
	for _, line := range lines {
		kind := vocabulary.Kind(line.words[0])
		years, err := strconv.Atoi(line.words[1])
		_, twice := s.kinds[kind]
		switch {
		case kind != everyOther && !index.Knows("request_kind", string(kind)):
			return Schedule{}, fmt.Errorf("retention: line %d: %q is not a kind of request", line.number, kind)
		case twice || kind == everyOther && s.others.Years > 0:
			return Schedule{}, fmt.Errorf("retention: line %d: %s is there twice", line.number, kind)
		case err != nil || years < 1 || years > 100:
			return Schedule{}, fmt.Errorf("retention: line %d: %q is not a number of years from 1 to 100", line.number, line.words[1])
		case !authorityForm.MatchString(line.words[2]):
			return Schedule{}, fmt.Errorf("retention: line %d: an authority is capital letters, digits, spaces, dots and hyphens", line.number)
		}
		keeping := Keeping{years, line.words[2]}
		if kind == everyOther {
			s.others = keeping
		} else {
			s.kinds[kind] = keeping
		}
	}
	if s.others.Years == 0 {
		return Schedule{}, fmt.Errorf("retention: the line for all other kinds (*) is missing")
	}
	return s, nil
}

// Of is how long the kind is kept.
func (s Schedule) Of(kind vocabulary.Kind) Keeping {
	if k, ok := s.kinds[kind]; ok {
		return k
	}
	return s.others
}

// Limit is the instant before which the last deed must lie for the time of keeping to be over now.
func (k Keeping) Limit(now time.Time) time.Time { return now.AddDate(-k.Years, 0, 0) }
