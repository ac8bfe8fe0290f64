package caldicott

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Kind sorts errors by who has to do something about them. The wire turns it into a status in one table (api/problem.go).
type Kind int

// The zero Kind is Internal: what was not deliberately classified says nothing to the outside.
const (
	Internal        Kind = iota
	Unreadable           // 400: the bytes are not what the contract describes
	Unauthenticated      // 401: nobody knows who is asking
	Forbidden            // 403: may see, may not do
	NotFound             // 404: is not there, or may not be seen
	Conflict             // 409: not possible in this state
	Stale                // 412: If-Match names an older revision
	TooLarge             // 413
	NotJSON              // 415
	Invalid              // 422: readable but wrong
	Precondition         // 428: If-Match is missing
	TooMany              // 429
	Unavailable          // 503: the database is away, or a refusal could not be recorded
)

// Codes that are neither a finding's rule (V001 …) nor a separation-of-duties rule (SD1 …).
const (
	CodePolicy          = "POLICY"
	CodeAuthority       = "AUTHORITY"
	CodeState           = "STATE"
	CodeHold            = "HOLD"
	CodeStale           = "STALE"
	CodeNotFound        = "NOT_FOUND"
	CodePrecondition    = "PRECONDITION"
	CodeUnreadable      = "UNREADABLE"
	CodeUnknownField    = "UNKNOWN_FIELD"
	CodeUnauthenticated = "UNAUTHENTICATED"
	CodeKeyReused       = "KEY_REUSED"
	CodeKeyBusy         = "KEY_BUSY"
	CodePrinciples      = "CP"
	CodeRequired        = "REQUIRED"
	CodeField           = "FIELD"
	CodeCondition       = "CONDITION"
	CodeExists          = "EXISTS"
	CodeUnavailable     = "UNAVAILABLE"
	CodeDisposed        = "DISPOSED" // its bytes are gone, by certificate
	CodeUnsealed        = "UNSEALED" // not in the signed log yet
)

// FieldError says what is wrong with one field; Message never repeats what the field holds.
type FieldError struct {
	Field, Code, Message string
}

// Error is an error with a kind, a code that names its rule, and a sentence fit for the person who caused it.
// Err, if any, is for the log only.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Fields  []FieldError
	Err     error
}

// Error gives the sentence, never the fields' values.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return e.Code + ": " + e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error; the format is for plain words, not for content.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// KindOf finds the kind of any error; Internal where nobody gave it one.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf finds the code of any error, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Refuse makes the 422 that lists everything wrong, led by the code that matters most: a finding's rule by number, then
// the principles, then what is required, malformed, or wrong with a condition. No fields: no error.
func Refuse(fields []FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	sort.SliceStable(fields, func(i, j int) bool { return codeWeight(fields[i].Code) < codeWeight(fields[j].Code) })
	return &Error{Kind: Invalid, Code: fields[0].Code, Message: fields[0].Message, Fields: fields}
}

// codeWeight orders the codes of a 422.
func codeWeight(code string) string {
	switch code {
	case CodePrinciples:
		return "W1"
	case CodeRequired:
		return "W2"
	case CodeField:
		return "W3"
	case CodeCondition:
		return "W4"
	}
	return code
}

// ByRule says whether a 422 was given by a rule of the house and so belongs in the trail.
func ByRule(code string) bool {
	return strings.HasPrefix(code, "V0") || code == CodePrinciples || code == CodeCondition
}
