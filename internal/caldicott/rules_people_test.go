package caldicott

import (
	"slices"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

func TestV008TheGuardianIsNoParty(t *testing.T) {
	t.Parallel()
	holds(t, vocabulary.RuleV008, []ruleCase{
		{"requester", func(c *Content, _ *Circumstances) { c.Requester.UserID = "u-guardian" }, "BLOCK_APPROVE requester.user_id"},
		{"sponsor", func(c *Content, _ *Circumstances) { c.Sponsor = "u-guardian" }, "BLOCK_APPROVE sponsor_user_id"},
		{"owner", func(c *Content, _ *Circumstances) { c.AssetOwner = "u-guardian" }, "BLOCK_APPROVE iao_user_id"},
		{"all, the second guardian", func(c *Content, in *Circumstances) {
			in.Guardians = append(in.Guardians, Guardian{UserID: "u-second"})
			c.Requester.UserID, c.Sponsor, c.AssetOwner = "u-second", "u-second", "u-second"
		}, "BLOCK_APPROVE iao_user_id, BLOCK_APPROVE requester.user_id, BLOCK_APPROVE sponsor_user_id"},
		{"nobody is nobody", func(c *Content, in *Circumstances) { c.Sponsor, in.Guardians = "", []Guardian{{}} }, ""},
	})
}

func TestV009TheGuardiansOtherPostsConflict(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE conflicts"
	post := func(p vocabulary.Post, k vocabulary.Kind) func(*Content, *Circumstances) {
		return func(c *Content, in *Circumstances) { c.Kind, in.Guardians[0].Posts = k, []vocabulary.Post{p} }
	}
	sponsors := func(k vocabulary.Kind) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Kind, c.Sponsor = k, "u-guardian" }
	}
	holds(t, vocabulary.RuleV009, []ruleCase{
		{"responsible officer, regulator", post(vocabulary.PostResponsibleOfficer, vocabulary.KindRegulator), found},
		{"responsible officer, education", post(vocabulary.PostResponsibleOfficer, vocabulary.KindEducationTraining), ""},
		{"education lead, education", post(vocabulary.PostEducationLead, vocabulary.KindEducationTraining), found},
		{"research lead, research", post(vocabulary.PostResearchLead, vocabulary.KindResearch), found},
		{"research lead, regulator", post(vocabulary.PostResearchLead, vocabulary.KindRegulator), ""},
		{"digital lead, new system", post(vocabulary.PostDigitalLead, vocabulary.KindNewSystemDpia), ""},
		{"sponsors a system", sponsors(vocabulary.KindNewSystemDpia), found},
		{"sponsors research", sponsors(vocabulary.KindResearch), found},
		{"sponsors an audit", sponsors(vocabulary.KindClinicalAudit), ""},
	})
}

func TestV010AnOutsiderIsVerified(t *testing.T) {
	t.Parallel()
	from := func(x *ExternalRequester) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.ExternalRequester = x }
	}
	holds(t, vocabulary.RuleV010, []ruleCase{
		{"not said", from(&ExternalRequester{}), "BLOCK_APPROVE external_requester.verified"},
		{"not verified", from(&ExternalRequester{Verified: new(false)}), "BLOCK_APPROVE external_requester.verified"},
		{"verified", from(&ExternalRequester{Verified: new(true)}), ""},
		{"nobody outside", from(nil), ""},
	})
}

func TestV014AnEmergencyIsRecordedInADay(t *testing.T) {
	t.Parallel()
	recorded := func(after time.Duration, emergency bool) func(*Content, *Circumstances) {
		return func(c *Content, in *Circumstances) {
			c.DisclosedAt, in.Emergency = "2026-10-25T00:40:00Z", emergency
			in.Recorded = instant(t, c.DisclosedAt).Add(after)
		}
	}
	holds(t, vocabulary.RuleV014, []ruleCase{
		{"just in time", recorded(24*time.Hour, true), ""},
		{"late by a second", recorded(24*time.Hour+time.Second, true), "WARN disclosed_at"},
		{"no emergency", recorded(48*time.Hour, false), ""},
		{"being recorded now, late", func(c *Content, in *Circumstances) { c.DisclosedAt, in.Emergency = "2026-10-01T00:40:00Z", true }, "WARN disclosed_at"},
		{"time unknown", func(_ *Content, in *Circumstances) { in.Emergency = true }, ""},
	})
}

