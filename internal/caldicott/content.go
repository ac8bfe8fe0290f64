package caldicott

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Content is what somebody asks: the document that is versioned, digested, held against the rules and decided on.
//
// Its JSON form is not a wire format beside the noun but the noun itself: findings name its fields
// ("data_items[2].justification"), questions are tied to them, and a version's digest is taken over these bytes.
// That is why, alone in this package, it carries tags (docs/decisions/0003-content-is-a-document.md).
// An absent code is "", an absent list is empty and an absent boolean is nil: neither true nor false.
type Content struct {
	Title           string             `json:"title,omitempty" validate:"max=300"`
	Kind            vocabulary.Kind    `json:"kind,omitempty" validate:"omitempty,code=request_kind"`
	PurposeCategory vocabulary.Purpose `json:"purpose_category,omitempty" validate:"omitempty,code=purpose_category"`
	Urgency         vocabulary.Urgency `json:"urgency,omitempty" validate:"omitempty,code=urgency"`

	Requester         Requester          `json:"requester"`
	ExternalRequester *ExternalRequester `json:"external_requester,omitempty"`
	Sponsor           string             `json:"sponsor_user_id,omitempty" validate:"omitempty,user_id"`
	AssetOwner        string             `json:"iao_user_id,omitempty" validate:"omitempty,user_id"`
	Investigators     []string           `json:"investigator_user_ids,omitempty" validate:"max=200,dive,user_id"`

	Summary        string `json:"summary,omitempty" validate:"max=10000"`
	Purpose        string `json:"purpose,omitempty" validate:"max=10000"`
	Benefit        string `json:"benefit,omitempty" validate:"max=10000"`
	IndividualCare *bool  `json:"is_individual_care,omitempty"`

	DataSubjects    DataSubjects               `json:"data_subjects"`
	DataItems       []DataItem                 `json:"data_items" validate:"max=200,dive"`
	DataPeriod      *DataPeriod                `json:"data_period,omitempty"`
	SourceSystems   []string                   `json:"source_systems" validate:"max=200,dive,max=1000"`
	Identifiability vocabulary.Identifiability `json:"identifiability,omitempty" validate:"omitempty,code=identifiability"`
	Alternative     string                     `json:"less_identifiable_alternative,omitempty" validate:"max=10000"`

	Legal        Legal            `json:"legal"`
	Consent      Consent          `json:"consent"`
	OptOut       OptOut           `json:"national_data_opt_out"`
	Transparency Transparency     `json:"transparency"`
	Recipients   []Recipient      `json:"recipients" validate:"max=200,dive"`
	Transfer     Transfer         `json:"transfer"`
	Retention    Retention        `json:"retention"`
	Documents    []LinkedDocument `json:"linked_documents" validate:"max=200,dive"`
	FiveSafes    *FiveSafes       `json:"five_safes,omitempty"`
	Risk         *Risk            `json:"risk,omitempty"`
	Equality     string           `json:"equality,omitempty" validate:"max=10000"`

	// Conflicts and Attachments are what the service says; a body may repeat them, never set them.
	Conflicts   []StructuralConflict `json:"conflicts" validate:"max=200,dive"`
	Attachments []Attachment         `json:"attachments" validate:"max=200,dive"`

	// DisclosedAt (RFC 3339, UTC) and ApprovedBy belong to an emergency: what was already given, and who allowed it.
	DisclosedAt string `json:"disclosed_at,omitempty" validate:"omitempty,instant"`
	ApprovedBy  string `json:"approved_by,omitempty" validate:"omitempty,user_id"`
}

// Requester is who asks inside the organisation. UserID and OrgCode are the caller's own and are set by the service.
type Requester struct {
	UserID     string `json:"user_id,omitempty" validate:"omitempty,user_id"`
	Department string `json:"department,omitempty" validate:"max=1000"`
	OrgCode    string `json:"org_code,omitempty" validate:"omitempty,org_code"`
}

