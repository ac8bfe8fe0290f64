package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// scanner walks a body beside the type that it is to become, and refuses what encoding/json would let pass. It goes no
// deeper than the type does, so that nesting needs no other bound.
type scanner struct {
	data    []byte
	dec     *json.Decoder
	members map[reflect.Type]map[string]reflect.Type
}

func newScanner(data []byte) *scanner {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return &scanner{data: data, dec: dec, members: map[reflect.Type]map[string]reflect.Type{}}
}

// body walks the one value that there must be.
func (s *scanner) body(t reflect.Type) error {
	token, _, err := s.token("")
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		return unreadable("", "must be an object")
	}
	if err := s.object(t, ""); err != nil {
		return err
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		return unreadable("", "is followed by something else")
	}
	return nil
}

// token gives the next token with the bytes it was read from.
func (s *scanner) token(path string) (json.Token, []byte, error) {
	start := s.dec.InputOffset()
	token, err := s.dec.Token()
	if err != nil {
		return nil, nil, unreadable(path, "is not well-formed JSON")
	}
	raw := bytes.TrimLeft(s.data[start:s.dec.InputOffset()], " \t\r\n,:")
	if _, ok := token.(string); ok {
		if fault := faultOf(raw); fault != "" {
			return nil, nil, unreadable(path, fault)
		}
	}
	return token, raw, nil
}

// value walks what stands at the path. Only a member may be null.
func (s *scanner) value(t reflect.Type, path string, nullable bool) error {
	token, raw, err := s.token(path)
	if err != nil {
		return err
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if token == nil {
		if !nullable {
			return unreadable(path, "must not be null")
		}
		return nil
	}
	if d, ok := token.(json.Delim); ok {
		switch {
		case d == '{' && t.Kind() == reflect.Struct:
			return s.object(t, path)
		case d == '[' && t.Kind() == reflect.Slice:
			return s.list(t.Elem(), path)
		}
		return unreadable(path, expected(t))
	}
	if !fits(t, raw) {
		return unreadable(path, expected(t))
	}
	return nil
}

// object walks the members of an object whose brace is open.
func (s *scanner) object(t reflect.Type, path string) error {
	known := s.known(t)
	seen := map[string]bool{}
	for s.dec.More() {
		token, _, err := s.token(path)
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return unreadable(path, "is not well-formed JSON")
		}
		is, ok := known[name]
		if !ok {
			return refuse(caldicott.CodeUnknownField, member(path, sayable(name)), "is not a field of the contract")
		}
		if seen[name] {
			return unreadable(member(path, name), "comes twice")
		}
		seen[name] = true
		if err := s.value(is, member(path, name), true); err != nil {
			return err
		}
	}
	_, _, err := s.token(path) // the closing brace
	return err
}

// list walks the elements of a list whose bracket is open.
func (s *scanner) list(t reflect.Type, path string) error {
	for i := 0; s.dec.More(); i++ {
		if err := s.value(t, element(path, i), false); err != nil {
			return err
		}
	}
	_, _, err := s.token(path) // the closing bracket
	return err
}

// known gives the members of a struct by their names on the wire.
func (s *scanner) known(t reflect.Type) map[string]reflect.Type {
	if known, ok := s.members[t]; ok {
		return known
	}
	known := map[string]reflect.Type{}
	for _, f := range wireFields(t) {
		known[jsonName(f)] = f.Type
	}
	s.members[t] = known
	return known
}

// wireFields are the fields of a struct that are on the wire, those of embedded structs among them.
func wireFields(t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for f := range t.Fields() {
		switch name := jsonName(f); {
		case name == embedded:
			fields = append(fields, wireFields(f.Type)...)
		case name != "" && name != "-":
			fields = append(fields, f)
		}
	}
	return fields
}

// needed says whether the contract needs the member.
func needed(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return options == ""
}

// needsMember says whether a body of the type cannot be empty.
func needsMember(t reflect.Type) bool {
	for _, f := range wireFields(t) {
		if needed(f) {
			return true
		}
	}
	return false
}

// fits says whether a text, number or boolean can become the type.
func fits(t reflect.Type, raw []byte) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return json.Unmarshal(raw, reflect.New(t).Interface()) == nil
	}
	switch t.Kind() {
	case reflect.String:
		return raw[0] == '"'
	case reflect.Bool:
		return raw[0] == 't' || raw[0] == 'f'
	case reflect.Int:
		n, err := strconv.ParseInt(string(raw), 10, 32) // what a column of the database holds
		return err == nil && strconv.FormatInt(n, 10) == string(raw)
	case reflect.Int64: // the number of an entry
		n, err := strconv.ParseInt(string(raw), 10, 64)
		return err == nil && strconv.FormatInt(n, 10) == string(raw)
	}
	return false
}

// expected says what must stand where something of the type is to be read.
func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "must be an object"
	case reflect.Slice:
		return "must be a list"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int64:
		return "must be a whole number in range"
	}
	if t == reflect.TypeFor[RecipientName]() {
		return "must be a code or a position"
	}
	return "must be a text"
}

// nameForm is what the names of members look like. Others are not repeated: they may be anything, also a patient's number.
var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z_]{0,39}[0-9]{0,3}$`)

func sayable(name string) string {
	if nameForm.MatchString(name) {
		return name
	}
	return "(unnamed)"
}

// faultOf looks at a text as it was sent, quotes and escapes included: encoding/json would replace what is broken, and
// the database keeps no NUL.
func faultOf(raw []byte) string {
	if !utf8.Valid(raw) {
		return "holds broken UTF-8"
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if raw[i] != 'u' {
			continue
		}
		unit := hexUnit(raw[i+1:])
		i += 4
		switch {
		case unit == 0:
			return "holds the character NUL"
		case !utf16.IsSurrogate(unit):
		case bytes.HasPrefix(raw[i+1:], []byte(`\u`)) && utf16.DecodeRune(unit, hexUnit(raw[i+3:])) != utf8.RuneError:
			i += 6
		default:
			return "holds half a surrogate pair"
		}
	}
	return ""
}

// hexUnit reads four hexadecimal digits, which encoding/json has seen to be there.
func hexUnit(digits []byte) rune {
	unit, _ := strconv.ParseUint(string(digits[:4]), 16, 16)
	return rune(unit)
}