func TestV018SpecialRestrictionsShow(t *testing.T) {
	t.Parallel()
	warned := map[string]bool{
		"GRA_PROTECTED": true, "HFEA": true, "SEXUAL_HEALTH_HIV": true, "ADOPTION": true, "DOMESTIC_ABUSE": true, "PROTECTED_PERSON": true,
		"STAFF_PATIENT": true, "SAFE_SPACE": true, "LPP": true,
	}
	flags := func(codes ...vocabulary.SensitiveFlag) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.DataSubjects.SensitiveFlags = codes }
	}
	cases := []ruleCase{{"both", flags("RARE_CONDITION", "HFEA"), "WARN data_subjects.sensitive_flags"}}
	for code := range vocabulary.NewIndex()["sensitive_flag"] {
		want := ""
		if warned[code] {
			want = "WARN data_subjects.sensitive_flags"
		}
		if code == "RARE_CONDITION" {
			want = "INFO data_subjects.sensitive_flags"
		}
		cases = append(cases, ruleCase{code, flags(vocabulary.SensitiveFlag(code)), want})
	}
	holds(t, vocabulary.RuleV018, cases)
}

func TestV023ARecipientMeetsTheStandards(t *testing.T) {
	t.Parallel()
	const found, warned = "BLOCK_APPROVE recipients[0].dspt_status", "WARN recipients[0].dspt_status"
	status := func(s vocabulary.DSPT) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Recipients[0].DSPTStatus = s }
	}
	kind := func(k vocabulary.Kind, f vocabulary.Frequency) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			c.Kind, c.Transfer.Frequency, c.Recipients[0].DSPTStatus = k, f, ""
		}
	}
	cases := []ruleCase{
		{"exceeded", status(vocabulary.DSPTStandardsExceeded), ""},
		{"absent", status(""), found},
		{"approaching", status("APPROACHING_STANDARDS"), found},
		{"not applicable", status("NOT_APPLICABLE"), found},
		{"anonymous", func(c *Content, _ *Circumstances) { c.anonymous(); c.Recipients[0].DSPTStatus = "" }, ""},
		{"the second", func(c *Content, _ *Circumstances) { c.Recipients = append(c.Recipients, Recipient{}) }, "BLOCK_APPROVE recipients[1].dspt_status"},
		{"care, once", kind(vocabulary.KindDirectCareSharing, vocabulary.FrequencyOneOff), warned},
		{"safeguarding, once", kind(vocabulary.KindSafeguarding, vocabulary.FrequencyOneOff), warned},
		{"public health, once", kind(vocabulary.KindPublicHealth, vocabulary.FrequencyOneOff), warned},
		{"emergency, once", kind(vocabulary.KindEmergencyOutOfHours, vocabulary.FrequencyOneOff), warned},
		{"care, often", kind(vocabulary.KindDirectCareSharing, vocabulary.FrequencyContinuous), found},
		{"court, once", kind(vocabulary.KindCourtOrCoroner, vocabulary.FrequencyOneOff), found},
	}
	holds(t, vocabulary.RuleV023, append(cases, byToolkit(found, func(r *Recipient) { r.DSPTStatus = "" })...))
}

func TestV029TrainingIsConfirmed(t *testing.T) {
	t.Parallel()
	const found = "WARN recipients[0].training_confirmed"
	training := func(b *bool) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Recipients[0].TrainingConfirmed = b }
	}
	cases := []ruleCase{
		{"not said", training(nil), found},
		{"not trained", training(new(false)), found},
		{"anonymous", func(c *Content, _ *Circumstances) { c.anonymous(); c.Recipients[0].TrainingConfirmed = nil }, ""},
	}
	holds(t, vocabulary.RuleV029, append(cases, byToolkit(found, func(r *Recipient) { r.TrainingConfirmed = nil })...))
}

// byToolkit asks about every type of recipient: those that need no toolkit are not asked.
func byToolkit(found string, change func(*Recipient)) []ruleCase {
	exempt := []string{"INTERNAL", "POLICE", "COURT", "REGULATOR", "SOLICITOR", "RELATIVE", "MEDIA"}
	var cases []ruleCase
	for code := range vocabulary.NewIndex()["recipient_type"] {
		want := found
		if slices.Contains(exempt, code) {
			want = ""
		}
		cases = append(cases, ruleCase{code, func(c *Content, _ *Circumstances) {
			c.Recipients[0].Type = vocabulary.RecipientType(code)
			change(&c.Recipients[0])
		}, want})
	}
	return cases
}

func TestV026PatientsAreToldOrThereIsAReason(t *testing.T) {
	t.Parallel()
	told := func(b *bool, reason string) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			c.Transparency = Transparency{PatientInformed: b, ReasonNotInformed: reason}
		}
	}
	holds(t, vocabulary.RuleV026, []ruleCase{
		{"not, no reason", told(new(false), " "), "WARN transparency"},
		{"not, with reason", told(new(false), "Prejudice."), ""},
		{"not said", told(nil, ""), ""},
		{"told", told(new(true), ""), ""},
	})
}

