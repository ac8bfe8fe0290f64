package caldicott

import "github.com/caldicott/caldicott/internal/caldicott/vocabulary"

// waitingFor: V021. The advice of those who must be asked comes before the decision; where waiting could harm somebody
// it may follow, and the request cannot be closed without it.
func waitingFor(c Content, p Proposal) []Finding {
	if len(p.Waiting) == 0 {
		return nil
	}
	severity := blockApprove
	if Pressing(c) {
		severity = warn
	}
	message := "Somebody who must be consulted has neither answered nor been waived with a reason."
	return []Finding{{vocabulary.RuleV021, severity, "consultations", message}}
}

// datesOf: V022. Permission ends and is looked at again: UK GDPR Art 5(1)(e), and section 251 support of regulation 5,
// which is renewed yearly, cannot be outlived by what stands on it.
func datesOf(c Content, today string, p Proposal) []Finding {
	if !Approving(p.Outcome) {
		return nil
	}
	var findings []Finding
	say := func(field, message string) {
		findings = append(findings, Finding{vocabulary.RuleV022, blockApprove, field, message})
	}
	needed := p.Outcome != vocabulary.OutcomeRatify // what is ratified is already over
	once := c.Transfer.Frequency == vocabulary.FrequencyOneOff
	if needed && !once && p.ReviewDate == "" {
		say("decision.review_date", "An approval needs a date on which it is reviewed.")
	}
	if p.ReviewDate != "" && p.ExpiryDate != "" && p.ReviewDate > p.ExpiryDate {
		say("decision.review_date", "The review cannot be after the expiry.")
	}
	switch {
	case p.ExpiryDate == "":
		if needed {
			say("decision.expiry_date", "An approval needs a date on which it expires.")
		}
	case p.ExpiryDate < today:
		say("decision.expiry_date", "The expiry cannot be before the day of the decision.")
	case outlivesSupport(c.Legal, p.ExpiryDate):
		say("decision.expiry_date", "The expiry cannot be after the section 251 support's annual review is due.")
	}
	return findings
}

func outlivesSupport(l Legal, expiry string) bool {
	return isRegulation5(l.Basis) && l.S251 != nil && l.S251.AnnualReviewDue != "" && expiry > l.S251.AnnualReviewDue
}
