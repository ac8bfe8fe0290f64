package caldicott

import (
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

func TestV001AConfidentialUseNeedsABasis(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE legal.cldc_basis"
	basis := func(b vocabulary.Basis) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Legal.Basis = b }
	}
	holds(t, vocabulary.RuleV001, []ruleCase{
		{"none identified", basis(vocabulary.BasisNoneIdentified), found},
		{"not engaged", basis(vocabulary.BasisNotEngaged), found},
		{"absent", basis(""), ""},
		{"not engaged, anonymous", func(c *Content, _ *Circumstances) {
			c.anonymous()
			c.Legal.Basis = vocabulary.BasisNotEngaged
		}, ""},
		{"implied consent beyond care", basis(vocabulary.BasisImpliedConsent), found},
		{"implied consent for care", func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.IndividualCare = vocabulary.BasisImpliedConsent, new(true)
		}, ""},
		{"implied consent, care not answered", func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.IndividualCare = vocabulary.BasisImpliedConsent, nil
		}, ""},
		{"audit within", func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.Kind = vocabulary.BasisImpliedConsent, vocabulary.KindClinicalAudit
			c.Recipients[0].Type = vocabulary.RecipientTypeInternal
		}, ""},
		{"audit outside", func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.Kind = vocabulary.BasisImpliedConsent, vocabulary.KindClinicalAudit
		}, found},
		{"audit within, no basis", func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.Kind = vocabulary.BasisNoneIdentified, vocabulary.KindClinicalAudit
			c.Recipients[0].Type = vocabulary.RecipientTypeInternal
		}, found},
	})
}

func TestV002SupportIsShownInFull(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE legal.s251"
	support := func(change func(*S251)) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.Legal.S251 = vocabulary.BasisS251Reg5Research, soundSupport()
			change(c.Legal.S251)
		}
	}
	other := func(b vocabulary.Basis, r vocabulary.S251Regulation) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Legal.Basis, c.Legal.S251 = b, &S251{Regulation: r} }
	}
	holds(t, vocabulary.RuleV002, []ruleCase{
		{"full, due today", support(func(*S251) {}), ""},
		{"conditional", support(func(s *S251) { s.Status = "CONDITIONAL_SUPPORT" }), ""},
		{"null", func(c *Content, _ *Circumstances) { c.Legal.Basis = vocabulary.BasisS251Reg5NonResearch }, found},
		{"no regulation", support(func(s *S251) { s.Regulation = "" }), found},
		{"other regulation", support(func(s *S251) { s.Regulation = "3" }), found},
		{"no reference", support(func(s *S251) { s.Reference = " " }), found},
		{"nobody decided", support(func(s *S251) { s.DecisionMaker = "" }), found},
		{"no review", support(func(s *S251) { s.AnnualReviewDue = "" }), found},
		{"review was due", support(func(s *S251) { s.AnnualReviewDue = "2026-10-04" }), found},
		{"pending", support(func(s *S251) { s.Status = "PENDING" }), found},
		{"no status", support(func(s *S251) { s.Status = "" }), found},
		{"regulation 2", other(vocabulary.BasisS251Reg2, "2"), ""},
		{"regulation 3", other(vocabulary.BasisS251Reg3, "3"), ""},
		{"regulation 2 named 3", other(vocabulary.BasisS251Reg3, "2"), found},
		{"another basis", other(vocabulary.BasisExplicitConsent, "2"), ""},
	})
}

func TestV003TheOptOutIsSettled(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE national_data_opt_out.status"
	status := func(s vocabulary.OptOut) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.OptOut.Status = s }
	}
	holds(t, vocabulary.RuleV003, []ruleCase{
		{"undetermined", status(vocabulary.OptOutUndetermined), found},
		{"to be filtered", status(vocabulary.OptOutAppliesToBeFiltered), found},
		{"care", status(vocabulary.OptOutNaIndividualCare), found},
		{"anonymised", status(vocabulary.OptOutNaAnonymised), found},
		{"not cpi", status(vocabulary.OptOutNaNotCpi), found},
		{"filtered", status(vocabulary.OptOutAppliesFiltered), ""},
		{"absent", status(""), ""},
		{"disapplied, no support", status(vocabulary.OptOutExemptCagDisapplied), found},
		{"disapplied, not so", func(c *Content, _ *Circumstances) {
			c.OptOut.Status, c.Legal.S251 = vocabulary.OptOutExemptCagDisapplied, &S251{}
		}, found},
		{"disapplied", func(c *Content, _ *Circumstances) {
			c.OptOut.Status, c.Legal.S251 = vocabulary.OptOutExemptCagDisapplied, soundSupport()
		}, ""},
		{"undetermined for care", func(c *Content, _ *Circumstances) {
			c.OptOut.Status, c.IndividualCare = vocabulary.OptOutUndetermined, new(true)
		}, ""},
		{"undetermined, anonymous", func(c *Content, _ *Circumstances) {
			c.anonymous()
			c.OptOut.Status = vocabulary.OptOutUndetermined
		}, ""},
	})
}