// ExternalRequester is who asks from outside, and how the service came to believe it.
type ExternalRequester struct {
	Organisation      string `json:"organisation,omitempty" validate:"max=1000"`
	OrgCode           string `json:"org_code,omitempty" validate:"omitempty,org_code"`
	ContactRole       string `json:"contact_role,omitempty" validate:"max=1000"`
	Authority         string `json:"authority,omitempty" validate:"max=10000"`
	Verified          *bool  `json:"verified,omitempty"`
	VerifiedBy        string `json:"verified_by,omitempty" validate:"omitempty,user_id"`
	VerifiedMethod    string `json:"verified_method,omitempty" validate:"max=10000"`
	ExternalReference string `json:"external_reference,omitempty" validate:"max=1000"`
}

// DataSubjects says about whom, never who.
type DataSubjects struct {
	Description      string                     `json:"description,omitempty" validate:"max=10000"`
	EstimatedCount   *int                       `json:"estimated_count,omitempty" validate:"omitempty,min=0,max=1000000000"`
	Period           string                     `json:"period,omitempty" validate:"max=1000"`
	IncludesChildren *bool                      `json:"includes_children,omitempty"`
	IncludesDeceased *bool                      `json:"includes_deceased,omitempty"`
	SensitiveFlags   []vocabulary.SensitiveFlag `json:"sensitive_flags" validate:"max=200,dive,code=sensitive_flag"`
}

// DataItem is one thing asked for, with its own justification (Caldicott principle 3).
type DataItem struct {
	Category         vocabulary.DataCategory `json:"category,omitempty" validate:"omitempty,code=data_category"`
	DirectIdentifier *bool                   `json:"direct_identifier,omitempty"`
	Justification    string                  `json:"justification,omitempty" validate:"max=10000"`
}

// DataPeriod bounds the dates of the data asked for; To is "" while there is no end.
type DataPeriod struct {
	From string `json:"from,omitempty" validate:"omitempty,date"`
	To   string `json:"to,omitempty" validate:"omitempty,date"`
}

// Legal holds two separate tests: data protection law (art6, art9, dpa_sch1) and the common law duty of confidence.
type Legal struct {
	Art6                []vocabulary.Art6      `json:"art6" validate:"max=20,dive,code=art6_basis"`
	Art9                []vocabulary.Art9      `json:"art9" validate:"max=20,dive,code=art9_condition"`
	Sch1                []vocabulary.Sch1      `json:"dpa_sch1" validate:"max=30,dive,code=dpa_sch1_condition"`
	Exemptions          []vocabulary.Exemption `json:"dpa_exemption" validate:"max=20,dive,code=dpa_exemption"`
	Basis               vocabulary.Basis       `json:"cldc_basis,omitempty" validate:"omitempty,code=cldc_basis"`
	Powers              []vocabulary.Power     `json:"statutory_power" validate:"max=30,dive,code=statutory_power"`
	S251                *S251                  `json:"s251,omitempty"`
	CriminalOffenceData *bool                  `json:"criminal_offence_data,omitempty"`
	PublicInterest      *PublicInterest        `json:"public_interest_test,omitempty"`
}

// S251 is support under section 251 of the NHS Act 2006 and the Control of Patient Information Regulations 2002.
type S251 struct {
	Regulation       vocabulary.S251Regulation    `json:"regulation,omitempty" validate:"omitempty,code=s251_regulation"`
	Application      vocabulary.S251Application   `json:"application,omitempty" validate:"omitempty,code=s251_application"`
	Reference        string                       `json:"reference,omitempty" validate:"max=1000"`
	DecisionMaker    vocabulary.S251DecisionMaker `json:"decision_maker,omitempty" validate:"omitempty,code=s251_decision_maker"`
	Status           vocabulary.S251Status        `json:"status,omitempty" validate:"omitempty,code=s251_status"`
	Granted          string                       `json:"granted,omitempty" validate:"omitempty,date"`
	AnnualReviewDue  string                       `json:"annual_review_due,omitempty" validate:"omitempty,date"`
	OptOutDisapplied *bool                        `json:"opt_out_disapplied,omitempty"`
}

