package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caldicott/caldicott/internal/merkle"
)

// Line is one entry as a pack shows it, with what is proved of it. LeafIndex is absent while it waits.
type Line struct {
	Entry     int64     `json:"entry"`
	At        time.Time `json:"at,omitzero"`
	Action    string    `json:"action,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	Rule      string    `json:"rule,omitempty"`
	Who       string    `json:"who,omitempty"`
	ActingAs  string    `json:"acting_as,omitempty"`
	From      string    `json:"from,omitempty"`
	To        string    `json:"to,omitempty"`
	Version   int       `json:"version,omitempty"`
	Leaf      string    `json:"leaf"` // hexadecimal
	LeafIndex *int64    `json:"leaf_index,omitempty"`
	Log       Proved    `json:"log"`
	Words     Proved    `json:"words,omitempty"`
	Disposed  string    `json:"disposed,omitempty"`
	Said      []Said    `json:"-"`
}

// Proved says what this package itself has found of an entry, when it wrote the pack.
type Proved string

// What is found of an entry, and of the words that it commits to.
const (
	IsProved   Proved = "proved"
	IsWaiting  Proved = "waiting"
	IsErased   Proved = "erased"
	IsWithheld Proved = "withheld"
	IsWrong    Proved = "WRONG"
)

// Said is a word of an entry's details with its name.
type Said struct{ Name, Word string }

// canon is what a pack reads in an entry.
type canon struct {
	Action  string `json:"action"`
	Acting  string `json:"acting"`
	At      int64  `json:"at"` // microseconds
	Detail  string `json:"detail"`
	From    string `json:"from"`
	Outcome string `json:"outcome"`
	Rule    string `json:"rule"`
	To      string `json:"to"`
	Version int    `json:"version"`
}

// written is the salted words of an entry as a file. Body is the very text that was hashed.
type written struct {
	Entry int64  `json:"entry"`
	Salt  string `json:"salt"` // hexadecimal
	Body  string `json:"body"`
}

const exported = "exported" // the entries whose details open other packs

// line writes one entry's files and gives its line.
func (p *Pack) line(r *redaction, e Entry) (Line, error) {
	l := Line{Entry: e.ID, Leaf: hex.EncodeToString(e.Leaf[:]), Disposed: e.Disposed}
	var c canon
	if e.Canon != nil {
		if err := json.Unmarshal(e.Canon, &c); err != nil {
			return l, fmt.Errorf("entry %d: %w", e.ID, err)
		}
	}
	if r.profile.shows(Timeline) {
		l.At, l.Action, l.Outcome, l.Rule = at(c.At), c.Action, c.Outcome, c.Rule
		l.ActingAs, l.From, l.To, l.Version = c.Acting, c.From, c.To, c.Version
		if e.UserID != "" {
			l.Who = r.who(e.UserID)
		}
	}
	if err := p.prove(r, e, &l); err != nil {
		return l, err
	}
	if e.Canon != nil {
		if r.profile.shows(Entries) {
			if err := p.add(fmt.Sprintf("%sentries/%d.json", r.prefix, e.ID), e.Canon); err != nil {
				return l, err
			}
		} else {
			r.keep(Entries, r.profile.rules[Entries].Ground, fmt.Sprintf("entries/%d", e.ID), l.Leaf, leafDigest)
		}
	}
	return l, p.words(r, e, c, &l)
}

func at(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// prove puts the proof beside the entry, if there is one, and checks it.
func (p *Pack) prove(r *redaction, e Entry, l *Line) error {
	switch {
	case e.Canon != nil && merkle.Leaf(e.Canon) != e.Leaf:
		l.Log = IsWrong
	case e.Index < 0:
		l.Log = IsWaiting
		return nil
	case merkle.CheckInclusion(e.Path, p.about.Checkpoint.tree, e.Index, e.Leaf) != nil:
		l.Log = IsWrong
	default:
		l.Log = IsProved
	}
	if e.Index < 0 {
		return nil
	}
	l.LeafIndex = &e.Index
	proof := merkle.Proof{Index: e.Index, Path: e.Path, Note: p.about.Checkpoint.Note}
	return p.add(fmt.Sprintf("%sproofs/%d.tlog-proof", r.prefix, e.ID), []byte(proof.Text()))
}

// words shows the words that an entry commits to, or pins them. The words of an export hold the seed of its pack.
func (p *Pack) words(r *redaction, e Entry, c canon, l *Line) error {
	switch {
	case !e.Detailed:
		return nil
	case e.Erased:
		l.Words = IsErased
		return nil
	case e.Canon != nil && commitment(e) != c.Detail:
		l.Words = IsWrong
	default:
		l.Words = IsProved
	}
	ground := r.profile.rules[Details].Ground
	if c.Action == exported {
		ground = kept
	}
	if c.Action == exported || !r.profile.shows(Details) {
		r.keep(Details, ground, fmt.Sprintf("details/%d", e.ID), cmp.Or(c.Detail, commitment(e)), committed)
		if l.Words == IsProved {
			l.Words = IsWithheld
		}
		return nil
	}
	if !utf8.Valid(e.Body) {
		return fmt.Errorf("entry %d: its words are no text", e.ID)
	}
	l.Said = sayings(e.Body)
	return p.addJSON(fmt.Sprintf("%sdetails/%d.json", r.prefix, e.ID), written{e.ID, hex.EncodeToString(e.Salt), string(e.Body)})
}

// commitment is what an entry says of its words, worked out from them.
func commitment(e Entry) string {
	h := sha256.New()
	h.Write([]byte("cg/detail/v1"))
	h.Write(e.Salt)
	h.Write(e.Body)
	return hex.EncodeToString(h.Sum(nil))
}

// mostSaid is how many words of one entry a page shows; its file has all.
const mostSaid = 60

// said are members that only repeat what the line says of itself, or name things to machines.
var said = []string{"ID", "By", "At"}

// sayings flattens the words of an entry for people.
func sayings(body []byte) []Said {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var all []Said
	var path []string
	var walk func() error
	walk = func() error {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch v := token.(type) {
		case json.Delim:
			for i := 1; d.More(); i++ {
				name := fmt.Sprint(i)
				if v == '{' {
					key, err := d.Token()
					if err != nil {
						return err
					}
					name = fmt.Sprint(key)
				}
				path = append(path, name)
				if err := walk(); err != nil {
					return err
				}
				path = path[:len(path)-1]
			}
			_, err = d.Token()
			return err
		case nil:
			return nil
		}
		of := len(path) > 0 && slices.Contains(said, path[len(path)-1])
		if word := fmt.Sprint(token); word != "" && !of && word != "0001-01-01T00:00:00Z" && len(all) < mostSaid {
			all = append(all, Said{strings.Join(path, " "), word})
		}
		return nil
	}
	if walk() != nil {
		return []Said{{"", string(body)}} // not as this service writes them: as they are
	}
	return all
}
