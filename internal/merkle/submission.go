package merkle

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Submission is what a log hands to a witness (c2sp.org/tlog-witness, add-checkpoint): a signed checkpoint, and the proof
// that its tree began as the one of the size that the witness knows.
type Submission struct {
	Old  int64
	Path []Hash
	Note string // the signed checkpoint
}

var errSubmission = errors.New("no submission to a witness")

// Text is the body of the request.
func (s Submission) Text() string {
	var b strings.Builder
	b.WriteString("old " + strconv.FormatInt(s.Old, 10) + "\n")
	writePath(&b, s.Path)
	b.WriteString("\n" + s.Note)
	return b.String()
}

// ParseSubmission reads what Text writes. What the note says is for the reader to judge.
func ParseSubmission(text string) (Submission, error) {
	head, note, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	old, sized := strings.CutPrefix(lines[0], "old ")
	if !found || !sized || len(lines) > maxPath+1 {
		return Submission{}, errSubmission
	}
	s := Submission{Note: note}
	var err error
	if s.Old, err = parseCount(old); err != nil {
		return Submission{}, fmt.Errorf("%w: %w", errSubmission, err)
	}
	if s.Path, err = parsePath(lines[1:]); err != nil {
		return Submission{}, fmt.Errorf("%w: %w", errSubmission, err)
	}
	return s, nil
}

func writePath(b *strings.Builder, path []Hash) {
	for _, h := range path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
}

func parsePath(lines []string) (path []Hash, err error) {
	for _, line := range lines {
		h, err := parseHash(line)
		if err != nil {
			return nil, err
		}
		path = append(path, h)
	}
	return path, nil
}