// PublicInterest is the balancing test in its seven parts; each must be written before it may carry an approval.
type PublicInterest struct {
	SeriousHarm          string `json:"serious_harm,omitempty" validate:"max=10000"`
	Benefit              string `json:"benefit,omitempty" validate:"max=10000"`
	HarmToPatient        string `json:"harm_to_patient,omitempty" validate:"max=10000"`
	HarmToPublicTrust    string `json:"harm_to_public_trust,omitempty" validate:"max=10000"`
	ProportionateMinimum string `json:"proportionate_minimum,omitempty" validate:"max=10000"`
	Alternatives         string `json:"alternatives,omitempty" validate:"max=10000"`
	Conclusion           string `json:"conclusion,omitempty" validate:"max=10000"`
}

// Consent says whether the person was asked, and why not.
type Consent struct {
	Sought *bool  `json:"sought,omitempty"`
	Form   string `json:"form,omitempty" validate:"max=1000"`
	Reason string `json:"reason,omitempty" validate:"max=10000"`
}

// OptOut is the position on the national data opt-out.
type OptOut struct {
	Status   vocabulary.OptOut `json:"status,omitempty" validate:"omitempty,code=ndoo_status"`
	Evidence string            `json:"evidence,omitempty" validate:"max=10000"`
}

// Transparency is what patients are told (Caldicott principle 8).
type Transparency struct {
	NoticeCovers      *bool  `json:"privacy_notice_covers,omitempty"`
	PatientInformed   *bool  `json:"patient_informed,omitempty"`
	ReasonNotInformed string `json:"reason_not_informed,omitempty" validate:"max=10000"`
	Action            string `json:"action,omitempty" validate:"max=10000"`
}

// Recipient is who would receive, by role and headcount. Country is an ISO 3166-1 alpha-2 code.
type Recipient struct {
	OrgCode           string                   `json:"org_code,omitempty" validate:"omitempty,org_code"`
	Type              vocabulary.RecipientType `json:"type,omitempty" validate:"omitempty,code=recipient_type"`
	Roles             string                   `json:"roles,omitempty" validate:"max=10000"`
	Headcount         *int                     `json:"headcount,omitempty" validate:"omitempty,min=0,max=10000000"`
	TrainingConfirmed *bool                    `json:"training_confirmed,omitempty"`
	DSPTStatus        vocabulary.DSPT          `json:"dspt_status,omitempty" validate:"omitempty,code=dspt_status"`
	Country           string                   `json:"country,omitempty" validate:"omitempty,country"`
	UserIDs           []string                 `json:"user_ids,omitempty" validate:"max=200,dive,user_id"`
}

// Transfer is how and how often it would go.
type Transfer struct {
	Method    vocabulary.TransferMethod `json:"method,omitempty" validate:"omitempty,code=transfer_method"`
	Frequency vocabulary.Frequency      `json:"frequency,omitempty" validate:"omitempty,code=frequency"`
	Security  string                    `json:"security,omitempty" validate:"max=10000"`
	Mechanism vocabulary.Mechanism      `json:"international_mechanism,omitempty" validate:"omitempty,code=international_mechanism"`
}

// Retention is how long it is kept and how it is destroyed.
type Retention struct {
	Period              string `json:"period,omitempty" validate:"max=1000"`
	DisposalMethod      string `json:"disposal_method,omitempty" validate:"max=1000"`
	CertificateRequired *bool  `json:"certificate_required,omitempty"`
}

// LinkedDocument names a document and how far it has come.
type LinkedDocument struct {
	Type      vocabulary.DocumentType   `json:"type,omitempty" validate:"omitempty,code=linked_document_type"`
	Reference string                    `json:"reference,omitempty" validate:"max=1000"`
	Status    vocabulary.DocumentStatus `json:"status,omitempty" validate:"omitempty,code=linked_document_status"`
}

