package export

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Code systems. Those of the house are named by URNs of their own, as nobody has registered them.
const (
	dicom       = "http://dicom.nema.org/resources/ontology/DCM"
	auditType   = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	interaction = "http://hl7.org/fhir/restful-interaction"
	lifecycle   = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
	authz       = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
	objectType  = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	odsCode     = "https://fhir.nhs.uk/Id/ods-organization-code"
	uris        = "urn:ietf:rfc:3986"
	own         = "urn:caldicott:"
)

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding"`
}

type identifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

type reference struct {
	Identifier *identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

type agent struct {
	Type      *concept  `json:"type,omitempty"`
	Role      []concept `json:"role,omitempty"`
	Who       reference `json:"who"`
	Requestor bool      `json:"requestor"`
	Policy    []string  `json:"policy,omitempty"`
}

type source struct {
	Observer reference `json:"observer"`
}

type said struct {
	Type  string `json:"type"`
	Value string `json:"valueString"`
}

type entity struct {
	What   reference `json:"what"`
	Type   coding    `json:"type"`
	Detail []said    `json:"detail,omitempty"`
}

// auditEvent is AuditEvent of FHIR R4, as far as the log fills it.
type auditEvent struct {
	ResourceType   string    `json:"resourceType"`
	ID             string    `json:"id"`
	Type           coding    `json:"type"`
	Subtype        []coding  `json:"subtype,omitempty"`
	Action         string    `json:"action,omitempty"`
	Period         period    `json:"period,omitzero"`
	Recorded       time.Time `json:"recorded"`
	Outcome        string    `json:"outcome,omitempty"`
	OutcomeDesc    string    `json:"outcomeDesc,omitempty"`
	PurposeOfEvent []concept `json:"purposeOfEvent,omitempty"`
	Agent          []agent   `json:"agent"`
	Source         source    `json:"source"`
	Entity         []entity  `json:"entity"`
}

type period struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// fhir writes an AuditEvent of FHIR R4 a line, after the patterns of IHE's Basic Audit Log Patterns: PrivacyDisclosure.Source
// for what left, an authorisation decision for what was refused, Read and Query for readings. They claim no profile:
// those of BALP want a patient, whom this service never knows.
type fhir struct {
	to     *json.Encoder
	origin string
}

func newFHIR(w io.Writer, origin string) (Writer, error) {
	to := json.NewEncoder(w)
	to.SetEscapeHTML(false)
	return &fhir{to, origin}, nil
}

// Row writes one AuditEvent.
func (f *fhir) Row(r *Row) error {
	if r.Disposed != 0 {
		return f.to.Encode(f.disposed(r))
	}
	e, _, err := r.Event()
	if err != nil {
		return err
	}
	return f.to.Encode(f.event(r, e))
}

// disposed writes what is left of an entry. FHIR wants a type and an agent of every event: both say that they were disposed of.
func (f *fhir) disposed(r *Row) auditEvent {
	detail := []said{{"certificate", "entry-" + strconv.FormatInt(r.Disposed, 10)}}
	if r.Seq != 0 {
		detail = append(detail, said{"seq", strconv.Itoa(r.Seq)})
	}
	return auditEvent{
		ResourceType: "AuditEvent", ID: "entry-" + strconv.FormatInt(r.ID, 10),
		Type:     coding{own + "entry", "disposed", "An entry whose bytes were disposed of by certificate"},
		Recorded: r.RecordedAt.UTC(), Source: source{observer(f.origin)}, Agent: []agent{{Who: reference{Display: "disposed of"}}},
		Entity: []entity{itself(r, detail...)},
	}
}

// event writes the entry in the shape of its action. An action that nobody knows any more has the plainest.
func (f *fhir) event(r *Row, e caldicott.Event) auditEvent {
	kind := kinds[e.Action]
	shape := shapes[kind.shape]
	if e.Outcome == caldicott.OutcomeRefused {
		kind.event, shape = vocabulary.EventTypeAccessDenied, refusal
	}
	a := auditEvent{
		ResourceType: "AuditEvent", ID: "entry-" + strconv.FormatInt(r.ID, 10), Type: shape.kind,
		Subtype: []coding{{System: own + "action", Code: string(e.Action)}},
		Action:  shape.action, Period: period{e.At, e.At}, Recorded: r.RecordedAt.UTC(), Outcome: outcome(e), OutcomeDesc: e.Rule,
		Source: source{observer(f.origin)}, Agent: f.agents(r, e), Entity: entities(r, e),
	}
	if kind.event != "" {
		a.Subtype = append(a.Subtype, coding{System: own + "event_type", Code: string(kind.event)})
	}
	if shape.subtype.Code != "" {
		a.Subtype = append([]coding{shape.subtype}, a.Subtype...)
	}
	if purpose := e.Facts["purpose"]; purpose != "" {
		a.PurposeOfEvent = []concept{{[]coding{{System: own + "log_purpose", Code: purpose}}}}
	}
	return a
}

// outcome is 0 for what was done, 8 where somebody may not do it at all, 4 where it was not possible so or not then.
func outcome(e caldicott.Event) string {
	switch {
	case e.Outcome == caldicott.OutcomeDone:
		return "0"
	case e.Rule == caldicott.CodePolicy, e.Rule == caldicott.CodeAuthority, e.Rule == caldicott.CodeNotFound, strings.HasPrefix(e.Rule, "SD"):
		return "8"
	}
	return "4"
}

func observer(origin string) reference {
	return reference{Identifier: &identifier{System: own + "origin", Value: origin}}
}

// agents are who acted; beside them, for what left, the organisation that it left (BALP: source), which is the one whose
// request it was. Whom it went to stands in the disclosure, not in the log.
func (f *fhir) agents(r *Row, e caldicott.Event) []agent {
	who := agent{Who: observer(f.origin)} // the service itself
	switch {
	case r.Actor != "":
		who.Who = reference{Identifier: &identifier{System: own + "user_id", Value: r.Actor}}
	case e.Actor != "": // no longer in the register
		who.Who = reference{Identifier: &identifier{System: uris, Value: "urn:uuid:" + e.Actor}}
	case e.Action == caldicott.SignIn:
		who.Who = reference{Display: "somebody who is not enrolled"}
	}
	who.Requestor = e.Actor != "" || e.Action == caldicott.SignIn
	if e.ActingAs != "" {
		who.Role = []concept{{[]coding{{System: own + "role", Code: e.ActingAs}}}}
	}
	if e.PolicyLine != "" {
		who.Policy = []string{own + "policy:" + e.PolicyDigest + ":" + e.PolicyLine}
	}
	agents := []agent{who}
	if e.Action == caldicott.Disclose && r.Organisation != "" {
		agents = append(agents, agent{
			Type: &concept{[]coding{{System: dicom, Code: "110153", Display: "Source Role ID"}}},
			Who:  reference{Identifier: &identifier{System: odsCode, Value: r.Organisation}},
		})
	}
	return agents
}

var document = coding{System: objectType, Code: "2", Display: "System Object"}

// itself is the entry, by the hash that the log has of it.
func itself(r *Row, detail ...said) entity {
	return entity{What: reference{Identifier: &identifier{System: own + "leaf_hash", Value: fmt.Sprintf("%x", r.Leaf)}}, Type: document, Detail: detail}
}

// entities are the entry itself, by the hash that the log has of it, and what it is about.
func entities(r *Row, e caldicott.Event) []entity {
	list := []entity{itself(r, said{"stream", e.Stream})}
	add := func(what *identifier, more ...said) {
		list = append(list, entity{What: reference{Identifier: what}, Type: document, Detail: more})
	}
	if e.Request != "" {
		what := &identifier{System: uris, Value: "urn:uuid:" + e.Request}
		if r.Reference != "" {
			what = &identifier{System: own + "reference", Value: r.Reference}
		}
		var more []said
		if e.To != "" {
			more = append(more, said{"state", strings.ToUpper(string(e.To))})
		}
		if e.Version != 0 {
			more = append(more, said{"version", strconv.Itoa(e.Version)})
		}
		add(what, more...)
	}
	if e.Subject != "" {
		add(&identifier{System: uris, Value: "urn:uuid:" + e.Subject})
	}
	return list
}
