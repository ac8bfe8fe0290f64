package caldicott

import (
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// smallNumbers: V004. NHS England, disclosure control for hospital episode statistics: suppress 1 to 7, round to 5.
func smallNumbers(q *question) bool {
	return q.Identifiability == vocabulary.IdentifiabilityAggregateSmallNumbers
}

// abroadWithoutMechanism: V005. UK GDPR Arts 44 to 49; the ICO asks for a transfer risk assessment beside an IDTA, the
// UK Addendum and binding corporate rules. A country that is not given is not taken for this one.
func abroadWithoutMechanism(q *question) bool {
	if !q.cpi || !someRecipient(q.Content, isAbroad) {
		return false
	}
	switch q.Transfer.Mechanism {
	case vocabulary.MechanismNoneIdentified, vocabulary.MechanismNotOverseas:
		return true
	case vocabulary.MechanismIdta, vocabulary.MechanismUkAddendum, vocabulary.MechanismBcr:
		return !q.inHand(vocabulary.DocumentTypeTra)
	default:
		return false
	}
}

// dpiaMissing: V006. UK GDPR Art 35, and the ICO's list of processing that needs an assessment.
func dpiaMissing(q *question) bool {
	if q.hasDocument(vocabulary.DocumentTypeDpia, vocabulary.DocumentStatusApproved) {
		return false
	}
	switch q.Kind {
	case vocabulary.KindNewSystemDpia, vocabulary.KindDataSharingAgreement, vocabulary.KindInternationalTransfer:
		return true
	}
	once := q.Transfer.Frequency == vocabulary.FrequencyOneOff
	onceForCare := once && isTrue(q.IndividualCare)
	return q.cpi && (q.secondary && !once ||
		q.goesTo(vocabulary.RecipientTypeCommercialProcessor) ||
		q.goesTo(vocabulary.RecipientTypeCommercialController) && !onceForCare)
}

// agreementMissing: V007. UK GDPR Art 28(3) for processors; the ICO's data sharing code (Data Protection Act 2018
// s.121) between controllers.
func agreementMissing(q *question) bool {
	contract := q.hasDocument(vocabulary.DocumentTypeDpaContract, vocabulary.DocumentStatusSigned)
	agreement := q.hasDocument(vocabulary.DocumentTypeDsa, vocabulary.DocumentStatusSigned)
	processor := q.cpi && q.goesTo(vocabulary.RecipientTypeCommercialProcessor)
	shared := q.Kind == vocabulary.KindDataSharingAgreement ||
		q.Kind == vocabulary.KindResearch && q.cpi && q.outside
	often := q.Transfer.Frequency == vocabulary.FrequencyPeriodic ||
		q.Transfer.Frequency == vocabulary.FrequencyContinuous
	return processor && !contract || shared && !agreement ||
		q.cpi && q.outside && often && !agreement && !contract
}

// standingNotEvidenced: V012. Access to Health Records Act 1990 s.3(1)(f): the personal representative, or anyone who
// may have a claim arising out of the death.
func standingNotEvidenced(q *question) bool {
	return q.Kind == vocabulary.KindDeceasedRecords && q.Legal.Basis == vocabulary.BasisAhra1990 &&
		!q.inHand(vocabulary.DocumentTypeProbate, vocabulary.DocumentTypeOther)
}

// retentionUnknown: V017. UK GDPR Art 5(1)(e); Records Management Code of Practice.
func retentionUnknown(q *question) bool {
	return blank(q.Retention.Period) || blank(q.Retention.DisposalMethod)
}

// researchNotApproved: V019. UK Policy Framework for Health and Social Care Research: REC opinion and HRA Approval.
func researchNotApproved(q *question) bool {
	if q.Kind != vocabulary.KindResearch && q.PurposeCategory != vocabulary.PurposeResearch {
		return false
	}
	return !q.hasDocument(vocabulary.DocumentTypeRecOpinion, vocabulary.DocumentStatusApproved) ||
		!q.hasDocument(vocabulary.DocumentTypeHraApproval, vocabulary.DocumentStatusApproved)
}

// itemNotJustified: V024. Caldicott principle 3: the minimum necessary, each item on its own.
func itemNotJustified(q *question) bool { return blank(q.item.Justification) }

// alternativeNotConsidered: V027. Caldicott principle 2: identifiable only when necessary.
func alternativeNotConsidered(q *question) bool { return q.cpi && blank(q.Alternative) }

func (q *question) hasDocument(t vocabulary.DocumentType, s vocabulary.DocumentStatus) bool {
	return slices.ContainsFunc(q.Documents, func(d LinkedDocument) bool { return d.Type == t && d.Status == s })
}

// inHand: a document of one of the types is attached, approved or signed.
func (q *question) inHand(types ...vocabulary.DocumentType) bool {
	return slices.ContainsFunc(q.Documents, func(d LinkedDocument) bool {
		switch d.Status {
		case vocabulary.DocumentStatusAttached, vocabulary.DocumentStatusApproved, vocabulary.DocumentStatusSigned:
			return slices.Contains(types, d.Type)
		default:
			return false
		}
	})
}

func (q *question) goesTo(t vocabulary.RecipientType) bool {
	return someRecipient(q.Content, func(r Recipient) bool { return r.Type == t })
}

func someRecipient(c Content, is func(Recipient) bool) bool {
	return slices.ContainsFunc(c.Recipients, is)
}

func isOutside(r Recipient) bool { return r.Type != vocabulary.RecipientTypeInternal }

func isAbroad(r Recipient) bool {
	return r.Country != "GB" || r.Type == vocabulary.RecipientTypeOverseas
}
