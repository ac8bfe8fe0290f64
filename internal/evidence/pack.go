package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Signer signs what is said in the name of a log, as a note; its first line begins with the log's name.
type Signer interface {
	Origin() string
	State(text string) (note string, err error)
}

// Pack is a pack that is being written: New, then Add for every section, then Close. It keeps of each section a row, and of
// each file its name and digest, and nothing else.
type Pack struct {
	// Signer signs the manifest; nil where nobody does.
	Signer Signer

	about   About
	profile Profile
	seed    [32]byte
	to      Folder
	files   []File
	rows    []Row
	count   Counts
}

// File is a file of a pack in its manifest.
type File struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Row is a section of a pack of a period.
type Row struct {
	Folder    string `json:"folder"`
	Request   string `json:"request,omitempty"`
	Reference string `json:"reference,omitempty"`
	Title     string `json:"title,omitempty"`
	State     string `json:"state,omitempty"`
	Entries   int    `json:"entries"`
	Proved    int    `json:"proved"`
}

// Counts are the figures of a pack.
type Counts struct {
	Requests int            `json:"requests"`
	States   map[string]int `json:"states"`
	Kinds    map[string]int `json:"kinds"`
	Outcomes map[string]int `json:"outcomes"`
	// Decided are the requests with a first decision; InTime and Late are those of them that had a limit.
	Decided     int `json:"decided"`
	InTime      int `json:"in_time"`
	Late        int `json:"late"`
	Disclosures int `json:"disclosures"`
	Exceptions  int `json:"exceptions"` // disclosures that were not covered when they were made

	Entries  int            `json:"entries"`
	Refused  int            `json:"refused"`
	Proved   int            `json:"proved"`
	Waiting  int            `json:"waiting"`
	Wrong    int            `json:"wrong"`
	Erased   int            `json:"erased"`
	Disposed int            `json:"disposed"`
	Withheld map[string]int `json:"withheld"` // by ground
}

// Manifest is the last file of a pack: what it is, and every other file with its digest.
type Manifest struct {
	About
	Files []File `json:"files"`
}

// New begins a pack. The seed is what its digests of withheld things come from: 32 random bytes that the service keeps.
func New(to Folder, about About, profile Profile, seed [32]byte) *Pack {
	about.Profile = profile.Name
	for _, part := range Parts() {
		rule := profile.rules[part]
		about.Rules = append(about.Rules, RulingOnPart{part, rule.Does, rule.Ground})
	}
	if !profile.shows(Policy) {
		about.Policy = ""
	}
	if !profile.shows(Names) {
		about.MadeBy = ""
	}
	return &Pack{about: about, profile: profile, seed: seed, to: to, count: Counts{
		States: map[string]int{}, Kinds: map[string]int{}, Outcomes: map[string]int{}, Withheld: map[string]int{},
	}}
}

// section is what one page shows.
type section struct {
	About    *About     `json:"about,omitempty"`
	Figures  *Counts    `json:"figures,omitempty"`
	Request  *Case      `json:"request,omitempty"`
	Entries  []Line     `json:"entries"`
	Withheld []Withheld `json:"-"`
	Sections []Row      `json:"sections,omitempty"`
	Home     string     `json:"-"` // the way back to the pack's first page
}

// Add writes a section: a request with its entries, or entries that are about none (c nil). The only section of a request's
// pack has the folder ""; others have a name that ends with /.
func (p *Pack) Add(folder string, c *Case, entries []Entry) error {
	if (folder == "") != (p.about.Request != "") || folder != "" && !strings.HasSuffix(folder, "/") {
		return errors.New("a request's pack is one section, and every other section has a folder")
	}
	r := &redaction{profile: p.profile, seed: p.seed, prefix: folder, people: people(c, entries), shown: map[string]string{}}
	s := section{Entries: []Line{}, Home: strings.Repeat("../", strings.Count(folder, "/"))}
	row := Row{Folder: folder}
	if c != nil {
		shown := r.show(*c)
		s.Request = &shown
		p.counted(shown, *c)
		row.Request, row.Reference, row.Title, row.State = c.ID, c.Reference, shown.Title, c.State
		if err := p.papers(folder, shown); err != nil {
			return err
		}
	}
	for _, e := range entries {
		l, err := p.line(r, e)
		if err != nil {
			return err
		}
		p.counts(e, l)
		if l.Log == IsProved {
			row.Proved++
		}
		s.Entries = append(s.Entries, l)
	}
	row.Entries = len(s.Entries)
	s.Withheld = r.withheld
	for _, w := range r.withheld {
		p.count.Withheld[w.Ground]++
	}
	if err := p.addJSON(folder+"withheld.json", slices.Concat([]Withheld{}, s.Withheld)); err != nil {
		return err
	}
	if folder == "" {
		s.About, s.Figures = &p.about, p.figures()
		return p.pages("", s)
	}
	p.rows = append(p.rows, row)
	return p.pages(folder, s)
}

