package postgres

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// The rows of a case as one query gathers them: lists come as JSON, so that a case is read in one round trip.

type caseRow struct {
	ID             string    `db:"id"`
	OrganisationID string    `db:"organisation_id"`
	OrgCode        string    `db:"org_code"`
	Reference      *string   `db:"reference"`
	Requester      string    `db:"requester"`
	Emergency      bool      `db:"emergency"`
	Renews         string    `db:"renews"`
	State          string    `db:"state"`
	Version        int       `db:"version"`
	Revision       int       `db:"revision"`
	CreatedAt      time.Time `db:"created_at"`
	ChainSeq       int       `db:"chain_seq"`
	ChainHead      []byte    `db:"chain_head"`
	Versions       []byte    `db:"versions"`
	Done           []byte    `db:"done"`
	Consultations  []byte    `db:"consultations"`
	Advice         []byte    `db:"advice"`
	Waivers        []byte    `db:"waivers"`
	Declarations   []byte    `db:"declarations"`
	Decisions      []byte    `db:"decisions"`
	Conditions     []byte    `db:"conditions"`
	Authorisations []byte    `db:"authorisations"`
	Disclosures    []byte    `db:"disclosures"`
	Assurances     []byte    `db:"assurances"`
}

type versionRow struct {
	N         int                      `json:"n" db:"n"`
	Content   string                   `json:"content" db:"content"`
	Confirmed []caldicott.Confirmation `json:"confirmed" db:"-"`
	By        string                   `json:"made_by" db:"made_by"`
	At        time.Time                `json:"at" db:"at"`
	Erased    *string                  `json:"erased" db:"erased"` // its digest before its words were erased
}

type doneRow struct {
	ID          string            `json:"id"`
	Deed        string            `json:"deed"`
	Actor       string            `json:"actor"`
	ActingAs    string            `json:"acting_as"`
	Appointment string            `json:"appointment_id"`
	Delegation  string            `json:"delegation_id"`
	At          time.Time         `json:"at"`
	From        string            `json:"from_state"`
	To          string            `json:"to_state"`
	Version     int               `json:"version"`
	Subject     string            `json:"subject"`
	Target      string            `json:"target"`
	Details     caldicott.Details `json:"details"`
}

type consultationRow struct {
	ID        string    `json:"id"`
	Role      string    `json:"role"`
	Mandatory bool      `json:"mandatory"`
	Due       *string   `json:"due"`
	By        string    `json:"asked_by"`
	At        time.Time `json:"at"`
}

type adviceRow struct {
	ID      string    `json:"id"`
	Role    string    `json:"role"`
	View    string    `json:"view"`
	Text    string    `json:"text"`
	Version int       `json:"version"`
	By      string    `json:"given_by"`
	At      time.Time `json:"at"`
}

type waiverRow struct {
	ID     string    `json:"id"`
	Role   string    `json:"role"`
	Reason string    `json:"reason"`
	By     string    `json:"waived_by"`
	At     time.Time `json:"at"`
}

type declarationRow struct {
	ID      string    `json:"id"`
	By      string    `json:"declared_by"`
	Type    string    `json:"type"`
	Note    string    `json:"note"`
	Version int       `json:"version"`
	At      time.Time `json:"at"`
}

type decisionRow struct {
	ID            string               `json:"id"`
	N             int                  `json:"n"`
	Version       int                  `json:"version"`
	Outcome       string               `json:"outcome"`
	Rationale     string               `json:"rationale"`
	DecidedBy     string               `json:"decided_by"`
	ActingAs      string               `json:"acting_as"`
	Appointment   string               `json:"appointment_id"`
	Delegation    string               `json:"delegation_id"`
	At            time.Time            `json:"at"`
	EnteredAt     time.Time            `json:"entered_at"`
	Principles    caldicott.Principles `json:"principles"`
	Law           caldicott.Law        `json:"law"`
	ReviewDate    *string              `json:"review_date"`
	ExpiryDate    *string              `json:"expiry_date"`
	ReferTo       []string             `json:"refer_to"`
	Harm          string               `json:"harm_statement"`
	Alternative   string               `json:"alternative_offered"`
	StandingRule  string               `json:"standing_rule"`
	Findings      []caldicott.Finding  `json:"findings"`
	Authorisation string               `json:"authorisation_id"`
}

