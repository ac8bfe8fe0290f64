package merkle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/merkle"
)

func FuzzASubmissionHasOneSpelling(f *testing.F) {
	s := merkle.Submission{Old: 3, Path: []merkle.Hash{merkle.Leaf(nil), merkle.Leaf([]byte("x"))}, Note: "a\n4\nb\n\n— a x\n"}
	f.Add(s.Text())
	f.Add(merkle.Submission{Note: "a\n"}.Text())
	f.Add(strings.Replace(s.Text(), "3", "03", 1))
	f.Add("old 1\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := merkle.ParseSubmission(text)
		if err != nil {
			return
		}
		if s.Text() != text || len(s.Path) > 63 || s.Old < 0 {
			t.Errorf("%q is read as %q", text, s.Text())
		}
		if again, err := merkle.ParseSubmission(s.Text()); err != nil || again.Old != s.Old || !slices.Equal(again.Path, s.Path) || again.Note != s.Note {
			t.Errorf("%q: %v", text, err)
		}
	})
}