// FiveSafes is the requester's description under the five headings used for research data.
type FiveSafes struct {
	People   string `json:"PEOPLE,omitempty" validate:"max=10000"`
	Projects string `json:"PROJECTS,omitempty" validate:"max=10000"`
	Settings string `json:"SETTINGS,omitempty" validate:"max=10000"`
	Data     string `json:"DATA,omitempty" validate:"max=10000"`
	Outputs  string `json:"OUTPUTS,omitempty" validate:"max=10000"`
}

// Risk is the local risk score and where it is registered.
type Risk struct {
	Score       *int   `json:"score,omitempty" validate:"omitempty,min=0,max=1000"`
	Matrix      string `json:"matrix,omitempty" validate:"max=1000"`
	RegisterRef string `json:"register_ref,omitempty" validate:"max=1000"`
}

// StructuralConflict is what the service itself sees of the guardian's other posts (rule V009).
type StructuralConflict struct {
	Person    string                       `json:"person,omitempty" validate:"omitempty,user_id"`
	Type      vocabulary.Conflict          `json:"type,omitempty" validate:"omitempty,code=conflict_type"`
	Detection vocabulary.ConflictDetection `json:"detection,omitempty" validate:"omitempty,code=conflict_detection"`
	Action    vocabulary.ConflictAction    `json:"action,omitempty" validate:"omitempty,code=conflict_action"`
}

// Attachment names a stored document by id and digest; documents come with "2 of 5: time".
type Attachment struct {
	ID     string `json:"id,omitempty" validate:"max=64"`
	Name   string `json:"name,omitempty" validate:"max=300"`
	SHA256 string `json:"sha256,omitempty" validate:"max=64"`
}

// Bytes gives the document as it is stored and digested: one line, fields in the order of Content, no HTML escapes.
func (c Content) Bytes() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c.withLists()); err != nil {
		// Content holds only strings, numbers, booleans and lists of them.
		panic(fmt.Sprintf("content cannot be encoded: %v", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// ParseContent reads a stored version; what fails to parse was not written by this service.
func ParseContent(b []byte) (Content, error) {
	var c Content
	if err := json.Unmarshal(b, &c); err != nil {
		return Content{}, fmt.Errorf("stored content: %w", err)
	}
	return c, nil
}

// ErasedMark stands where words were erased (audit.blank).
const ErasedMark = "[erased]"

// WithoutMarks is the content with nothing where words were erased: they are no answer to anything.
func (c Content) WithoutMarks() (Content, error) {
	return ParseContent(bytes.ReplaceAll(c.Bytes(), []byte(`"`+ErasedMark+`"`), []byte(`""`)))
}

// Digest is SHA-256 over Bytes: what `submit` pins and the trail remembers.
func (c Content) Digest() [32]byte { return sha256.Sum256(c.Bytes()) }

// withLists writes an absent list as [], so that a reader need not tell null from empty.
func (c Content) withLists() Content {
	c.DataItems = orEmpty(c.DataItems)
	c.SourceSystems = orEmpty(c.SourceSystems)
	c.Recipients = orEmpty(c.Recipients)
	c.Documents = orEmpty(c.Documents)
	c.Conflicts = orEmpty(c.Conflicts)
	c.Attachments = orEmpty(c.Attachments)
	c.DataSubjects.SensitiveFlags = orEmpty(c.DataSubjects.SensitiveFlags)
	c.Legal.Art6, c.Legal.Art9 = orEmpty(c.Legal.Art6), orEmpty(c.Legal.Art9)
	c.Legal.Sch1, c.Legal.Exemptions = orEmpty(c.Legal.Sch1), orEmpty(c.Legal.Exemptions)
	c.Legal.Powers = orEmpty(c.Legal.Powers)
	return c
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// isTrue and isFalse read a boolean that may be absent.
func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }

// blank is absent, null or only white space.
func blank(s string) bool { return strings.TrimSpace(s) == "" }
