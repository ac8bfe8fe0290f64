package caldicott

import (
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// noBasisForConfidentialData: V001. The common law duty of confidence: patients' information may be used with consent,
// by law, with section 251 support or in the overriding public interest. Consent is implied for individual care, and
// for audit by the team that gave the care (NDG, Eight Caldicott Principles, 2020, principles 1 and 6).
func noBasisForConfidentialData(q *question) bool {
	if !q.cpi {
		return false
	}
	switch q.Legal.Basis {
	case vocabulary.BasisNoneIdentified, vocabulary.BasisNotEngaged:
		return true
	case vocabulary.BasisImpliedConsent:
		auditWithin := q.Kind == vocabulary.KindClinicalAudit && !q.outside
		return q.secondary && !auditWithin
	default:
		return false
	}
}

// s251NotShown: V002. NHS Act 2006 s.251 and the Health Service (Control of Patient Information) Regulations 2002:
// regulations 2 and 3 are themselves the permission, regulation 5 needs a decision on CAG's advice, reviewed yearly.
func s251NotShown(q *question) bool {
	if !supported(q.Legal.Basis) {
		return false
	}
	s := q.Legal.S251
	if s == nil || s.Regulation == "" || s.Regulation != regulationOf(q.Legal.Basis) {
		return true
	}
	if !isRegulation5(q.Legal.Basis) {
		return false
	}
	supported := s.Status == "FULL_SUPPORT" || s.Status == "CONDITIONAL_SUPPORT"
	return blank(s.Reference) || s.DecisionMaker == "" || s.AnnualReviewDue == "" ||
		s.AnnualReviewDue < q.today || !supported
}

// regulationOf gives the regulation that a section 251 basis stands on.
func regulationOf(b vocabulary.Basis) vocabulary.S251Regulation {
	switch {
	case b == vocabulary.BasisS251Reg2:
		return "2"
	case b == vocabulary.BasisS251Reg3:
		return "3"
	case isRegulation5(b):
		return "5"
	default:
		return ""
	}
}

func isRegulation5(b vocabulary.Basis) bool {
	return b == vocabulary.BasisS251Reg5Research || b == vocabulary.BasisS251Reg5NonResearch
}

// optOutUnresolved: V003. NHS England, National data opt-out operational policy guidance: it applies to confidential patient
// information used beyond individual care, but where one of its exemptions is shown.
func optOutUnresolved(q *question) bool {
	if !q.cpi || !q.secondary {
		return false
	}
	switch q.OptOut.Status {
	case vocabulary.OptOutUndetermined, vocabulary.OptOutAppliesToBeFiltered, vocabulary.OptOutNaIndividualCare,
		vocabulary.OptOutNaAnonymised, vocabulary.OptOutNaNotCpi:
		return true
	case vocabulary.OptOutExemptCagDisapplied:
		return q.Legal.S251 == nil || !isTrue(q.Legal.S251.OptOutDisapplied)
	default:
		return false
	}
}

// balancingTestIncomplete: V011. Department of Health, Confidentiality: NHS Code of Practice, supplementary guidance on
// public interest disclosures (2010): case by case, in writing. A gateway that only permits asks for the same test.
func balancingTestIncomplete(q *question) bool {
	gateway := q.Legal.Basis == vocabulary.BasisStatutoryGateway && q.secondary
	if q.Legal.Basis != vocabulary.BasisOverridingPublicInterest && !gateway {
		return false
	}
	test := q.Legal.PublicInterest
	return test == nil || slices.ContainsFunc(test.parts(), func(part Text) bool { return blank(part.Value) })
}

// policyDocumentMissing: V015. Data Protection Act 2018 Sch 1 paras 1(1)(b), 5 and 39: what the body says it does to comply.
func policyDocumentMissing(q *question) bool {
	return slices.ContainsFunc(q.Legal.Sch1, needsPolicyDocument) && !q.inHand(vocabulary.DocumentTypeApd)
}

func needsPolicyDocument(code vocabulary.Sch1) bool {
	switch code {
	case vocabulary.Sch1P11, vocabulary.Sch1P26, vocabulary.Sch1P27, vocabulary.Sch1P28, vocabulary.Sch1P210,
		vocabulary.Sch1P211, vocabulary.Sch1P212, vocabulary.Sch1P214, vocabulary.Sch1P217, vocabulary.Sch1P218,
		vocabulary.Sch1P219, vocabulary.Sch1P220, vocabulary.Sch1P223, vocabulary.Sch1P224:
		return true
	default:
		return false
	}
}

// notForPublicAuthority: V016. UK GDPR Art 6(1), last sentence; recognised legitimate interests (Art 6(1)(ea)) came
// with the Data (Use and Access) Act 2025.
func notForPublicAuthority(q *question) bool {
	return slices.Contains(q.Legal.Art6, vocabulary.Art6_6_1_EA) || slices.Contains(q.Legal.Art6, vocabulary.Art6_6_1_F)
}

// powerNotNamed: V020. A duty or a permission in law is in some provision, and the record must say in which.
func powerNotNamed(q *question) bool {
	basis := q.Legal.Basis
	return (basis == vocabulary.BasisRequiredByLaw || basis == vocabulary.BasisStatutoryGateway) && !namesPower(q.Legal)
}

// noticeNotInHand: V020. Powers that somebody uses by serving a notice or getting an order, such as the Medical Act
// 1983 s.35A, bind nobody before it is served.
func noticeNotInHand(q *question) bool {
	switch q.Legal.Basis {
	case vocabulary.BasisRequiredByLaw:
		return slices.ContainsFunc(q.Legal.Powers, usedByNotice) &&
			!q.inHand(vocabulary.DocumentTypeStatutoryNotice, vocabulary.DocumentTypeCourtOrder)
	case vocabulary.BasisCourtOrder:
		return !q.inHand(vocabulary.DocumentTypeCourtOrder)
	default:
		return false
	}
}

// noPowerBesidesPublicInterest: V020. No fault, but the guardian should see that nothing else carries the disclosure.
func noPowerBesidesPublicInterest(q *question) bool {
	return q.Legal.Basis == vocabulary.BasisOverridingPublicInterest && !namesPower(q.Legal)
}

func namesPower(l Legal) bool {
	return slices.ContainsFunc(l.Powers, func(p vocabulary.Power) bool { return p != vocabulary.PowerNone && p != "" })
}

func usedByNotice(p vocabulary.Power) bool {
	switch p {
	case vocabulary.PowerHsca2012S259, vocabulary.PowerHsca2008S6065, vocabulary.PowerMedicalAct1983S35a,
		vocabulary.PowerNmo2001Art25, vocabulary.PowerHpo2001Art25, vocabulary.PowerCja2009Sch5,
		vocabulary.PowerCareAct2014S45, vocabulary.PowerNhsAct2006Part10, vocabulary.PowerHssibHca2022,
		vocabulary.PowerInquiries2005S21, vocabulary.PowerPace1984S9, vocabulary.PowerOther:
		return true
	default:
		return false
	}
}

// art6NotInForce, art9NotInForce, sch1NotInForce: V025. Law changes: Art 6(1)(ea) is no basis before 5 February 2026.
func art6NotInForce(q *question) bool { return notInForce(q, "art6_basis", q.Legal.Art6) }

func art9NotInForce(q *question) bool { return notInForce(q, "art9_condition", q.Legal.Art9) }

func sch1NotInForce(q *question) bool { return notInForce(q, "dpa_sch1_condition", q.Legal.Sch1) }

func notInForce[C ~string](q *question, list string, codes []C) bool {
	return slices.ContainsFunc(codes, func(code C) bool { return !q.index.InForce(list, string(code), q.today) })
}
