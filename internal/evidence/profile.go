package evidence

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Part is a part of a pack on which a profile rules.
type Part string

// The parts. Words is everything that somebody wrote in their own words, but for the title; Content is what was asked for,
// version by version; Details are the words that entries commit to, with their salts; Entries are the entries' own bytes.
const (
	Figures     Part = "figures"
	Policy      Part = "policy"
	Title       Part = "title"
	Names       Part = "names"
	Timeline    Part = "timeline"
	Decided     Part = "decision"
	Words       Part = "words"
	Disclosures Part = "disclosures"
	Documents   Part = "documents"
	Content     Part = "content"
	Details     Part = "details"
	Entries     Part = "entries"
)

// Parts are all parts, in the order in which a reader meets them.
func Parts() []Part {
	return []Part{Figures, Policy, Title, Names, Timeline, Decided, Words, Disclosures, Documents, Content, Details, Entries}
}

// telling are the parts that tell names to whoever reads them closely.
var telling = []Part{Title, Words, Documents, Content, Details, Entries}

// Ruling is what a profile does with a part, and on which ground.
type Ruling struct{ Does, Ground string }

// What a profile may do with a part.
const (
	disclose     = "disclose"
	withhold     = "withhold"
	pseudonymise = "pseudonymise"
)

// grounds are why something is withheld, as people read it.
var grounds = map[string]string{
	"FOIA_40_2":    "Freedom of Information Act 2000, section 40(2): personal data of others",
	"FOIA_41":      "Freedom of Information Act 2000, section 41: given in confidence",
	"UKGDPR_5_1_C": "UK GDPR, Article 5(1)(c): more than the purpose needs",
	kept:           "kept by the service: it opens the digests of what was withheld elsewhere",
}

// kept is the ground on which no profile shows what opens other packs' digests.
const kept = "KEPT"

// Profile rules on every part.
type Profile struct {
	Name  string
	rules map[Part]Ruling
}

func (p Profile) shows(part Part) bool { return p.rules[part].Does == disclose }

// Profiles are the profiles by their names.
type Profiles map[string]Profile

// Named are the names of the profiles, in order.
func (p Profiles) Named() []string {
	var names []string
	for name := range p {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ParseProfiles reads policy/evidence.csv and takes nothing that it does not wholly understand: a line that is lost quietly
// may be what keeps a name in.
func ParseProfiles(r io.Reader) (Profiles, error) {
	table := csv.NewReader(r)
	table.Comment, table.TrimLeadingSpace, table.FieldsPerRecord = '#', true, 4
	rows, err := table.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	if len(rows) == 0 || strings.Join(rows[0], ",") != "profile,part,ruling,ground" {
		return nil, errors.New("evidence: the first line must be profile, part, ruling, ground")
	}
	all := Profiles{}
	for _, words := range rows[1:] {
		if err := all.take(words[0], Part(words[1]), Ruling{words[2], words[3]}); err != nil {
			return nil, fmt.Errorf("evidence: %s, %s: %w", words[0], words[1], err)
		}
	}
	for _, name := range all.Named() {
		if err := all[name].check(); err != nil {
			return nil, fmt.Errorf("evidence: %s: %w", name, err)
		}
	}
	return all, nil
}

func (p Profiles) take(name string, part Part, r Ruling) error {
	_, known := grounds[r.Ground]
	switch {
	case name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "":
		return errors.New("a profile's name is capitals and _")
	case !slices.Contains(Parts(), part):
		return errors.New("there is no such part")
	case r.Does != disclose && r.Does != withhold && r.Does != pseudonymise:
		return fmt.Errorf("%q is not disclose, withhold or pseudonymise", r.Does)
	case r.Does == pseudonymise && part != Names:
		return errors.New("only names are pseudonymised")
	case r.Does == disclose && r.Ground != "none":
		return errors.New("what is disclosed has the ground none")
	case r.Does != disclose && (!known || r.Ground == kept):
		return fmt.Errorf("%q is no ground", r.Ground)
	}
	if p[name].rules == nil {
		p[name] = Profile{name, map[Part]Ruling{}}
	}
	if _, twice := p[name].rules[part]; twice {
		return errors.New("has two lines")
	}
	p[name].rules[part] = r
	return nil
}

// check refuses a profile that leaves a part out, or would tell the names that it keeps.
func (p Profile) check() error {
	for _, part := range Parts() {
		if _, there := p.rules[part]; !there {
			return fmt.Errorf("there is no line about %s", part)
		}
		if !p.shows(Names) && p.shows(part) && slices.Contains(telling, part) {
			return fmt.Errorf("%s would tell the names that are not disclosed", part)
		}
	}
	return nil
}