type conditionRow struct {
	ID            string    `json:"id"`
	Decision      string    `json:"decision_id"`
	Authorisation string    `json:"authorisation_id"`
	Label         string    `json:"label"`
	Type          string    `json:"type"`
	Text          string    `json:"text"`
	Owner         string    `json:"owner"`
	Due           *string   `json:"due"`
	Evidence      string    `json:"evidence_expected"`
	Resolves      []string  `json:"resolves"`
	At            time.Time `json:"at"`
	GraceUntil    *string   `json:"grace_until"`
}

type authorisationRow struct {
	ID           string     `json:"id"`
	Decision     string     `json:"decision_id"`
	Version      int        `json:"version"`
	ReviewDate   *string    `json:"review_date"`
	ExpiryDate   *string    `json:"expiry_date"`
	Ratifies     string     `json:"ratifies"`
	At           time.Time  `json:"at"`
	Supersedes   string     `json:"supersedes"`
	SupersededAt *time.Time `json:"superseded_at"`
}

type assuranceRow struct {
	ID      string  `json:"id"`
	Subject string  `json:"subject"`
	Person  *string `json:"person"`
	Body    struct {
		Status  string `json:"status"`
		ValidTo string `json:"valid_to"`
	} `json:"body"`
	At time.Time `json:"at"`
}

type disclosureRow struct {
	ID            string    `json:"id"`
	Authorisation string    `json:"authorisation_id"`
	Recipient     string    `json:"recipient"`
	Records       *int      `json:"records"`
	Method        string    `json:"method"`
	DisclosedAt   time.Time `json:"disclosed_at"`
	RecordedAt    time.Time `json:"recorded_at"`
	By            string    `json:"recorded_by"`
	Exception     string    `json:"exception"`
	Note          string    `json:"note"`
}

// decode reads a column of JSON.
func decode(raw []byte, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("column of JSON: %w", err)
	}
	return nil
}

// list decodes a JSON list of rows and turns each into its noun.
func list[Row, T any](raw []byte, noun func(Row) T, into *[]T) error {
	var rows []Row
	if err := json.Unmarshal(raw, &rows); err != nil {
		return fmt.Errorf("rows of a case: %w", err)
	}
	for _, r := range rows {
		*into = append(*into, noun(r))
	}
	return nil
}

func (r caseRow) caseOf() (caldicott.Case, error) {
	c := caldicott.Case{
		Request: caldicott.Request{
			ID: r.ID, Reference: text(r.Reference), OrganisationID: r.OrganisationID, OrgCode: r.OrgCode,
			Requester: r.Requester, Emergency: r.Emergency, Renews: r.Renews, State: caldicott.State(r.State), Version: r.Version,
			Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(),
		},
		Decided: map[int]caldicott.Content{}, Erased: map[int][32]byte{},
	}
	var versions []versionRow
	if err := json.Unmarshal(r.Versions, &versions); err != nil {
		return caldicott.Case{}, fmt.Errorf("versions of a case: %w", err)
	}
	for _, row := range versions {
		v, err := row.version()
		if err != nil {
			return caldicott.Case{}, err
		}
		if v.N == r.Version {
			c.Current = v
		}
		c.Decided[v.N] = v.Content
		if v.Erased != nil {
			c.Erased[v.N] = *v.Erased
		}
	}
	for _, err := range []error{
		list(r.Done, doneRow.done, &c.Done), list(r.Consultations, consultationRow.consultation, &c.Consultations),
		list(r.Advice, adviceRow.advice, &c.Advice), list(r.Waivers, waiverRow.waiver, &c.Waivers),
		list(r.Declarations, declarationRow.declaration, &c.Declarations), list(r.Decisions, decisionRow.decision, &c.Decisions),
		list(r.Conditions, conditionRow.condition, &c.Conditions), list(r.Disclosures, disclosureRow.disclosure, &c.Disclosures),
		list(r.Authorisations, authorisationRow.authorisation, &c.Authorisations), list(r.Assurances, assuranceRow.assurance, &c.Assurances),
	} {
		if err != nil {
			return caldicott.Case{}, err
		}
	}
	return c, nil
}

func (r versionRow) version() (caldicott.Version, error) {
	content, err := caldicott.ParseContent([]byte(r.Content))
	v := caldicott.Version{N: r.N, Content: content, By: r.By, At: r.At.UTC(), Confirmed: r.Confirmed}
	if r.Erased != nil {
		v.Erased = new([32]byte)
		if _, wrong := hex.Decode(v.Erased[:], []byte(*r.Erased)); wrong != nil {
			return v, fmt.Errorf("digest of a version: %w", wrong)
		}
	}
	return v, err
}

