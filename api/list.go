package api

import (
	"strconv"
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// List is one page of a list; Next is the cursor of the page after it, "" on the last.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// FromList writes one page.
func FromList[A, T any](page []A, next string, f func(A) T) List[T] {
	return List[T]{Items: listed(page, f), Next: next}
}

// Permitted is a deed that this caller may do now, with the line of the policy that says so.
type Permitted struct {
	Deed caldicott.Action `json:"deed"`
	Line string           `json:"line"`
	Text string           `json:"text"`
}

// Permit writes a deed that the ruling allows.
func Permit(deed caldicott.Action, r caldicott.Ruling) Permitted {
	return Permitted{Deed: deed, Line: r.Line, Text: r.Text}
}

// ETag writes a revision as an entity tag: "7" in quotes.
func ETag(revision int) string { return strconv.Quote(strconv.Itoa(revision)) }

// Revision reads an entity tag as ETag writes it; false for any other, which can only be stale.
func Revision(etag string) (int, bool) {
	n, err := strconv.Atoi(strings.Trim(etag, `"`))
	return n, err == nil && etag == ETag(n)
}
