package caldicott

import (
	"cmp"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Finding is what one rule says about one field: {V011, BLOCK_APPROVE, "legal.public_interest_test", "The public …"}.
// Message is one plain sentence for the requester and never repeats anything that was written in the request.
type Finding struct {
	Rule     vocabulary.Rule
	Severity vocabulary.Severity
	Field    string
	Message  string
}

// Guardian holds a current CALDICOTT_GUARDIAN appointment of the organisation; Posts are the others that person holds.
type Guardian struct {
	UserID string
	Posts  []vocabulary.Post
}

// Confirmation is the author's word that what the guard saw in a field is not an NHS number, and why (not_identifiers).
type Confirmation struct{ Field, Reason string }

// Circumstances is everything outside the content that a rule may look at.
type Circumstances struct {
	Now       time.Time // the instant at which the rules are asked; dates are Europe/London days
	Guardians []Guardian
	Emergency bool      // begun by record_emergency: it has already happened, so what would block submission is a task
	Recorded  time.Time // when an emergency was recorded; zero while it is being recorded, which is Now
	Confirmed []Confirmation
}

// Proposal is what a decision would say, as far as the rules look at it.
type Proposal struct {
	Outcome    vocabulary.Outcome
	ReviewDate string
	ExpiryDate string
	Waiting    []vocabulary.Role // mandatory consultees who have neither answered nor been waived
}

// Convertible says whether a PRECEDENT condition may resolve the rule's finding, so that it can be approved with
// conditions. The others must be put right first, or decided by another person.
func Convertible(r vocabulary.Rule, c Content) bool {
	switch r {
	case vocabulary.RuleV004, vocabulary.RuleV006, vocabulary.RuleV007, vocabulary.RuleV017, vocabulary.RuleV023:
		return true
	case vocabulary.RuleV003:
		return c.OptOut.Status == vocabulary.OptOutAppliesToBeFiltered
	default:
		return false
	}
}

// BlocksRatification says whether the finding must be put right (`ask`) before what was done in an emergency can be
// ratified: no lawful basis can be found for it afterwards by a condition.
func BlocksRatification(f Finding) bool {
	switch f.Rule {
	case vocabulary.RuleV001, vocabulary.RuleV002, vocabulary.RuleV011, vocabulary.RuleV020:
		return f.Severity == vocabulary.SeverityBlockApprove
	default:
		return false
	}
}

// gravity orders the severities, the most severe highest.
func gravity(s vocabulary.Severity) int {
	switch s {
	case vocabulary.SeverityBlockSubmit:
		return 3
	case vocabulary.SeverityBlockApprove:
		return 2
	case vocabulary.SeverityWarn:
		return 1
	default:
		return 0
	}
}

// settle sorts by rule and field and keeps the most severe finding of each.
func settle(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(gravity(b.Severity), gravity(a.Severity)),
		)
	})
	return slices.CompactFunc(findings, func(a, b Finding) bool { return a.Rule == b.Rule && a.Field == b.Field })
}