func (r doneRow) done() caldicott.Done {
	return caldicott.Done{
		ID: r.ID, Deed: caldicott.Action(r.Deed), By: r.Actor, ActingAs: r.ActingAs, Appointment: r.Appointment,
		Delegation: r.Delegation, At: r.At.UTC(), From: caldicott.State(r.From), To: caldicott.State(r.To),
		Version: r.Version, Subject: r.Subject, Target: r.Target, Details: r.Details,
	}
}

func (r consultationRow) consultation() caldicott.Consultation {
	return caldicott.Consultation{
		ID: r.ID, Role: vocabulary.Role(r.Role), Mandatory: r.Mandatory, Due: text(r.Due), By: r.By, At: r.At.UTC(),
	}
}

func (r adviceRow) advice() caldicott.Advice {
	return caldicott.Advice{
		ID: r.ID, Role: vocabulary.Role(r.Role), View: vocabulary.View(r.View), Text: r.Text, Version: r.Version,
		By: r.By, At: r.At.UTC(),
	}
}

func (r waiverRow) waiver() caldicott.Waiver {
	return caldicott.Waiver{ID: r.ID, Role: vocabulary.Role(r.Role), Reason: r.Reason, By: r.By, At: r.At.UTC()}
}

func (r declarationRow) declaration() caldicott.Declaration {
	return caldicott.Declaration{
		ID: r.ID, By: r.By, Type: vocabulary.Conflict(r.Type), Note: r.Note, Version: r.Version, At: r.At.UTC(),
	}
}

func (r decisionRow) decision() caldicott.Decision {
	return caldicott.Decision{
		ID: r.ID, N: r.N, Version: r.Version, Outcome: vocabulary.Outcome(r.Outcome), Rationale: r.Rationale,
		DecidedBy: r.DecidedBy, ActingAs: vocabulary.Role(r.ActingAs), Appointment: r.Appointment, Delegation: r.Delegation,
		At: r.At.UTC(), EnteredAt: r.EnteredAt.UTC(), Principles: r.Principles, Law: r.Law, ReviewDate: text(r.ReviewDate), ExpiryDate: text(r.ExpiryDate),
		ReferTo: codes[vocabulary.Referral](r.ReferTo), HarmStatement: r.Harm, AlternativeOffered: r.Alternative,
		StandingRule: r.StandingRule, Findings: r.Findings, Authorisation: r.Authorisation,
	}
}

func (r conditionRow) condition() caldicott.Condition {
	return caldicott.Condition{
		ID: r.ID, Label: r.Label, Decision: r.Decision, Authorisation: r.Authorisation,
		Type: vocabulary.ConditionType(r.Type), Text: r.Text, Owner: r.Owner, Due: text(r.Due),
		EvidenceExpected: r.Evidence, Resolves: codes[vocabulary.Rule](r.Resolves), At: r.At.UTC(),
		GraceUntil: text(r.GraceUntil),
	}
}

func (r authorisationRow) authorisation() caldicott.Authorisation {
	return caldicott.Authorisation{
		ID: r.ID, Decision: r.Decision, Version: r.Version, ReviewDate: text(r.ReviewDate), ExpiryDate: text(r.ExpiryDate),
		Ratifies: r.Ratifies, At: r.At.UTC(), Supersedes: r.Supersedes, SupersededAt: instant(r.SupersededAt),
	}
}

func (r assuranceRow) assurance() caldicott.Assurance {
	return caldicott.Assurance{
		ID: r.ID, OrgCode: r.Subject, Status: vocabulary.DSPT(r.Body.Status), ValidTo: r.Body.ValidTo, By: text(r.Person), At: r.At.UTC(),
	}
}

func (r disclosureRow) disclosure() caldicott.Disclosure {
	return caldicott.Disclosure{
		ID: r.ID, Authorisation: r.Authorisation, Recipient: r.Recipient, Records: r.Records,
		Method: vocabulary.TransferMethod(r.Method), DisclosedAt: r.DisclosedAt.UTC(), RecordedAt: r.RecordedAt.UTC(),
		By: r.By, Exception: vocabulary.ExceptionReason(r.Exception), Note: r.Note,
	}
}

// text reads a NULL as "".
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// orNull writes "" as NULL, for dates and references.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func codes[C ~string](list []string) []C {
	var out []C
	for _, s := range list {
		out = append(out, C(s))
	}
	return out
}

func strs[C ~string](list []C) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = string(c)
	}
	return out
}