// people are those whom a section names, by their user ids.
func people(c *Case, entries []Entry) map[string]Person {
	all := map[string]Person{}
	if c != nil {
		for _, x := range c.People {
			all[x.UserID] = x
		}
	}
	for _, e := range entries {
		all[e.UserID] = e.Person
	}
	return all
}

// papers writes what belongs to a request besides its entries.
func (p *Pack) papers(folder string, c Case) error {
	for _, v := range c.Versions {
		if v.File == "" {
			continue
		}
		if err := p.add(folder+v.File, v.Content); err != nil {
			return err
		}
	}
	return p.addJSON(folder+"documents.json", c.Documents)
}

// counted counts a case, whatever of it is shown.
func (p *Pack) counted(shown, c Case) {
	n := &p.count
	for _, v := range shown.Versions {
		if v.Wrong {
			n.Wrong++
		}
	}
	n.Requests++
	n.States[c.State]++
	n.Kinds[c.Kind]++
	for _, d := range c.Decisions {
		n.Outcomes[d.Outcome]++
	}
	for _, d := range c.Disclosures {
		n.Disclosures++
		if d.Exception != "" {
			n.Exceptions++
		}
	}
	if c.DecidedAt.IsZero() {
		return
	}
	n.Decided++
	switch {
	case c.DecisionDue.IsZero():
	case c.DecidedAt.After(c.DecisionDue):
		n.Late++
	default:
		n.InTime++
	}
}

func (p *Pack) counts(e Entry, l Line) {
	n := &p.count
	n.Entries++
	switch l.Log {
	case IsProved:
		n.Proved++
	case IsWaiting:
		n.Waiting++
	}
	if l.Log == IsWrong || l.Words == IsWrong {
		n.Wrong++
	}
	if l.Words == IsErased {
		n.Erased++
	}
	if e.Disposed != "" {
		n.Disposed++
	}
	if bytes.Contains(e.Canon, []byte(`"outcome":"refused"`)) { // entries have one spelling
		n.Refused++
	}
}

// figures are the counts, where the profile shows them.
func (p *Pack) figures() *Counts {
	if !p.profile.shows(Figures) {
		return nil
	}
	return &p.count
}

// Close writes what is only known at the end, and the manifest, and closes the folder.
func (p *Pack) Close() (Counts, error) {
	err := p.end()
	return p.count, errors.Join(err, p.to.Close())
}

func (p *Pack) end() error {
	if p.about.Request == "" {
		s := section{About: &p.about, Figures: p.figures(), Entries: []Line{}, Sections: p.rows}
		if err := p.pages("", s); err != nil {
			return err
		}
	}
	readme, err := instructions(p.about, p.count)
	if err != nil {
		return err
	}
	if err := p.add("README.txt", readme); err != nil {
		return err
	}
	if err := p.add("checkpoint", []byte(p.about.Checkpoint.Note)); err != nil {
		return err
	}
	if err := p.add("keys", []byte(strings.Join(append(slices.Clone(p.about.Keys), ""), "\n"))); err != nil {
		return err
	}
	return p.seal()
}

// seal writes the manifest, and beside it a signed note that has its digest.
func (p *Pack) seal() error {
	text, err := pretty(Manifest{p.about, p.files})
	if err != nil {
		return err
	}
	if err := p.to.Add("manifest.json", text); err != nil || p.Signer == nil {
		return err
	}
	note, err := p.Signer.State(fmt.Sprintf("%s/evidence/v1\nmanifest sha256:%x\n", p.Signer.Origin(), sha256.Sum256(text)))
	if err != nil {
		return err
	}
	return p.to.Add("manifest.sig", []byte(note))
}

// pages writes a section for machines and for people.
func (p *Pack) pages(folder string, s section) error {
	if err := p.addJSON(folder+"pack.json", s); err != nil {
		return err
	}
	html, err := page(p.about, s)
	if err != nil {
		return err
	}
	return p.add(folder+"index.html", html)
}

func (p *Pack) add(name string, data []byte) error {
	sum := sha256.Sum256(data)
	p.files = append(p.files, File{name, len(data), hex.EncodeToString(sum[:])})
	return p.to.Add(name, data)
}

func (p *Pack) addJSON(name string, v any) error {
	data, err := pretty(v)
	if err != nil {
		return err
	}
	return p.add(name, data)
}

// pretty is JSON that people can read too.
func pretty(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// subject is what a pack is about, in a few words.
func (a About) subject() string {
	if a.Request != "" {
		return "request " + a.Request
	}
	return "what was done from " + instant(cmp.Or(a.From, &time.Time{})) + " until before " + instant(cmp.Or(a.To, &time.Time{}))
}

// withholds says whether the profile withholds the part.
func (a About) withholds(part Part) bool {
	return slices.ContainsFunc(a.Rules, func(r RulingOnPart) bool { return r.Part == part && r.Does != disclose })
}
