package audit

import (
	"errors"
	"fmt"
)

// A statement is what an entry says, as the verifier reads it: the value of each member, by its place in the grammar.
// It is valid as long as the bytes that it was read from. Nothing here is shared with the writer.
type statement [len(grammar)][]byte

// The members that the verifier looks at, by their place in the grammar.
const (
	sayActing       = 0
	sayAction       = 1
	sayActor        = 2
	sayAt           = 4
	sayDetail       = 6
	sayDigest       = 7
	sayFacts        = 8
	sayFrom         = 9
	sayLine         = 10
	sayOrganisation = 12
	sayOutcome      = 13
	sayPrev         = 15
	sayRequest      = 16
	sayRule         = 17
	saySeq          = 18
	sayStream       = 19
	sayTo           = 21
)

type kind byte

const (
	text kind = iota
	uuid
	number
	hash256
	hash128
	texts
)

// grammar is every member that an entry may have, in the order of RFC 8785. Reading walks it once, so a member that is
// unknown, repeated or out of order has no place left.
var grammar = [...]struct {
	name     string
	kind     kind
	required bool
}{
	{"acting", text, false},
	{"action", text, true},
	{"actor", uuid, false},
	{"appointment", uuid, false},
	{"at", number, true},
	{"delegation", uuid, false},
	{"detail", hash256, false},
	{"digest", hash256, false},
	{"facts", texts, false},
	{"from", text, false},
	{"line", text, false},
	{"nonce", hash128, true},
	{"organisation", uuid, false},
	{"outcome", text, true},
	{"policy", hash256, false},
	{"prev", hash256, false},
	{"request", uuid, false},
	{"rule", text, false},
	{"seq", number, false},
	{"stream", text, true},
	{"subject", uuid, false},
	{"to", text, false},
	{"v", number, true},
	{"version", number, false},
}

var lengths = [...]int{uuid: 36, hash256: 64, hash128: 32}

var errEnd = errors.New("ends too early")

// decode reads canonical JSON and nothing else: one spelling for each entry, so that reading it is proof of its form.
func decode(canon []byte) (statement, error) {
	var s statement
	r := reader{canon, 0}
	next := 0
	for first := true; first || r.more(); first = false {
		name, err := r.name(first)
		if err != nil {
			return s, err
		}
		for next < len(grammar) && grammar[next].name != string(name) {
			next++
		}
		if next == len(grammar) {
			return s, fmt.Errorf("member %q is unknown, repeated or out of order", name)
		}
		if s[next], err = r.value(grammar[next].kind); err != nil {
			return s, fmt.Errorf("member %s: %w", name, err)
		}
		next++
	}
	if !r.take('}') || r.at != len(canon) {
		return s, errors.New("does not end where its last member does")
	}
	for i, m := range grammar {
		if m.required && s[i] == nil {
			return s, fmt.Errorf("member %s is missing", m.name)
		}
		if m.name == "v" && string(s[i]) != "1" {
			return s, fmt.Errorf("version %s is unknown", s[i])
		}
	}
	return s, nil
}

// reader is a place in the bytes of an entry.
type reader struct {
	canon []byte
	at    int
}

func (r *reader) take(c byte) bool {
	if r.at < len(r.canon) && r.canon[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *reader) more() bool { return r.at < len(r.canon) && r.canon[r.at] == ',' }

// name reads {"name": or ,"name":
func (r *reader) name(first bool) ([]byte, error) {
	before := byte(',')
	if first {
		before = '{'
	}
	if !r.take(before) {
		return nil, fmt.Errorf("byte %d: a member was expected", r.at)
	}
	name, err := r.text()
	if err == nil && !r.take(':') {
		err = errEnd
	}
	return name, err
}

func (r *reader) value(k kind) ([]byte, error) {
	switch k {
	case number:
		return r.number()
	case texts:
		return r.texts()
	}
	value, err := r.text()
	if err != nil || k == text {
		return value, err
	}
	if len(value) != lengths[k] || !isIdentifier(value, k == uuid) {
		return nil, fmt.Errorf("%q is no identifier and no hash", value)
	}
	return value, nil
}

func (r *reader) text() ([]byte, error) {
	if !r.take('"') {
		return nil, fmt.Errorf("byte %d: a string was expected", r.at)
	}
	start := r.at
	for r.at < len(r.canon) && isPlain(r.canon[r.at]) {
		r.at++
	}
	value := r.canon[start:r.at]
	if !r.take('"') || len(value) == 0 {
		return nil, fmt.Errorf("byte %d: the string is empty or holds what it may not", r.at)
	}
	return value, nil
}

// number reads a whole number from 1 to 2^53 - 1.
func (r *reader) number() ([]byte, error) {
	start := r.at
	for r.at < len(r.canon) && r.canon[r.at] >= '0' && r.canon[r.at] <= '9' {
		r.at++
	}
	value := r.canon[start:r.at]
	if len(value) == 0 || len(value) > 16 || value[0] == '0' || whole(value) >= 1<<53 {
		return nil, fmt.Errorf("%q is not a whole number from 1", value)
	}
	return value, nil
}

func (r *reader) texts() ([]byte, error) {
	start := r.at
	var last []byte
	for first := true; first || r.more(); first = false {
		name, err := r.name(first)
		if err != nil {
			return nil, err
		}
		if string(name) <= string(last) {
			return nil, fmt.Errorf("%q is repeated or out of order", name)
		}
		if last = name; !r.plainText() {
			return nil, fmt.Errorf("%q is not a string", name)
		}
	}
	if !r.take('}') {
		return nil, errEnd
	}
	return r.canon[start:r.at], nil
}

func (r *reader) plainText() bool {
	_, err := r.text()
	return err == nil
}

// whole is the number that digits spell; 0 for a member that is absent.
func whole(digits []byte) int64 {
	var n int64
	for _, c := range digits {
		n = n*10 + int64(c-'0')
	}
	return n
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// isIdentifier reports whether value is hexadecimal, with the dashes of a uuid where it is one.
func isIdentifier(value []byte, dashed bool) bool {
	for i, c := range value {
		if !isHex(c) && !(dashed && c == '-' && (i == 8 || i == 13 || i == 18 || i == 23)) {
			return false
		}
	}
	return !dashed || value[8] == '-' && value[13] == '-' && value[18] == '-' && value[23] == '-'
}

// isPlain is the alphabet of every string.
func isPlain(c byte) bool { return plain[c] }

var plain = func() (is [256]bool) {
	for c := range is {
		letter := c >= 'a' && c <= 'z' || c >= '@' && c <= 'Z' || c >= '-' && c <= ':' // the ranges hold @ and -./: too
		is[c] = letter || c == '_' || c == ' ' || c == '+'
	}
	return is
}()
