package caldicott

import (
	"context"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Store keeps everything. A closure given to InTx may run twice (after a serialisation failure), so it touches nothing
// but its Tx and what it returns; when it fails, nothing of it is kept.
type Store interface {
	Reader
	InTx(ctx context.Context, f func(Tx) error) error
}

// Tx is one transaction. What its methods return is true until it ends.
type Tx interface {
	ReadCase(ctx context.Context, id string) (Case, error)
	// LockCase reads the case after everybody else who writes to it has finished; NotFound where there is none.
	LockCase(ctx context.Context, id string) (Case, error)
	// LockPerson keeps the person's authority as it is until the transaction ends; changing tells a change of it from a
	// deed that rests on it. Deeds may hold it together, a change waits for them and they for it.
	LockPerson(ctx context.Context, personID string, changing bool) error
	// Standing reads the person with all their authority, and the organisation's current guardians.
	Standing(ctx context.Context, personID, organisationID string, at time.Time) (Actor, []Guardian, error)
	// Unknown gives those of the user ids that nobody active has in the organisation or in one that it answers for.
	Unknown(ctx context.Context, organisationID string, userIDs []string) ([]string, error)
	// NextReference gives the next reference of the organisation in the year.
	NextReference(ctx context.Context, organisationID, orgCode string, year int) (string, error)
	// SaveCase appends the change's event to the trail and writes the change under it.
	SaveCase(ctx context.Context, change Change) error
	// Note appends an event that belongs to no change: a refusal, a reading, the service's own doings.
	Note(ctx context.Context, e Event) error
	// Appended is the entry that this transaction appended to a chain last.
	Appended() Appended
	// Plan writes what waits for whom on the request, in place of what was written before, and when the keeper is to look
	// at it next; zero for never.
	Plan(ctx context.Context, request Request, tasks []Task, next time.Time) error
	// Tell writes notices to be sent; one whose key is there already is not written again.
	Tell(ctx context.Context, notices []Notice) error
	// Audience are the people who hold one of the roles in the organisation at the instant. A deputy counts as guardian
	// while a delegation is in force, and else not at all.
	Audience(ctx context.Context, organisationID string, roles []vocabulary.Role, at time.Time) ([]Audience, error)
	// Assign writes what waits about something that is no request, in place of what was written before.
	Assign(ctx context.Context, organisationID, subject string, tasks []Task) error
	// Recall asks the keeper to look at the request of an authorisation in whose place another has come.
	Recall(ctx context.Context, authorisationID string) error
	// Hear asks the keeper to look at the requests that authorise something to the recipient.
	Hear(ctx context.Context, organisationID, orgCode string) error
	// Ledger reads an organisation's records of a kind in their order; subject "" for all.
	Ledger(ctx context.Context, organisationID string, kind LedgerKind, subject string) ([]LedgerRow, error)
	// Resend puts a notice that was given up back in the queue; NotFound where the organisation has none such.
	Resend(ctx context.Context, organisationID, id string) (Notice, error)
	// Samplable are the decisions of the time that were set aside, or approved by the express way.
	Samplable(ctx context.Context, organisationID string, from, to time.Time) ([]Samplable, error)
	// Reviewers are the people who hold a review guardian's appointment at the instant: the organisation's own first.
	Reviewers(ctx context.Context, organisationID string, at time.Time) ([]Actor, error)

	Directory
	Answers
}

// Appended is where an event stands in its chain, and the hash that it will have as a leaf of the log.
type Appended struct {
	Stream string
	Seq    int
	Leaf   [32]byte
}

// Answers are the answers given under an Idempotency-Key.
type Answers interface {
	// Answer finds the answer under the person's key, if it is younger than since; Conflict KEY_BUSY while another
	// transaction works on the key.
	Answer(ctx context.Context, personID, key string, since time.Time) (GivenAnswer, bool, error)
	// KeepAnswer stores the answer in the place of an outlived one.
	KeepAnswer(ctx context.Context, personID, key string, a GivenAnswer) error
}

// AnswersKept is for how long a key is remembered.
const AnswersKept = 24 * time.Hour

// GivenAnswer is what was answered to a POST, byte for byte. Digest is over method, path and body of the question.
type GivenAnswer struct {
	Digest         [32]byte
	Status         int
	ETag, Location string
	Body           []byte
	Receipt        string // as the header Audit-Receipt has it; "" where none was signed
	At             time.Time
	RequestID      string
}

// Directory are the writes on people, their authority and the directory, each under the lock of its organisation.
type Directory interface {
	LockOrganisation(ctx context.Context, code string) (OrganisationRecord, error)
	OrganisationByCode(ctx context.Context, code string) (OrganisationRow, error)
	PersonNamed(ctx context.Context, userID string) (Actor, error)
	AppointmentByID(ctx context.Context, id string) (Appointment, error)
	DelegationByID(ctx context.Context, id string) (Delegation, error)
	AssetByID(ctx context.Context, id string) (Asset, error)
	// SaveDirectory appends the event to the organisation's chain and writes the rows under it.
	SaveDirectory(ctx context.Context, e Event, rows DirectoryRows) error
	// AnyAppointment says whether anybody was ever appointed.
	AnyAppointment(ctx context.Context) (bool, error)
	// Wordings says of the entries that are there whether their words can be erased.
	Wordings(ctx context.Context, entries []int64) ([]Wording, error)
	// Erase blanks the words of the entry wherever they stand. The transaction has recorded that first.
	Erase(ctx context.Context, entry int64) error
	// Disposable are the entries about requests of the kind that are over, to which nothing was done since, and that nothing keeps.
	Disposable(ctx context.Context, organisationID string, kind vocabulary.Kind, before time.Time) ([]Disposable, error)
	// Dispose does away with what the proposal names. The transaction has certified that first.
	Dispose(ctx context.Context, proposal string) error
	// Held says whether a legal hold is in force over the request ("" for what belongs to none), and lets none begin or end
	// before the transaction does.
	Held(ctx context.Context, organisationID, requestID string) (bool, error)
}

// DirectoryRows are rows to insert or to bring up to date, by their ids.
type DirectoryRows struct {
	Organisations []OrganisationRow
	People        []Person
	Appointments  []Appointment
	Delegations   []Delegation
	Assets        []Asset
	Ledger        []LedgerRow
}

// LedgerKind is what an organisation puts on record besides its directory.
type LedgerKind string

// The kinds of the ledger, and what Subject holds of each.
const (
	LedgerAssurance    LedgerKind = "assurance"     // an organisation's code
	LedgerShift        LedgerKind = "shift"         // a user id
	LedgerShiftEnd     LedgerKind = "shift_end"     // the shift's id
	LedgerSample       LedgerKind = "sample"        // a quarter, 2026-Q3
	LedgerJudgement    LedgerKind = "judgement"     // a decision's id
	LedgerStandingRule LedgerKind = "standing_rule" // a kind of request
	LedgerErasure      LedgerKind = "erasure"       // a request's id; "" for words of the organisation's own chain
	LedgerErasureEnd   LedgerKind = "erasure_end"   // the erasure's id
	LedgerErased       LedgerKind = "erased"        // the entry whose words are gone
	LedgerHold         LedgerKind = "hold"          // a request's id; "" for everything
	LedgerHoldEnd      LedgerKind = "hold_end"      // the hold's id
	LedgerDisposal     LedgerKind = "disposal"      // a kind of request
	LedgerDisposalEnd  LedgerKind = "disposal_end"  // the disposal's id
	LedgerDisposed     LedgerKind = "disposed"      // the disposal's id
)

// LedgerRow is one record; Body is JSON. By is "" where the keeper made it. Entry is the trail's, once it was read back.
type LedgerRow struct {
	ID, OrganisationID string
	Kind               LedgerKind
	Subject, By        string
	Body               []byte
	At                 time.Time
	Entry              int64
}

// Wording says of an entry of the trail whether it has words that can be erased, and whose it is. Request is "" where it is
// about none.
type Wording struct {
	Entry                 int64
	Request, Organisation string // ids
	State                 WordingState
}

// Disposable is an entry whose time of keeping is over, and the request that it is about.
type Disposable struct {
	Entry   int64
	Request string
}

// WordingState is what has become of an entry's words. Those of the directory stand in rows that are brought up to date.
type WordingState string

// The states of an entry's words.
const (
	WordingThere     WordingState = "words"
	WordingErased    WordingState = "erased"
	WordingDirectory WordingState = "directory"
	WordingNone      WordingState = "none"
)

// OrganisationRow is an organisation with the one whose trail answers for it.
type OrganisationRow struct {
	OrganisationRecord
	AnswersFor string
}

// Reader reads without a transaction. It decides nothing about who may see what: casework does.
type Reader interface {
	// ActorBySubject finds who a token speaks for; NotFound for a stranger.
	ActorBySubject(ctx context.Context, issuer, subject string) (Actor, error)
	ActorByUserID(ctx context.Context, userID string) (Actor, error)
	Guardians(ctx context.Context, organisationID string, at time.Time) ([]Guardian, error)

	ReadCase(ctx context.Context, id string) (Case, error)
	// Outlines reads cases as far as lists tell: of each content title, kind and urgency only, and nobody's words.
	Outlines(ctx context.Context, ids []string) ([]Case, error)
	// CaseOf finds the request that a decision, an authorisation, a condition or a disclosure belongs to.
	CaseOf(ctx context.Context, noun Noun, id string) (requestID string, err error)
	ReadVersion(ctx context.Context, requestID string, n int) (Version, error)
	VersionMarks(ctx context.Context, requestID string) ([]VersionMark, error)
	Remarks(ctx context.Context, requestID string) ([]Remark, error)
	List(ctx context.Context, noun Noun, within Reach, filter Filter, page Page) ([]Listed, error)
	Ledger(ctx context.Context, organisationID string, kind LedgerKind, subject string) ([]LedgerRow, error)
	// Ending are the appointments and delegations in force whose last day lies between the two days.
	Ending(ctx context.Context, from, to string) ([]EndingOffice, error)
	// Due are the requests that the keeper is to look at, the longest waiting first.
	Due(ctx context.Context, now time.Time, limit int) ([]string, error)
	// TasksOf gives what waits for the person or for who holds the roles, soonest first.
	TasksOf(ctx context.Context, asked TasksAsked) ([]TaskRow, error)
	// Unsampled are the codes of organisations that have samplable decisions in the time and no sample of the quarter.
	Unsampled(ctx context.Context, quarter string, from, to time.Time) ([]string, error)
	// NoticesOf are what the person was told, the newest first, from before the one named.
	NoticesOf(ctx context.Context, userID, before string, limit int) ([]Notice, error)
	// Undelivered are the organisation's notices that were given up, from after the one named.
	Undelivered(ctx context.Context, organisationID, after string, limit int) ([]Notice, error)
	// Durations are the beginnings and ends of the newest decided requests of the kind.
	Durations(ctx context.Context, organisationID string, kind vocabulary.Kind, limit int) ([]Span, error)

	Organisations(ctx context.Context, filter Filter, page Page) ([]OrganisationRow, error)
	OrganisationByCode(ctx context.Context, code string) (OrganisationRow, error)
	AppointmentByID(ctx context.Context, id string) (Appointment, error)
	DelegationByID(ctx context.Context, id string) (Delegation, error)
	AssetByID(ctx context.Context, id string) (Asset, error)
	People(ctx context.Context, organisationIDs []string, filter Filter, page Page) ([]Person, error)
	// PersonAsOf reads a person's record, by its id, as it stood at the instant; NotFound where it is not known.
	PersonAsOf(ctx context.Context, id string, at time.Time) (Person, error)
	// Appointments and Delegations are listed as they stood at an instant, where the filter AsOf names one (RFC 3339).
	Appointments(ctx context.Context, organisationIDs []string, filter Filter, page Page) ([]Appointment, error)
	Delegations(ctx context.Context, organisationIDs []string, filter Filter, page Page) ([]Delegation, error)
	Assets(ctx context.Context, organisationIDs []string, filter Filter, page Page) ([]Asset, error)
}

// Noun is what can be listed or found under a request.
type Noun string

// The nouns of a case.
const (
	Requests       Noun = "requests"
	Decisions      Noun = "decisions"
	Authorisations Noun = "authorisations"
	Conditions     Noun = "conditions"
	Disclosures    Noun = "disclosures"
	Reviews        Noun = "reviews"
	Dissents       Noun = "dissents"
	Incidents      Noun = "incidents"
	Documents      Noun = "documents"
)

// TasksAsked is one page of what waits for a person: from the row after the one named, so many. Roles are those held at
// Now; Denied are organisations of which the person may see nothing.
type TasksAsked struct {
	UserID   string
	Roles    []RoleAt
	Denied   []string
	Now      time.Time
	AfterDue string
	AfterID  string
	Limit    int
}

// TaskRow is a task with the request that it is on, as far as lists tell; Key is its place in the order.
type TaskRow struct {
	ID, Key string
	Task
	OrgCode   string
	Request   Request
	Kind      vocabulary.Kind
	Urgency   vocabulary.Urgency
	Title     string
	Submitted time.Time
}

// EndingOffice is an appointment, or with a Guardian a delegation, that comes to its last day. Since is when it began to
// count.
type EndingOffice struct {
	ID, OrganisationID, UserID, Guardian, ValidTo string
	Since                                         time.Time
}

// Span is from when to when something took.
type Span struct{ From, To time.Time }

// Reach says which requests a person may see: any of the ways that is open, less what is denied. It mirrors Standings, so
// that a list equals filtering everything by the policy.
type Reach struct {
	UserID        string
	Denied        []string // ids: nothing of these organisations
	Own           bool     // requests they raised
	Owned         bool     // requests with a condition that they own
	Sponsored     bool     // requests they sponsor
	AssetOwned    bool     // requests on an asset they own
	Handed        bool     // requests handed to them, or of which a review was sent to them
	Sent          []string // ids of organisations whose guardian they are: a review of any other's request that was sent to them
	Organisations []string // ids: everything of these
	Consulted     []RoleAt // requests of the organisation on which the role was asked
}

// RoleAt is a role held in an organisation.
type RoleAt struct{ Role, OrganisationID string }

// Filter narrows a list; each noun's list knows which names it accepts. Values are codes, ids, dates, or the words of `q`.
type Filter map[string]string

// AsOf is the filter that lists things as they stood at an instant.
const AsOf = "as_of"

// Page is one page of a list in keyset order: After is the sort key of the last row seen ("" for the first page), Limit
// how many more. Descending by time unless Ascending.
type Page struct {
	AfterKey, AfterID string
	Limit             int
	Ascending         bool
	Ahead             bool // the last row asked for is only to see whether there is a next page
}

// Listed is one row of a list: the request it belongs to, as far as lists tell, its own id, and its sort key.
type Listed struct {
	ID, Key     string
	Request     Request
	Kind        vocabulary.Kind
	Urgency     vocabulary.Urgency
	Title       string
	SubmittedAt time.Time
	DecidedAt   time.Time
}
