// Package rehearse replays written cases through casework and says where the outcome differs from what was expected.
package rehearse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// File is a rehearsal file: people, organisations, cases with what must come out, and texts for the identifier guard.
// Unknown members are ignored, except in a step.
type File struct {
	Organisations []Organisation `json:"organisations"`
	Actors        []Actor        `json:"actors"`
	Cases         []Case         `json:"scenarios"`
	Guard         []GuardCase    `json:"identifier_guard_cases"`
}

// Organisation is one of the directory.
type Organisation struct {
	Code string                      `json:"code"`
	Name string                      `json:"name"`
	Type vocabulary.OrganisationType `json:"type"`
}

// Actor is a person with one role and other posts.
type Actor struct {
	UserID   string            `json:"user_id"`
	Name     string            `json:"display_name"`
	JobTitle string            `json:"job_title"`
	Role     vocabulary.Role   `json:"role"`
	OrgCode  string            `json:"org_code"`
	Manager  string            `json:"manager"`
	Posts    []vocabulary.Post `json:"posts"`
}

// Case is a request's content with its steps and expectations. Content keeps the document as it was written, for patches.
type Case struct {
	ID          string
	Content     json.RawMessage
	SubmittedAt time.Time
	Setup       Setup
	Steps       []Step
	Expected    Expected
}

// Setup is what exists before the first step.
type Setup struct {
	Delegations []Delegation `json:"delegations"`
}

// Delegation has an id of the file's own.
type Delegation struct {
	ID        string                      `json:"id"`
	From      string                      `json:"from"`
	To        string                      `json:"to"`
	Reason    vocabulary.DelegationReason `json:"reason"`
	ValidFrom string                      `json:"valid_from"`
	ValidTo   string                      `json:"valid_to"`
	Scope     caldicott.Scope             `json:"scope"`
	Accepted  bool                        `json:"accepted"`
}

// GuardCase is a text with what the guard must make of it: BLOCK, WARN or ALLOW.
type GuardCase struct {
	Text   string `json:"text"`
	Expect string `json:"expect"`
}

// Expected is what must come out. A member that is absent is not compared; Decision and Authorisation may be null, which
// says that there must be none.
type Expected struct {
	Validation    *[]FindingExpected   `json:"validation"`
	Mandatory     *[]vocabulary.Role   `json:"mandatory_consultees"`
	Deadlines     map[string]time.Time `json:"deadlines"`
	Route         []Leg                `json:"route"`
	Decision      json.RawMessage      `json:"decision"`
	Authorisation json.RawMessage      `json:"authorisation_state"`
}

// FindingExpected is a finding without its words.
type FindingExpected struct {
	Rule     vocabulary.Rule     `json:"rule"`
	Severity vocabulary.Severity `json:"severity"`
	Field    string              `json:"field"`
}

// Leg is one arrival on the route.
type Leg struct {
	To    caldicott.State `json:"to_state"`
	Actor string          `json:"actor"`
	At    time.Time       `json:"at"`
}

// Step is a deed or a look, with what must be true after it. Body holds the rest: the body of the deed's operation.
type Step struct {
	Deed  caldicott.Action `json:"deed"`
	Look  string           `json:"look"`
	Actor string           `json:"actor"`
	At    time.Time        `json:"at"`

	Content    string                        `json:"content"`
	Patch      json.RawMessage               `json:"patch"`
	Condition  string                        `json:"condition"`
	Delegation string                        `json:"delegation"`
	Named      string                        `json:"id"`
	Appointed  string                        `json:"appointment"`
	Exception  *bool                         `json:"exception"`
	Needs      string                        `json:"needs"`
	State      string                        `json:"state"`
	After      caldicott.State               `json:"state_after"`
	AfterCond  vocabulary.ConditionState     `json:"condition_after"`
	AfterAuth  vocabulary.AuthorisationState `json:"authorisation_after"`
	Refused    *Refusal                      `json:"refused"`

	Body map[string]json.RawMessage `json:"-"`
}

// Refusal is how a step must be refused.
type Refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
}

// capabilities are what a step may say that it needs. All of them are built; files written before that still say so.
var capabilities = []string{"reviews", "notices", "keeper"}

// framing are the members of a step that are not the deed's body.
var framing = []string{
	"deed", "look", "actor", "at", "content", "patch", "condition", "delegation", "id", "appointment", "exception", "needs",
	"state", "state_after", "condition_after", "authorisation_after", "refused",
}

// Read reads a file; a fault in it is an error that names the case and the step.
func Read(r io.Reader) (File, error) {
	var f File
	d := json.NewDecoder(r)
	if err := d.Decode(&f); err != nil {
		return File{}, fmt.Errorf("rehearsal file: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return File{}, errors.New("rehearsal file: something stands behind its end")
	}
	seen := map[string]bool{}
	for i, c := range f.Cases {
		if c.ID == "" || seen[c.ID] {
			return File{}, fmt.Errorf("rehearsal file: scenario %d: id %q is missing or not its own", i+1, c.ID)
		}
		seen[c.ID] = true
	}
	return f, nil
}

// UnmarshalJSON keeps the document beside what is read from it.
func (c *Case) UnmarshalJSON(b []byte) error {
	var head struct {
		ID          string    `json:"id"`
		SubmittedAt time.Time `json:"submitted_at"`
		Setup       Setup     `json:"setup"`
		Steps       []Step    `json:"steps"`
		Expected    Expected  `json:"expected"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return fmt.Errorf("scenario %s: %w", head.ID, err)
	}
	*c = Case{
		ID: head.ID, Content: slices.Clone(b), SubmittedAt: head.SubmittedAt, Setup: head.Setup, Steps: head.Steps,
		Expected: head.Expected,
	}
	for i := 1; i < len(c.Steps); i++ {
		if c.Steps[i].At.Before(c.Steps[i-1].At) {
			return fmt.Errorf("scenario %s: step %d is before the one it follows", c.ID, i+1)
		}
	}
	return nil
}

// UnmarshalJSON takes the frame of a step and leaves the rest as its body. A look has no body.
func (s *Step) UnmarshalJSON(b []byte) error {
	type plain Step
	if err := json.Unmarshal(b, &s.Body); err != nil {
		return err
	}
	if isObject(s.Body["content"]) { // the whole content, written out
		s.Patch = replaceAll(s.Body["content"])
		delete(s.Body, "content")
	}
	frame := map[string]json.RawMessage{}
	for _, name := range framing {
		if v, ok := s.Body[name]; ok {
			frame[name] = v
			delete(s.Body, name)
		}
	}
	known, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(known, (*plain)(s)); err != nil {
		return err
	}
	switch {
	case s.At.IsZero():
		return errors.New("a step needs `at`")
	case (s.Deed == "") == (s.Look == ""):
		return errors.New("a step is a deed or a look")
	case s.Needs != "" && !slices.Contains(capabilities, s.Needs):
		return fmt.Errorf("needs names no capability: it is one of %v", capabilities)
	case s.Look != "" && len(s.Body) > 0:
		return fmt.Errorf("look has unknown members %v", names(s.Body))
	case s.Deed != "" && s.Actor == "" && s.Deed != caldicott.DrawSample:
		return fmt.Errorf("step %s needs an actor", s.Deed)
	}
	return nil
}

func isObject(b json.RawMessage) bool { return len(b) > 0 && b[0] == '{' }

// replaceAll is a patch that puts another document in the place of the current one.
func replaceAll(document json.RawMessage) json.RawMessage {
	return slices.Concat([]byte(`[{"op":"replace","path":"","value":`), document, []byte(`}]`))
}

func names(m map[string]json.RawMessage) []string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
