package evidence

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Withheld is one thing that a pack does not show. SHA256 says nothing to whoever has nothing else, and pins what was
// withheld: see Digest.
type Withheld struct {
	What   string `json:"what"`
	Part   Part   `json:"part"`
	Ground string `json:"ground"`
	Digest string `json:"digest"`
	How    string `json:"how"`
}

// How the digest of what was withheld comes about.
const (
	salted     = "SHA-256 of cg/withheld/v1, a salt of 32 bytes that the service keeps, and the value"
	committed  = "the entry's own commitment: SHA-256 of cg/detail/v1, the salt and the words"
	leafDigest = "the entry's leaf in the log: SHA-256 of a zero byte and the entry, which holds a random nonce"
)

// Digest pins a value that is withheld. Every salt comes from the one seed of the pack, which stands beside the entry that
// says that the pack was made: the service can open one value to somebody and keep all others shut, and can open none as
// something else. See SaltOf.
func Digest(seed [32]byte, what string, value []byte) string {
	salt := SaltOf(seed, what)
	h := sha256.New()
	h.Write([]byte("cg/withheld/v1"))
	h.Write(salt[:])
	h.Write(value)
	return hex.EncodeToString(h.Sum(nil))
}

// SaltOf is the salt of one value that is withheld.
func SaltOf(seed [32]byte, what string) [32]byte {
	mac := hmac.New(sha256.New, seed[:])
	mac.Write([]byte("cg/withheld/v1/" + what))
	return [32]byte(mac.Sum(nil))
}

// redaction shows a case and its entries as a profile has it, and keeps the list of what it withholds.
type redaction struct {
	profile  Profile
	seed     [32]byte
	prefix   string // of the section's files: two requests never share a salt
	people   map[string]Person
	shown    map[string]string // by user id
	withheld []Withheld
}

func (r *redaction) keep(part Part, ground, what, digest, how string) {
	r.withheld = append(r.withheld, Withheld{what, part, ground, digest, how})
}

func (r *redaction) hide(part Part, what string, value []byte) string {
	ground := r.profile.rules[part].Ground
	r.keep(part, ground, what, Digest(r.seed, r.prefix+what, value), salted)
	return "[withheld: " + ground + "]"
}

// text shows words, or says that they are withheld. Nothing is withheld where there is nothing.
func (r *redaction) text(part Part, what string, words *string) {
	if *words != "" && !r.profile.shows(part) {
		*words = r.hide(part, what, []byte(*words))
	}
}

// person shows who, once for all.
func (r *redaction) person(userID *string) {
	if *userID != "" {
		*userID = r.who(*userID)
	}
}

func (r *redaction) who(userID string) string {
	if shown, ok := r.shown[userID]; ok {
		return shown
	}
	p, known := r.people[userID]
	if !known {
		p.UserID = userID
	}
	shown := userID
	if p.Name != "" {
		shown = p.Name + " (" + userID + ")"
	}
	if rule := r.profile.rules[Names]; rule.Does != disclose {
		n := len(r.shown) + 1
		hidden := r.hide(Names, "people/"+strconv.Itoa(n), encoded(p))
		shown = hidden
		if rule.Does == pseudonymise {
			shown = "Person " + strconv.Itoa(n)
		}
	}
	r.shown[userID] = shown
	return shown
}

// list withholds each of a list's elements whole, and gives none, where the part is not shown.
func list[T any](r *redaction, part Part, what string, all []T) []T {
	if r.profile.shows(part) {
		return append([]T{}, all...)
	}
	for i, x := range all {
		r.hide(part, fmt.Sprintf("%s[%d]", what, i), encoded(x))
	}
	return []T{}
}

// encoded is a value's one spelling; all of it are texts, numbers and lists of them.
func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("what is withheld cannot be encoded: %v", err))
	}
	return b
}

// show gives the case as the profile shows it.
func (r *redaction) show(c Case) Case {
	r.text(Title, "title", &c.Title)
	c.Versions = slices.Clone(c.Versions)
	for i := range c.Versions {
		v := &c.Versions[i]
		if v.Erased {
			v.Content = nil
			if !r.profile.shows(Content) {
				v.SHA256 = ""
			}
			continue
		}
		v.Wrong = fmt.Sprintf("%x", sha256.Sum256(v.Content)) != v.SHA256
		if r.profile.shows(Content) {
			v.File = fmt.Sprintf("versions/%d.json", v.N)
		} else {
			r.hide(Content, fmt.Sprintf("versions/%d", v.N), v.Content)
			v.Content, v.SHA256 = nil, "" // an unsalted digest can be guessed at
		}
	}
	c.Advice = list(r, Decided, "advice", c.Advice)
	c.Decisions = list(r, Decided, "decisions", c.Decisions)
	c.Authorisations = list(r, Decided, "authorisations", c.Authorisations)
	c.Conditions = list(r, Decided, "conditions", c.Conditions)
	c.Disclosures = list(r, Disclosures, "disclosures", c.Disclosures)
	c.Documents = list(r, Documents, "documents", c.Documents)
	r.words(&c)
	r.persons(&c)
	return c
}

// words withholds what somebody wrote within what is shown.
func (r *redaction) words(c *Case) {
	for i := range c.Advice {
		r.text(Words, fmt.Sprintf("advice[%d].text", i), &c.Advice[i].Text)
	}
	for i := range c.Decisions {
		d, at := &c.Decisions[i], fmt.Sprintf("decisions[%d]", i)
		r.text(Words, at+".rationale", &d.Rationale)
		r.text(Words, at+".harm_statement", &d.HarmStatement)
		r.text(Words, at+".alternative_offered", &d.AlternativeOffered)
		d.Principles = slices.Clone(d.Principles)
		for k := range d.Principles {
			r.text(Words, at+".principles."+d.Principles[k].Code, &d.Principles[k].Note)
		}
	}
	for i := range c.Conditions {
		x, at := &c.Conditions[i], fmt.Sprintf("conditions[%d]", i)
		r.text(Words, at+".text", &x.Text)
		r.text(Words, at+".evidence_expected", &x.Evidence)
	}
	for i := range c.Disclosures {
		r.text(Words, fmt.Sprintf("disclosures[%d].note", i), &c.Disclosures[i].Note)
	}
}

// persons puts everybody in the form in which the profile shows them.
func (r *redaction) persons(c *Case) {
	r.person(&c.Requester)
	for i := range c.Versions {
		r.person(&c.Versions[i].By)
	}
	for i := range c.Advice {
		r.person(&c.Advice[i].By)
	}
	for i := range c.Decisions {
		r.person(&c.Decisions[i].By)
	}
	for i := range c.Conditions {
		r.person(&c.Conditions[i].Owner)
	}
	for i := range c.Disclosures {
		r.person(&c.Disclosures[i].By)
	}
	for i := range c.Documents {
		r.person(&c.Documents[i].By)
	}
}
