package caldicott

import (
	"strconv"
	"strings"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Rulebook holds a request against the rules V001 to V029. It does no I/O and gives the same findings for the same
// content and circumstances, so that an old version can be read with the findings it had.
type Rulebook struct {
	Guard Guard
	Index vocabulary.Index
}

// rule is one line of the table in rules_table.go: where holds answers yes, the field has the finding. A field with
// "[]" is asked about each element of that list.
type rule struct {
	code     vocabulary.Rule
	severity vocabulary.Severity
	field    string
	holds    func(*question) bool
	message  string
}

// question is what a rule looks at: the content, what is around it, and the one element that is being asked about.
type question struct {
	Content
	Circumstances
	index     vocabulary.Index
	today     string
	cpi       bool
	secondary bool
	outside   bool // some recipient is outside the organisation
	item      DataItem
	recipient Recipient
}

// Findings gives what the rules say, but for V021 and V022, which wait for the decision: at most one finding for each
// rule and field, sorted by rule and then field.
func (b Rulebook) Findings(c Content, in Circumstances) []Finding {
	q := b.question(c, in)
	var findings []Finding
	for i := range rules {
		findings = rules[i].ask(q, findings)
	}
	if in.Emergency {
		afterTheFact(findings)
	}
	findings = append(findings, b.Guard.Look(c.Texts(), in.Confirmed)...)
	return settle(findings)
}

// AtDecision gives Findings and what the rules say of the decision itself (V021, V022), sorted.
func (b Rulebook) AtDecision(c Content, in Circumstances, p Proposal) []Finding {
	findings := b.Findings(c, in)
	findings = append(findings, waitingFor(c, p)...)
	findings = append(findings, datesOf(c, Today(in.Now), p)...)
	return settle(findings)
}

func (b Rulebook) question(c Content, in Circumstances) *question {
	return &question{
		Content:       c,
		Circumstances: in,
		index:         b.Index,
		today:         Today(in.Now),
		cpi:           CPI(c),
		secondary:     isFalse(c.IndividualCare),
		outside:       someRecipient(c, isOutside),
	}
}

// ask adds the rule's findings to those that there are.
func (r *rule) ask(q *question, findings []Finding) []Finding {
	list, rest, each := strings.Cut(r.field, "[]")
	if !each {
		if r.holds(q) {
			findings = append(findings, Finding{r.code, r.severity, r.field, r.message})
		}
		return findings
	}
	for i := range q.elements(list) {
		q.pick(list, i)
		if r.holds(q) {
			field := list + "[" + strconv.Itoa(i) + "]" + rest
			findings = append(findings, Finding{r.code, r.severity, field, r.message})
		}
	}
	return findings
}

func (q *question) elements(list string) int {
	if list == "data_items" {
		return len(q.DataItems)
	}
	return len(q.Recipients)
}

func (q *question) pick(list string, i int) {
	if list == "data_items" {
		q.item = q.DataItems[i]
	} else {
		q.recipient = q.Recipients[i]
	}
}

// afterTheFact: an emergency has already happened. Refusing to record it would help nobody, so what would have blocked
// submission is shown, and is a task due with the ratification. Only the identifier guard, which is asked afterwards,
// still refuses.
func afterTheFact(findings []Finding) {
	for i := range findings {
		if findings[i].Severity == vocabulary.SeverityBlockSubmit {
			findings[i].Severity = vocabulary.SeverityWarn
		}
	}
}

// CPI says whether the request concerns confidential patient information: people could be told from the data, by their
// nature or by one of the items (NHS Act 2006 s.251(10), (11)).
func CPI(c Content) bool {
	switch c.Identifiability {
	case vocabulary.IdentifiabilityIdentifiable, vocabulary.IdentifiabilityIdentifiableIndirect,
		vocabulary.IdentifiabilityPseudonymisedKeyHeld:
		return true
	}
	for _, item := range c.DataItems {
		if isTrue(item.DirectIdentifier) {
			return true
		}
	}
	return false
}

// Pressing says whether waiting could harm somebody: the consultation may then follow the decision (V021).
func Pressing(c Content) bool {
	if c.Urgency != vocabulary.UrgencyUrgent && c.Urgency != vocabulary.UrgencyEmergency {
		return false
	}
	switch c.Kind {
	case vocabulary.KindDirectCareSharing, vocabulary.KindSafeguarding, vocabulary.KindPoliceDisclosure,
		vocabulary.KindCourtOrCoroner, vocabulary.KindPublicHealth, vocabulary.KindEmergencyOutOfHours:
		return true
	default:
		return false
	}
}

// Missing gives the fields that must be filled in at submission and are not, in the order of the document.
func (b Rulebook) Missing(c Content) []string {
	disclosing := c.Kind != vocabulary.KindAdviceOnly && c.Kind != vocabulary.KindRecordRestrictionOrRights
	var missing []string
	for _, required := range []struct {
		field string
		blank bool
	}{
		{"title", blank(c.Title)},
		{"kind", c.Kind == ""},
		{"purpose_category", c.PurposeCategory == ""},
		{"urgency", c.Urgency == ""},
		{"summary", blank(c.Summary)},
		{"purpose", blank(c.Purpose)},
		{"is_individual_care", c.IndividualCare == nil},
		{"data_items", disclosing && len(c.DataItems) == 0},
		{"identifiability", c.Identifiability == ""},
		{"legal.art6", disclosing && len(c.Legal.Art6) == 0},
		{"legal.cldc_basis", disclosing && c.Legal.Basis == ""},
		{"national_data_opt_out.status", disclosing && c.OptOut.Status == ""},
		{"recipients", disclosing && len(c.Recipients) == 0},
		{"transfer.frequency", disclosing && c.Transfer.Frequency == ""},
	} {
		if required.blank {
			missing = append(missing, required.field)
		}
	}
	return missing
}
