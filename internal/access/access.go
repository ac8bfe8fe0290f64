// Package access answers one question: may somebody who stands so to a thing do this deed to it?
package access

//go:generate go test . -run TestDocs -update

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A Policy is policy.csv as Casbin reads it, asked once for every combination and kept. Nothing changes it after Load,
// so any number of goroutines may ask it at once.
type Policy struct {
	lines   []Line
	rulings []caldicott.Ruling // every denial before every allowance, each by line number
	ranks   map[caldicott.Action]map[caldicott.Standing]int
	digest  string
}

// Load reads the policy folder and refuses whatever it does not wholly understand: a line that is lost quietly may be
// a prohibition.
func Load(fsys fs.FS) (*Policy, error) {
	lines, err := readLines(fsys)
	if err != nil {
		return nil, err
	}
	model, err := fs.ReadFile(fsys, modelFile)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	verdicts, err := askCasbin(string(model), lines)
	if err != nil {
		return nil, err
	}
	digest, err := digestOf(fsys)
	if err != nil {
		return nil, err
	}
	p := &Policy{lines: lines, digest: digest}
	p.keep(verdicts)
	return p, nil
}

// keep orders the rulings so that the lowest rank prevails: whoever asks needs no second rule for who wins.
func (p *Policy) keep(verdicts map[question]Line) {
	ranked := slices.Clone(p.lines)
	slices.SortStableFunc(ranked, func(a, b Line) int { return a.weight() - b.weight() })
	rank := make(map[int]int, len(ranked))
	for i, line := range ranked {
		rank[line.Number] = i
		p.rulings = append(p.rulings, line.ruling())
	}
	p.ranks = make(map[caldicott.Action]map[caldicott.Standing]int)
	for q, line := range verdicts {
		if p.ranks[q.action] == nil {
			p.ranks[q.action] = make(map[caldicott.Standing]int)
		}
		p.ranks[q.action][q.standing] = rank[line.Number]
	}
}

// May says whether a person with all these standings may do the deed, and which line says so: the first that denies,
// else the first that allows, else none.
func (p *Policy) May(a caldicott.Action, standings []caldicott.Standing) caldicott.Ruling {
	ranks := p.ranks[a]
	best := len(p.rulings)
	for _, s := range standings {
		if rank, ok := ranks[s]; ok {
			best = min(best, rank)
		}
	}
	if best == len(p.rulings) {
		return caldicott.Ruling{}
	}
	return p.rulings[best]
}

// Reach turns May round, for lists. Somebody who holds these roles may do the deed to exactly those things to which
// they have one of the allowed standings and none of the denied ones. Both are needed: own, assigned and organisation
// overlap, and a denial of one takes away what another allows.
func (p *Policy) Reach(a caldicott.Action, roles []vocabulary.Role) (allowed, denied []caldicott.Standing) {
	for _, role := range roles {
		for _, whose := range caldicott.Whoses() {
			s := caldicott.Standing{Role: role, Whose: whose}
			rank, ok := p.ranks[a][s]
			switch {
			case !ok:
			case p.rulings[rank].Allowed:
				allowed = append(allowed, s)
			default:
				denied = append(denied, s)
			}
		}
	}
	return allowed, denied
}

// Lines are the lines of policy.csv, in their order, for people to read.
func (p *Policy) Lines() []Line { return slices.Clone(p.lines) }

// Digest names this very policy in the trail; digest.go says how anybody can compute it.
func (p *Policy) Digest() string { return p.digest }