func TestV011TheBalancingTestIsWhole(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE legal.public_interest_test"
	cases := []ruleCase{
		{"no test", func(c *Content, _ *Circumstances) { c.Legal.Basis = vocabulary.BasisOverridingPublicInterest }, found},
		{"whole", func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.Legal.PublicInterest = vocabulary.BasisOverridingPublicInterest, wholeTest()
		}, ""},
		{"gateway beyond care", func(c *Content, _ *Circumstances) { c.Legal.Basis = vocabulary.BasisStatutoryGateway }, found},
		{"gateway for care", func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.IndividualCare = vocabulary.BasisStatutoryGateway, new(true)
		}, ""},
		{"another basis", func(c *Content, _ *Circumstances) { c.Legal.PublicInterest = &PublicInterest{} }, ""},
	}
	for i, blankPart := range []func(*PublicInterest){
		func(p *PublicInterest) { p.SeriousHarm = "" }, func(p *PublicInterest) { p.Benefit = "" },
		func(p *PublicInterest) { p.HarmToPatient = "" }, func(p *PublicInterest) { p.HarmToPublicTrust = "" },
		func(p *PublicInterest) { p.ProportionateMinimum = "" }, func(p *PublicInterest) { p.Alternatives = "" },
		func(p *PublicInterest) { p.Conclusion = " \n" },
	} {
		cases = append(cases, ruleCase{string(rune('1'+i)) + " is blank", func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.Legal.PublicInterest = vocabulary.BasisOverridingPublicInterest, wholeTest()
			blankPart(c.Legal.PublicInterest)
		}, found})
	}
	holds(t, vocabulary.RuleV011, cases)
}

func TestV015ThePolicyDocumentIsInHand(t *testing.T) {
	t.Parallel()
	const found = "WARN legal.dpa_sch1"
	needs := map[vocabulary.Sch1]bool{
		"P1_1": true, "P2_6": true, "P2_7": true, "P2_8": true, "P2_10": true, "P2_11": true, "P2_12": true, "P2_14": true, "P2_17": true,
		"P2_18": true, "P2_19": true, "P2_20": true, "P2_23": true, "P2_24": true,
	}
	cases := []ruleCase{
		{"attached", func(c *Content, _ *Circumstances) {
			c.Legal.Sch1 = []vocabulary.Sch1{vocabulary.Sch1P210}
			c.document(vocabulary.DocumentTypeApd, vocabulary.DocumentStatusAttached)
		}, ""},
		{"draft", func(c *Content, _ *Circumstances) {
			c.Legal.Sch1 = []vocabulary.Sch1{vocabulary.Sch1P12, vocabulary.Sch1P210}
			c.document(vocabulary.DocumentTypeApd, vocabulary.DocumentStatusDraft)
		}, found},
	}
	for code := range vocabulary.NewIndex()["dpa_sch1_condition"] {
		want := ""
		if needs[vocabulary.Sch1(code)] {
			want = found
		}
		cases = append(cases, ruleCase{code, func(c *Content, _ *Circumstances) { c.Legal.Sch1 = []vocabulary.Sch1{vocabulary.Sch1(code)} }, want})
	}
	holds(t, vocabulary.RuleV015, cases)
}

func TestV016APublicAuthorityHasNoLegitimateInterests(t *testing.T) {
	t.Parallel()
	const found = "BLOCK_APPROVE legal.art6"
	art6 := func(codes ...vocabulary.Art6) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Legal.Art6 = codes }
	}
	holds(t, vocabulary.RuleV016, []ruleCase{
		{"recognised", art6(vocabulary.Art6_6_1_E, vocabulary.Art6_6_1_EA), found},
		{"legitimate", art6(vocabulary.Art6_6_1_F), found},
		{"public task", art6(vocabulary.Art6_6_1_E), ""},
	})
}

