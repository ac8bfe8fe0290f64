package caldicott

import (
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// recordGrace is how long an emergency may wait for its record.
const recordGrace = 24 * time.Hour

// guardianAsks, guardianSponsors, guardianOwnsAsset: V008. UK Caldicott Guardian Council on accountability: conflicts
// are openly worked through. Shown early, so that a deputy can be found in time.
func guardianAsks(q *question) bool { return q.isGuardian(q.Requester.UserID) }

func guardianSponsors(q *question) bool { return q.isGuardian(q.Sponsor) }

func guardianOwnsAsset(q *question) bool { return q.isGuardian(q.AssetOwner) }

func (q *question) isGuardian(userID string) bool {
	return userID != "" && slices.ContainsFunc(q.Guardians, func(g Guardian) bool { return g.UserID == userID })
}

// guardianConflicted: V009. National Data Guardian, Guidance about the appointment of Caldicott Guardians (2021): the
// guardian's other posts must not make them a party. A Responsible Officer answers to the regulator about doctors.
func guardianConflicted(q *question) bool {
	return slices.ContainsFunc(q.Guardians, func(g Guardian) bool {
		switch q.Kind {
		case vocabulary.KindRegulator:
			return slices.Contains(g.Posts, vocabulary.PostResponsibleOfficer)
		case vocabulary.KindEducationTraining:
			return slices.Contains(g.Posts, vocabulary.PostEducationLead)
		case vocabulary.KindResearch:
			return slices.Contains(g.Posts, vocabulary.PostResearchLead) || q.isSponsor(g)
		case vocabulary.KindNewSystemDpia:
			return q.isSponsor(g)
		default:
			return false
		}
	})
}

func (q *question) isSponsor(g Guardian) bool { return g.UserID != "" && g.UserID == q.Sponsor }

// outsiderNotVerified: V010. Confidentiality: NHS Code of Practice (2003), check that callers are who they say, by call-back.
func outsiderNotVerified(q *question) bool {
	return q.ExternalRequester != nil && !isTrue(q.ExternalRequester.Verified)
}

// recordedLate: V014. A record made while memories are fresh is worth more: the service's own limit.
func recordedLate(q *question) bool {
	disclosed, err := time.Parse(time.RFC3339, q.DisclosedAt)
	if !q.Emergency || err != nil {
		return false
	}
	recorded := q.Recorded
	if recorded.IsZero() {
		recorded = q.Now
	}
	return recorded.Sub(disclosed) > recordGrace
}

// speciallyRestricted: V018. Gender Recognition Act 2004 s.22, Human Fertilisation and Embryology Act 1990 s.33A, the
// sexual health directions, adoption law, safe contact, protected persons, safe space, legal privilege.
func speciallyRestricted(q *question) bool {
	return slices.ContainsFunc(q.DataSubjects.SensitiveFlags, func(f vocabulary.SensitiveFlag) bool {
		switch f {
		case vocabulary.SensitiveFlagGraProtected, vocabulary.SensitiveFlagHfea, vocabulary.SensitiveFlagSexualHealthHiv,
			vocabulary.SensitiveFlagAdoption, vocabulary.SensitiveFlagDomesticAbuse, vocabulary.SensitiveFlagProtectedPerson,
			vocabulary.SensitiveFlagStaffPatient, vocabulary.SensitiveFlagSafeSpace, vocabulary.SensitiveFlagLpp:
			return true
		default:
			return false
		}
	})
}

// rareCondition: V018. ICO, Anonymisation guidance: a tiny cohort can be singled out.
func rareCondition(q *question) bool {
	return slices.Contains(q.DataSubjects.SensitiveFlags, vocabulary.SensitiveFlagRareCondition)
}

// patientsNotTold: V026. Caldicott principle 8, no surprises; UK GDPR Arts 13 and 14.
func patientsNotTold(q *question) bool {
	return isFalse(q.Transparency.PatientInformed) && blank(q.Transparency.ReasonNotInformed)
}

// securityBelowStandard: V023. The Data Security and Protection Toolkit is how a recipient shows that it keeps the
// National Data Guardian's ten data security standards. Those who need not publish one are not asked.
func securityBelowStandard(q *question) bool {
	return q.cpi && !needsNoToolkit(q.recipient.Type) && !toolkitMet(q.recipient.DSPTStatus) && !q.careNow()
}

// securityBelowStandardForCareNow: V023. The duty to share can matter more (Caldicott principle 7): there it warns.
func securityBelowStandardForCareNow(q *question) bool {
	return q.cpi && !needsNoToolkit(q.recipient.Type) && !toolkitMet(q.recipient.DSPTStatus) && q.careNow()
}

// careNow: shared once, for somebody's care or safety.
func (q *question) careNow() bool { return careNow(q.Content) }

func careNow(q Content) bool {
	if q.Transfer.Frequency != vocabulary.FrequencyOneOff {
		return false
	}
	switch q.Kind {
	case vocabulary.KindDirectCareSharing, vocabulary.KindSafeguarding, vocabulary.KindPublicHealth,
		vocabulary.KindEmergencyOutOfHours:
		return true
	default:
		return false
	}
}

func toolkitMet(s vocabulary.DSPT) bool {
	return s == vocabulary.DSPTStandardsMet || s == vocabulary.DSPTStandardsExceeded
}

func needsNoToolkit(t vocabulary.RecipientType) bool {
	switch t {
	case vocabulary.RecipientTypeInternal, vocabulary.RecipientTypePolice, vocabulary.RecipientTypeCourt,
		vocabulary.RecipientTypeRegulator, vocabulary.RecipientTypeSolicitor, vocabulary.RecipientTypeRelative,
		vocabulary.RecipientTypeMedia:
		return true
	default:
		return false
	}
}

// recipientTooWide: V028. Caldicott principle 4, need to know: a role and a number, never everybody.
func recipientTooWide(q *question) bool {
	r := q.recipient
	if blank(r.Roles) || r.Headcount == nil || *r.Headcount == 0 {
		return true
	}
	roles := strings.Join(strings.Fields(r.Roles), " ")
	return slices.ContainsFunc([]string{"all staff", "everyone", "all"}, func(wide string) bool {
		return strings.EqualFold(roles, wide)
	})
}

// trainingNotConfirmed: V029. Caldicott principle 5: everybody with access knows their responsibilities.
func trainingNotConfirmed(q *question) bool {
	return q.cpi && !needsNoToolkit(q.recipient.Type) && !isTrue(q.recipient.TrainingConfirmed)
}