func TestV028ARecipientIsARoleAndANumber(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_SUBMIT recipients[0]"
	recipient := func(roles string, headcount *int) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			c.Recipients[0].Roles, c.Recipients[0].Headcount = roles, headcount
		}
	}
	holds(t, vocabulary.RuleV028, []ruleCase{
		{"no roles", recipient(" ", new(1)), found},
		{"no number", recipient("Nurses", nil), found},
		{"zero", recipient("Nurses", new(0)), found},
		{"all", recipient("All", new(1)), found},
		{"all staff", recipient("  aLL \t\n STAFF ", new(1)), found},
		{"everyone", recipient("EVERYONE", new(1)), found},
		{"some staff", recipient("All staff of ward 3", new(1)), ""},
		{"anonymous too", func(c *Content, _ *Circumstances) { c.anonymous(); c.Recipients[0].Roles = "" }, found},
		{"named", recipient("Nurses", new(1)), ""},
	})
}

func TestV021ConsulteesAnswerFirst(t *testing.T) {
	t.Parallel()
	waiting := Proposal{Waiting: []vocabulary.Role{vocabulary.RoleDpo}}
	pressing := sound()
	pressing.Kind, pressing.Urgency = vocabulary.KindSafeguarding, vocabulary.UrgencyUrgent
	for _, test := range []struct {
		name string
		c    Content
		p    Proposal
		want []string
	}{
		{"waiting", sound(), waiting, []string{"V021 BLOCK_APPROVE consultations"}},
		{"waiting, pressing", pressing, waiting, []string{"V021 WARN consultations"}},
		{"nobody", sound(), Proposal{}, []string{}},
	} {
		if got := keys(testRulebook().AtDecision(test.c, onTheDay(), test.p)); !slices.Equal(got, test.want) {
			t.Errorf("%s: found %q, want %q", test.name, got, test.want)
		}
	}
}

func TestV022AnApprovalEnds(t *testing.T) {
	t.Parallel()
	const review, expiry = "V022 BLOCK_APPROVE decision.review_date", "V022 BLOCK_APPROVE decision.expiry_date"
	often := sound()
	often.Transfer.Frequency = vocabulary.FrequencyPeriodic
	often.document(vocabulary.DocumentTypeDsa, vocabulary.DocumentStatusSigned)
	often.document(vocabulary.DocumentTypeDpia, vocabulary.DocumentStatusApproved)
	supported := sound()
	supported.Legal.Basis, supported.Legal.S251 = vocabulary.BasisS251Reg5NonResearch, soundSupport()
	for _, test := range []struct {
		name           string
		c              Content
		outcome        vocabulary.Outcome
		review, expiry string
		want           []string
	}{
		{"neither", often, "APPROVE", "", "", []string{expiry, review}},
		{"neither, conditions", often, "APPROVE_WITH_CONDITIONS", "", "", []string{expiry, review}},
		{"neither, renewal", often, "RENEW", "", "", []string{expiry, review}},
		{"neither, variation", often, "VARY", "", "", []string{expiry, review}},
		{"no review", often, "APPROVE", "", "2027-10-05", []string{review}},
		{"no expiry", often, "APPROVE", "2027-10-05", "", []string{expiry}},
		{"both", often, "APPROVE", "2027-10-05", "2027-10-05", nil},
		{"review too late", often, "APPROVE", "2027-10-06", "2027-10-05", []string{review}},
		{"once", sound(), "APPROVE", "", "2026-10-05", nil},
		{"once, over", sound(), "APPROVE", "", "2026-10-04", []string{expiry}},
		{"once, no expiry", sound(), "APPROVE", "", "", []string{expiry}},
		{"ratified", often, "RATIFY", "", "", nil},
		{"refused", often, "REFUSE", "", "", nil},
		{"deferred", often, "DEFER", "2026-10-01", "", nil},
		{"with the support", supported, "APPROVE", "", "2026-10-05", nil},
		{"beyond the support", supported, "APPROVE", "", "2026-10-06", []string{expiry}},
	} {
		p := Proposal{Outcome: test.outcome, ReviewDate: test.review, ExpiryDate: test.expiry}
		if got := keys(testRulebook().AtDecision(test.c, onTheDay(), p)); !slices.Equal(got, test.want) {
			t.Errorf("%s: found %q, want %q", test.name, got, test.want)
		}
	}
}