func TestV020APowerIsNamedAndItsNoticeInHand(t *testing.T) {
	t.Parallel()
	const power, notice, note = "BLOCK_APPROVE legal.statutory_power", "BLOCK_APPROVE linked_documents", "INFO legal.statutory_power"
	law := func(b vocabulary.Basis, powers ...vocabulary.Power) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) { c.Legal.Basis, c.Legal.Powers = b, powers }
	}
	with := func(d vocabulary.DocumentType, s vocabulary.DocumentStatus, b vocabulary.Basis, powers ...vocabulary.Power) func(*Content, *Circumstances) {
		return func(c *Content, _ *Circumstances) {
			c.Legal.Basis, c.Legal.Powers = b, powers
			c.document(d, s)
		}
	}
	cases := []ruleCase{
		{"required, nothing", law(vocabulary.BasisRequiredByLaw), power},
		{"required, NONE", law(vocabulary.BasisRequiredByLaw, vocabulary.PowerNone), power},
		{"gateway, nothing", law(vocabulary.BasisStatutoryGateway), power},
		{"gateway, named", law(vocabulary.BasisStatutoryGateway, vocabulary.PowerCareAct2014S45), ""},
		{"required, notice attached", with(vocabulary.DocumentTypeStatutoryNotice, vocabulary.DocumentStatusAttached,
			vocabulary.BasisRequiredByLaw, vocabulary.PowerMedicalAct1983S35a), ""},
		{"required, order signed", with(vocabulary.DocumentTypeCourtOrder, vocabulary.DocumentStatusSigned,
			vocabulary.BasisRequiredByLaw, vocabulary.PowerOther), ""},
		{"required, notice asked for", with(vocabulary.DocumentTypeStatutoryNotice, vocabulary.DocumentStatusRequested,
			vocabulary.BasisRequiredByLaw, vocabulary.PowerNone, vocabulary.PowerOther), notice},
		{"order, none", law(vocabulary.BasisCourtOrder), notice},
		{"order, a notice", with(vocabulary.DocumentTypeStatutoryNotice, vocabulary.DocumentStatusAttached, vocabulary.BasisCourtOrder), notice},
		{"order, attached", with(vocabulary.DocumentTypeCourtOrder, vocabulary.DocumentStatusAttached, vocabulary.BasisCourtOrder), ""},
		{"public interest, none", law(vocabulary.BasisOverridingPublicInterest, vocabulary.PowerNone), note},
		{"public interest, named", law(vocabulary.BasisOverridingPublicInterest, vocabulary.PowerCrimeDisorder1998S115), ""},
		{"consent", law(vocabulary.BasisExplicitConsent), ""},
	}
	byNotice := map[string]bool{
		"HSCA_2012_S259": true, "HSCA_2008_S60_65": true, "MEDICAL_ACT_1983_S35A": true, "NMO_2001_ART25": true, "HPO_2001_ART25": true,
		"CJA_2009_SCH5": true, "CARE_ACT_2014_S45": true, "NHS_ACT_2006_PART10": true, "HSSIB_HCA_2022": true, "INQUIRIES_2005_S21": true,
		"PACE_1984_S9": true, "OTHER": true,
	}
	for code := range vocabulary.NewIndex()["statutory_power"] {
		want := ""
		if byNotice[code] {
			want = notice
		}
		if code == "NONE" {
			want = power
		}
		cases = append(cases, ruleCase{code, law(vocabulary.BasisRequiredByLaw, vocabulary.Power(code)), want})
	}
	holds(t, vocabulary.RuleV020, cases)
}

func TestV025ACodeIsInForceOnTheDay(t *testing.T) {
	t.Parallel()
	recognised := func(now string) func(*Content, *Circumstances) {
		return func(c *Content, in *Circumstances) {
			c.Legal.Art6, in.Now = []vocabulary.Art6{vocabulary.Art6_6_1_EA}, instant(t, now)
		}
	}
	holds(t, vocabulary.RuleV025, []ruleCase{
		{"the last instant before", recognised("2026-02-04T23:59:59Z"), "BLOCK_APPROVE legal.art6"},
		{"the first", recognised("2026-02-05T00:00:00Z"), ""},
		{"before there was a GDPR", func(_ *Content, in *Circumstances) { in.Now = instant(t, "2018-05-24T12:00:00Z") },
			"BLOCK_APPROVE legal.art6, BLOCK_APPROVE legal.art9, BLOCK_APPROVE legal.dpa_sch1"},
		{"its first day begins in London", func(_ *Content, in *Circumstances) { in.Now = instant(t, "2018-05-24T23:00:00Z") }, ""},
	})
}
