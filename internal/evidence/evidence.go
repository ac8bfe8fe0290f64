// Package evidence writes what a request, or a period, comes to as a folder that proves itself to somebody without the
// service: pages to read, files for machines, proofs, and the digests of what a profile withholds.
package evidence

import (
	"time"

	"github.com/caldicott/caldicott/internal/merkle"
)

// About says what a pack is. A pack of a period has From and To, and Request "".
type About struct {
	Origin       string     `json:"origin"`
	Organisation string     `json:"organisation"`
	Profile      string     `json:"profile"`
	Purpose      string     `json:"purpose"`
	Request      string     `json:"request,omitempty"`
	From         *time.Time `json:"from,omitempty"`
	To           *time.Time `json:"to,omitempty"`
	MadeAt       time.Time  `json:"made_at"`
	MadeBy       string     `json:"made_by,omitempty"` // a user id
	Policy       string     `json:"policy,omitempty"`  // digest of the policy folder
	Checkpoint   Checkpoint `json:"checkpoint"`

	// Keys are the verifier keys of the log, Rules what the profile does with each part.
	Keys  []string       `json:"keys"`
	Rules []RulingOnPart `json:"rules"`
}

// Checkpoint is the signed checkpoint by which everything in a pack is proved.
type Checkpoint struct {
	Size int64  `json:"size"`
	Root string `json:"root"` // base64, as in the checkpoint itself
	Note string `json:"-"`
	tree merkle.Tree
}

// CheckpointOf writes the checkpoint of a tree; a zero tree is that nothing is signed yet.
func CheckpointOf(tree merkle.Tree, note string) Checkpoint {
	return Checkpoint{tree.Size, tree.Root.String(), note, tree}
}

// RulingOnPart is a line of the profile.
type RulingOnPart struct {
	Part   Part   `json:"part"`
	Does   string `json:"ruling"`
	Ground string `json:"ground"`
}

// Entry is an entry of the log as it is stored.
type Entry struct {
	ID       int64
	Canon    []byte // nil where it was disposed of
	Leaf     merkle.Hash
	Index    int64         // -1 while it waits to be sealed and signed
	Path     []merkle.Hash // from the leaf to the checkpoint's root
	Disposed string        // the certificate under which Canon was disposed of
	Detailed bool          // words belong to it …
	Salt     []byte        // … committed to with this salt,
	Body     []byte        // … and these are they;
	Erased   bool          // or they were erased
	Person                 // who acted
}

// Person is somebody as the directory knows them; zero for the service itself.
type Person struct {
	UserID   string `json:"user_id,omitempty"`
	Name     string `json:"name,omitempty"`
	JobTitle string `json:"job_title,omitempty"`
}

// Case is a request as it stood. People are user ids; when a pack shows it, what the profile says.
type Case struct {
	ID             string          `json:"id"`
	Reference      string          `json:"reference,omitempty"`
	Organisation   string          `json:"organisation"`
	State          string          `json:"state"`
	Kind           string          `json:"kind,omitempty"`
	Urgency        string          `json:"urgency,omitempty"`
	Emergency      bool            `json:"emergency"`
	Title          string          `json:"title"`
	Requester      string          `json:"requester"`
	CreatedAt      time.Time       `json:"created_at"`
	SubmittedAt    time.Time       `json:"submitted_at,omitzero"`
	DecisionDue    time.Time       `json:"decision_due,omitzero"`
	DecidedAt      time.Time       `json:"decided_at,omitzero"`
	Versions       []Version       `json:"versions"`
	Advice         []Advice        `json:"advice"`
	Decisions      []Decision      `json:"decisions"`
	Authorisations []Authorisation `json:"authorisations"`
	Conditions     []Condition     `json:"conditions"`
	Disclosures    []Disclosure    `json:"disclosures"`
	Documents      []Document      `json:"documents"`

	// People are those whom the case names.
	People []Person `json:"-"`
}

// Version is one state of what is asked. Content are the bytes over which SHA256 is taken; File is where they are in the pack.
type Version struct {
	N       int       `json:"n"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	SHA256  string    `json:"sha256,omitempty"`
	File    string    `json:"file,omitempty"`
	Erased  bool      `json:"erased,omitempty"` // its words are gone, and SHA256 is that of what it was
	Wrong   bool      `json:"wrong,omitempty"`  // Content is not what SHA256 was taken over
	Content []byte    `json:"-"`
}

// Advice is what somebody who was asked said.
type Advice struct {
	Role string    `json:"role"`
	View string    `json:"view"`
	Text string    `json:"text"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// Decision is what was decided, with what it rests on.
type Decision struct {
	ID                 string      `json:"id"`
	N                  int         `json:"n"`
	Version            int         `json:"version"`
	Outcome            string      `json:"outcome"`
	By                 string      `json:"decided_by"`
	ActingAs           string      `json:"acting_as,omitempty"`
	At                 time.Time   `json:"at"`
	Delegated          bool        `json:"delegated"`
	Rationale          string      `json:"rationale"`
	HarmStatement      string      `json:"harm_statement,omitempty"`
	AlternativeOffered string      `json:"alternative_offered,omitempty"`
	Principles         []Principle `json:"principles"`
	Law                []Law       `json:"law"`
	ReviewDate         string      `json:"review_date,omitempty"`
	ExpiryDate         string      `json:"expiry_date,omitempty"`
	Findings           []string    `json:"findings"`
}

// Principle is how a Caldicott Principle was judged to be met.
type Principle struct {
	Code       string `json:"code"`
	Label      string `json:"label"`
	Assessment string `json:"assessment"`
	Note       string `json:"note,omitempty"`
}

// Law is a legal test with what it rests on: codes, each with its label.
type Law struct {
	Test  string   `json:"test"`
	Codes []string `json:"codes"`
}

// Authorisation is a permission that a decision gave.
type Authorisation struct {
	ID         string `json:"id"`
	Decision   string `json:"decision"`
	State      string `json:"state"`
	Version    int    `json:"version"`
	ReviewDate string `json:"review_date,omitempty"`
	ExpiryDate string `json:"expiry_date,omitempty"`
}

// Condition is what a decision asks for.
type Condition struct {
	Label    string `json:"label"`
	Decision string `json:"decision"`
	Type     string `json:"type"`
	State    string `json:"state"`
	Due      string `json:"due,omitempty"`
	Owner    string `json:"owner,omitempty"`
	Text     string `json:"text"`
	Evidence string `json:"evidence_expected,omitempty"`
}

// Disclosure is what left.
type Disclosure struct {
	At        time.Time `json:"disclosed_at"`
	Recipient string    `json:"recipient"`
	Records   *int      `json:"records,omitempty"`
	Method    string    `json:"method"`
	By        string    `json:"by"`
	Exception string    `json:"exception,omitempty"`
	Note      string    `json:"note,omitempty"`
}

// Document is a file that belongs to the request: what is known of it, never what it holds.
type Document struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	State     string    `json:"state"`
	Erased    bool      `json:"erased"`
	By        string    `json:"by"`
	At        time.Time `json:"at"`
}
