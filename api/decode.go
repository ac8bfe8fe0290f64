package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// Decode reads one JSON body, strictly: a body means exactly one thing, or it is refused. Refused are members that the
// contract does not name or that come twice, other types than the contract's, numbers that are no whole numbers in
// range, broken UTF-8, the character NUL, half surrogates, and whatever follows the body. A member may be null, which is as if it were absent. An empty body is one without members, where none is needed.
//
// What is wrong is told by its path, which names no member that the contract does not know unless it looks like a name.
// The caller bounds the size (http.MaxBytesReader).
func Decode[T any](r io.Reader, into *T) error {
	data, err := io.ReadAll(r)
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return caldicott.Errorf(caldicott.TooLarge, CodeTooLarge, "The body is too large.")
	}
	if err != nil {
		return &caldicott.Error{
			Kind: caldicott.Unreadable, Code: caldicott.CodeUnreadable, Message: "The body did not arrive whole.", Err: err,
		}
	}
	t := reflect.TypeFor[T]()
	if len(bytes.TrimSpace(data)) == 0 && !needsMember(t) {
		return nil
	}
	s := newScanner(data)
	if err := s.body(t); err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return unreadable("", "is not what the contract describes") // the scanner has seen to it all; no cause: it quotes the body
	}
	return nil
}

// unreadable refuses the body for what is at the path.
func unreadable(path, message string) error { return refuse(caldicott.CodeUnreadable, path, message) }

func refuse(code, path, message string) error {
	return &caldicott.Error{
		Kind: caldicott.Unreadable, Code: code, Message: "The body cannot be read: " + spoken(path) + " " + message + ".",
		Fields: []caldicott.FieldError{{Field: path, Code: code, Message: message}},
	}
}

// spoken names a path in a sentence.
func spoken(path string) string {
	if path == "" {
		return "it"
	}
	return path
}

// member and element extend a path: "recipients[0].dspt_status".
func member(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
