package witness

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Policy says when a checkpoint is believed (c2sp.org/tlog-policy): one of its logs has signed it, and a quorum of its
// witnesses has cosigned it.
type Policy struct {
	verifiers []note.Verifier
	logKeys   []string
	logs      map[keyID]bool
	members   map[string]member
	quorum    string
}

// member is a witness, or a group of which so many must have cosigned.
type member struct {
	witness keyID
	need    int // zero: a witness
	of      []string
}

type keyID struct {
	name string
	hash uint32
}

const (
	none      = "none"
	maxPolicy = 1 << 20 // bytes
)

// ParsePolicy reads a policy:
//
//	log <vkey> [<url>]
//	witness <name> <vkey> [<url>]
//	group <name> all|any|<k> <name>...
//	quorum <name>|none
//
// URLs are passed over.
func ParsePolicy(r io.Reader) (Policy, error) {
	p := parser{Policy: Policy{logs: map[keyID]bool{}, members: map[string]member{}}, grouped: map[string]bool{}, keys: map[string]bool{}}
	if err := p.read(r); err != nil {
		return Policy{}, err
	}
	if p.quorum == "" {
		return Policy{}, errors.New("policy: it says no quorum")
	}
	return p.Policy, nil
}

// ParseLogs reads the logs that a witness knows: log lines as in a policy. Each log's origin is the name of its key;
// during a rotation it has two.
func ParseLogs(r io.Reader) (Logs, error) {
	p := parser{Policy: Policy{logs: map[keyID]bool{}}, keys: map[string]bool{}, onlyLogs: true}
	if err := p.read(r); err != nil {
		return nil, err
	}
	byOrigin := map[string][]note.Verifier{}
	for _, v := range p.verifiers {
		byOrigin[v.Name()] = append(byOrigin[v.Name()], v)
	}
	if len(byOrigin) == 0 {
		return nil, errors.New("logs: there is none")
	}
	logs := Logs{}
	for origin, list := range byOrigin {
		logs[origin] = note.VerifierList(list...)
	}
	return logs, nil
}

// parser is a policy while it is read.
type parser struct {
	Policy
	grouped  map[string]bool // members that stand in a group already
	keys     map[string]bool // public keys that are there, by what they are for
	onlyLogs bool
}

func (p *parser) read(r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, maxPolicy+1))
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	if len(b) > maxPolicy {
		return errors.New("policy: it is too long")
	}
	for i, text := range strings.Split(string(b), "\n") {
		if err := p.line(text); err != nil {
			return fmt.Errorf("policy: line %d: %w", i+1, err)
		}
	}
	return nil
}

// line reads one line. Words are parted by spaces and tabs; other control characters have no place in it.
func (p *parser) line(text string) error {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return errors.New("it has a control character")
		}
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	keyword, words := words[0], words[1:]
	switch {
	case keyword == "log" && (len(words) == 1 || len(words) == 2):
		return p.log(words[0])
	case p.onlyLogs:
	case keyword == "witness" && (len(words) == 2 || len(words) == 3):
		return p.witness(words[0], words[1])
	case keyword == "group" && len(words) >= 3:
		return p.group(words[0], words[1], words[2:])
	case keyword == "quorum" && len(words) == 1:
		return p.setQuorum(words[0])
	}
	return errors.New("it is not of a form that is known here")
}

func (p *parser) log(vkey string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("the log's key: %w", err)
	}
	if err := p.once("log", vkey, kindNote); err != nil {
		return err
	}
	p.verifiers, p.logKeys = append(p.verifiers, v), append(p.logKeys, vkey)
	p.logs[keyID{v.Name(), v.KeyHash()}] = true
	return nil
}

func (p *parser) witness(name, vkey string) error {
	v, err := NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("the witness's key: %w", err)
	}
	if err := p.once("witness", vkey, kindCosignature); err != nil {
		return err
	}
	p.verifiers = append(p.verifiers, v)
	return p.define(name, member{witness: keyID{v.Name(), v.KeyHash()}})
}

// once refuses a public key that is there already, under whatever name: it would count twice.
func (p *parser) once(role, vkey string, kind byte) error {
	_, _, public, err := decode(vkey, kind)
	if err != nil {
		return err
	}
	key := role + string(public)
	if p.keys[key] {
		return errors.New("its key is there twice")
	}
	p.keys[key] = true
	return nil
}

func (p *parser) define(name string, m member) error {
	if _, defined := p.members[name]; defined || name == none {
		return errors.New("its name is taken")
	}
	p.members[name] = m
	return nil
}

func (p *parser) group(name, count string, of []string) error {
	need, err := strconv.Atoi(count)
	switch {
	case count == "all":
		need = len(of)
	case count == "any":
		need = 1
	case err != nil || need < 1 || need > len(of) || strconv.Itoa(need) != count:
		return fmt.Errorf("of %d members so many cannot be needed", len(of))
	}
	for _, m := range of {
		if _, defined := p.members[m]; !defined {
			return errors.New("a member is not defined above")
		}
		if p.grouped[m] {
			return errors.New("a member is in a group already")
		}
		p.grouped[m] = true
	}
	return p.define(name, member{need: need, of: slices.Clone(of)})
}

func (p *parser) setQuorum(name string) error {
	if p.quorum != "" {
		return errors.New("there is a quorum already")
	}
	if _, defined := p.members[name]; !defined && name != none {
		return errors.New("the quorum is not defined above")
	}
	p.quorum = name
	return nil
}

// LogKeys are the verifier keys of its logs.
func (p Policy) LogKeys() []string { return slices.Clone(p.logKeys) }

// Check gives the text of a note that the policy believes. A signature that does not verify though its key is known makes
// the note worthless, whatever else stands there.
func (p Policy) Check(signed string) (text string, err error) {
	n, err := note.Open([]byte(signed), note.VerifierList(p.verifiers...))
	if err != nil {
		return "", fmt.Errorf("policy: %w", err)
	}
	checkpoint, err := checkpointOf(n.Text)
	if err != nil {
		return "", fmt.Errorf("policy: %w", err)
	}
	signers := map[keyID]bool{}
	byLog := false
	for _, s := range n.Sigs {
		id := keyID{s.Name, s.Hash}
		signers[id] = true
		byLog = byLog || p.logs[id] && s.Name == checkpoint.Origin
	}
	if !byLog {
		return "", errors.New("policy: no log of the policy has signed this as its own")
	}
	if p.quorum != none && !p.met(p.quorum, signers) {
		return "", fmt.Errorf("policy: the quorum %q has not cosigned it", p.quorum)
	}
	return n.Text, nil
}

// met says whether a witness or a group has cosigned. Groups stand on members above them, so this ends.
func (p Policy) met(name string, signers map[keyID]bool) bool {
	m := p.members[name]
	if m.need == 0 {
		return signers[m.witness]
	}
	have := 0
	for _, other := range m.of {
		if p.met(other, signers) {
			have++
		}
	}
	return have >= m.need
}
