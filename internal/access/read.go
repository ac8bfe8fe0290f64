package access

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// readLines reads policy.csv with encoding/csv rather than with Casbin's adapters, of which one drops broken lines
// without a word. Every fault is reported with its line, all at once.
func readLines(fsys fs.FS) ([]Line, error) {
	data, err := fs.ReadFile(fsys, linesFile)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	lines, err := parse(data)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s: there is no line in it, so nobody may do anything", linesFile)
	}
	return lines, check(lines)
}

func parse(data []byte) ([]Line, error) {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment, r.TrimLeadingSpace, r.FieldsPerRecord = '#', true, 5
	headings := headingsOf(data)
	var lines []Line
	for {
		words, err := r.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, unreadable(err)
		}
		number, _ := r.FieldPos(0)
		if words[0] != "p" {
			return nil, fmt.Errorf("%s:%d: a line begins with p, not with %q", linesFile, number, words[0])
		}
		lines = append(lines, Line{
			Number: number, Role: vocabulary.Role(words[1]), Action: caldicott.Action(words[2]),
			Whose: caldicott.Whose(words[3]), Ruling: words[4], Comment: headings[number],
		})
	}
}

// unreadable says where the file stopped being a table of five columns.
func unreadable(err error) error {
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d: %w", linesFile, broken.Line, broken.Err)
	}
	return fmt.Errorf("%s: %w", linesFile, err)
}

// headingsOf gives each line the block of comments that stands last above it.
func headingsOf(data []byte) map[int]string {
	headings := make(map[int]string)
	var heading []string
	fresh := false
	for number, text := range strings.Split(string(data), "\n") {
		words, comment := strings.CutPrefix(text, "#")
		if !comment {
			fresh = false
			headings[number+1] = strings.Join(heading, " ")
			continue
		}
		if !fresh {
			heading, fresh = nil, true
		}
		heading = append(heading, strings.TrimSpace(words))
	}
	return headings
}

// check holds every word against its vocabulary, because a misspelt word would match nothing and fail quietly, and
// refuses a second line about the same thing, because only one of the two can be meant.
func check(lines []Line) error {
	known := roles()
	first := make(map[question]Line, len(lines))
	var faults []error
	for _, l := range lines {
		fault := func(format string, a ...any) {
			faults = append(faults, fmt.Errorf("%s: %s", l.Place(), fmt.Sprintf(format, a...)))
		}
		if !slices.Contains(known, l.Role) {
			fault("%q is not a role", l.Role)
		}
		if !slices.Contains(caldicott.Actions(), l.Action) {
			fault("%q is not a deed", l.Action)
		}
		if !slices.Contains(caldicott.Whoses(), l.Whose) {
			fault("%q is not one of own, assigned, organisation", l.Whose)
		}
		if l.Ruling != allow && l.Ruling != deny {
			fault("%q is neither allow nor deny", l.Ruling)
		}
		if other, ok := first[l.question()]; !ok {
			first[l.question()] = l
		} else if other.Ruling == l.Ruling {
			fault("says again what line %d says", other.Number)
		} else {
			fault("contradicts line %d", other.Number)
		}
	}
	return errors.Join(faults...)
}
