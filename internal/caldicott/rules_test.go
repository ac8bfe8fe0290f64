package caldicott

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// sound is a request that no rule finds anything in: an evaluation with explicit consent, sent once to an NHS body.
func sound() Content {
	return Content{
		Title: "Falls evaluation", Kind: vocabulary.KindServiceEvaluation,
		PurposeCategory: vocabulary.PurposeServiceEvaluation, Urgency: vocabulary.UrgencyRoutine,
		Requester: Requester{UserID: "u-asks"}, Sponsor: "u-sponsor", AssetOwner: "u-owner",
		Summary: "Falls on the wards.", Purpose: "To learn.", IndividualCare: new(false),
		DataItems:       []DataItem{{vocabulary.DataCategoryName, new(true), "To match."}, {vocabulary.DataCategoryDiagnosis, new(false), "To group."}},
		Identifiability: vocabulary.IdentifiabilityIdentifiable, Alternative: "None would match.",
		Legal: Legal{
			Art6: []vocabulary.Art6{vocabulary.Art6_6_1_E}, Art9: []vocabulary.Art9{vocabulary.Art9_9_2_H},
			Sch1: []vocabulary.Sch1{vocabulary.Sch1P12}, Basis: vocabulary.BasisExplicitConsent,
		},
		OptOut:       OptOut{Status: vocabulary.OptOutExemptConsent},
		Transparency: Transparency{PatientInformed: new(true)},
		Recipients:   []Recipient{trusted(vocabulary.RecipientTypeNhsBody)},
		Transfer:     Transfer{Frequency: vocabulary.FrequencyOneOff, Mechanism: vocabulary.MechanismNotOverseas},
		Retention:    Retention{Period: "1 year", DisposalMethod: "Erasure"},
	}
}

func trusted(kind vocabulary.RecipientType) Recipient {
	return Recipient{
		Type: kind, Roles: "Analysts", Headcount: new(2), TrainingConfirmed: new(true),
		DSPTStatus: vocabulary.DSPTStandardsMet, Country: "GB",
	}
}

func soundSupport() *S251 {
	return &S251{
		Regulation: "5", Reference: "99/CAG/0001", DecisionMaker: "HRA", Status: "FULL_SUPPORT",
		AnnualReviewDue: "2026-10-05", OptOutDisapplied: new(true),
	}
}

func wholeTest() *PublicInterest {
	return &PublicInterest{"a", "b", "c", "d", "e", "f", "g"}
}

// onTheDay is when the tables below ask.
func onTheDay() Circumstances {
	return Circumstances{
		Now:       time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC),
		Guardians: []Guardian{{UserID: "u-guardian"}},
	}
}

// ruleCase changes the sound request and says what one rule then finds; nothing where want is empty.
type ruleCase struct {
	name   string
	change func(c *Content, in *Circumstances)
	want   string // "WARN transparency", several joined by ", "
}

// holds checks the cases of one rule, and that they show it both ways.
func holds(t *testing.T, rule vocabulary.Rule, cases []ruleCase) {
	t.Helper()
	if got := keys(testRulebook().Findings(sound(), onTheDay())); len(got) > 0 {
		t.Fatalf("the sound request is not: %q", got)
	}
	found, clear := false, false
	for _, test := range cases {
		c, in := sound(), onTheDay()
		test.change(&c, &in)
		got := []string{}
		for _, f := range testRulebook().Findings(c, in) {
			if f.Rule == rule {
				got = append(got, strings.TrimPrefix(f.key(), string(rule)+" "))
			}
		}
		if joined := strings.Join(got, ", "); joined != test.want {
			t.Errorf("%s, %s: found %q, want %q", rule, test.name, joined, test.want)
		}
		found, clear = found || test.want != "", clear || test.want == ""
	}
	if !found || !clear {
		t.Errorf("%s is not shown both ways", rule)
	}
}

// document links a document in this state.
func (c *Content) document(kind vocabulary.DocumentType, status vocabulary.DocumentStatus) {
	c.Documents = append(c.Documents, LinkedDocument{Type: kind, Status: status})
}

// anonymous makes the request one without confidential patient information.
func (c *Content) anonymous() {
	c.Identifiability = vocabulary.IdentifiabilityAnonymisedRecordLevel
	c.DataItems = []DataItem{{Category: vocabulary.DataCategoryDiagnosis, Justification: "To group."}}
}

func TestFindingsAreSortedAndOneForEachRuleAndField(t *testing.T) {
	t.Parallel()
	in := onTheDay()
	in.Guardians = []Guardian{{UserID: "u-asks"}, {UserID: "u-asks"}, {UserID: "u-sponsor"}}
	c := Content{
		Requester: Requester{UserID: "u-asks"}, Sponsor: "u-sponsor", AssetOwner: "u-asks", Kind: vocabulary.KindResearch,
		DataItems: make([]DataItem, 12), Recipients: make([]Recipient, 3), Identifiability: vocabulary.IdentifiabilityIdentifiable,
		DataSubjects: DataSubjects{SensitiveFlags: []vocabulary.SensitiveFlag{vocabulary.SensitiveFlagRareCondition, vocabulary.SensitiveFlagHfea}},
		Title:        "ref 9990123454", Summary: "MRN 123456\nref 9990123454",
	}
	findings := testRulebook().Findings(c, in)
	seen := map[string]bool{}
	for i, f := range findings {
		at := string(f.Rule) + " " + f.Field
		if seen[at] {
			t.Errorf("%s is there twice", at)
		}
		seen[at] = true
		if i > 0 && at < string(findings[i-1].Rule)+" "+findings[i-1].Field {
			t.Errorf("%s is out of order", at)
		}
	}
	if !slices.Contains(keys(findings), "V018 WARN data_subjects.sensitive_flags") {
		t.Error("the more severe finding should win")
	}
	if again := testRulebook().Findings(c, in); !slices.Equal(again, findings) {
		t.Error("the same question was answered differently")
	}
}

func TestAnEmptyDocumentAnswersEveryRuleWithoutFailing(t *testing.T) {
	t.Parallel()
	got := keys(testRulebook().AtDecision(Content{}, Circumstances{}, Proposal{}))
	if want := []string{"V017 BLOCK_APPROVE retention"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestAnEmergencyIsRefusedOnlyForAnIdentifier(t *testing.T) {
	t.Parallel()
	c, in := sound(), onTheDay()
	c.Alternative, c.DataItems[1].Justification, c.Recipients[0].Roles, c.Summary = "", "", "all", "ref 9990123454"
	in.Emergency = true
	want := []string{
		"V013 BLOCK_SUBMIT summary", "V024 WARN data_items[1].justification", "V027 WARN less_identifiable_alternative", "V028 WARN recipients[0]",
	}
	if got := keys(testRulebook().Findings(c, in)); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestTheTableNamesKnownRulesAndSpeaksPlainly(t *testing.T) {
	t.Parallel()
	index := vocabulary.NewIndex()
	for _, r := range rules {
		if !index.Knows("validation_rule", string(r.code)) || !index.Knows("validation_severity", string(r.severity)) {
			t.Errorf("%s %s is not in the vocabulary", r.code, r.severity)
		}
		if !strings.HasSuffix(r.message, ".") || len(r.message) > 140 {
			t.Errorf("%s: %q should be one short sentence", r.code, r.message)
		}
	}
}

func TestWhatIsMissingIsNamedInTheOrderOfTheDocument(t *testing.T) {
	t.Parallel()
	all := []string{
		"title", "kind", "purpose_category", "urgency", "summary", "purpose", "is_individual_care", "data_items", "identifiability",
		"legal.art6", "legal.cldc_basis", "national_data_opt_out.status", "recipients", "transfer.frequency",
	}
	if got := testRulebook().Missing(Content{Title: " \t"}); !slices.Equal(got, all) {
		t.Errorf("got %q", got)
	}
	few := []string{"title", "purpose_category", "urgency", "summary", "purpose", "is_individual_care", "identifiability"}
	for _, kind := range []vocabulary.Kind{vocabulary.KindAdviceOnly, vocabulary.KindRecordRestrictionOrRights} {
		if got := testRulebook().Missing(Content{Kind: kind}); !slices.Equal(got, few) {
			t.Errorf("%s: got %q", kind, got)
		}
	}
	if got := testRulebook().Missing(sound()); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestOnlySomeFindingsCanBecomeConditions(t *testing.T) {
	t.Parallel()
	var got []string
	for code := range vocabulary.NewIndex()["validation_rule"] {
		if Convertible(vocabulary.Rule(code), Content{}) {
			got = append(got, code)
		}
	}
	slices.Sort(got)
	if want := []string{"V004", "V006", "V007", "V017", "V023"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !Convertible(vocabulary.RuleV003, Content{OptOut: OptOut{Status: vocabulary.OptOutAppliesToBeFiltered}}) {
		t.Error("opt-outs that are still to be removed can be a condition")
	}
}

func TestOnlyTheLawBlocksARatification(t *testing.T) {
	t.Parallel()
	var got []string
	for code := range vocabulary.NewIndex()["validation_rule"] {
		if BlocksRatification(Finding{Rule: vocabulary.Rule(code), Severity: blockApprove}) {
			got = append(got, code)
		}
	}
	slices.Sort(got)
	if want := []string{"V001", "V002", "V011", "V020"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if BlocksRatification(Finding{Rule: vocabulary.RuleV020, Severity: inform}) {
		t.Error("an informative V020 blocks nothing")
	}
}

func TestPressingNeedsBothUrgencyAndKind(t *testing.T) {
	t.Parallel()
	n := 0
	for kind := range vocabulary.NewIndex()["request_kind"] {
		for urgency := range vocabulary.NewIndex()["urgency"] {
			if Pressing(Content{Kind: vocabulary.Kind(kind), Urgency: vocabulary.Urgency(urgency)}) {
				n++
			}
		}
	}
	if n != 6*2 || !Pressing(Content{Kind: vocabulary.KindSafeguarding, Urgency: vocabulary.UrgencyUrgent}) {
		t.Errorf("%d pairs press", n)
	}
}

func TestAnItemCanMakeTheRequestConfidential(t *testing.T) {
	t.Parallel()
	for want, c := range map[bool][]Content{
		true: {
			{Identifiability: vocabulary.IdentifiabilityIdentifiable}, {Identifiability: vocabulary.IdentifiabilityIdentifiableIndirect},
			{Identifiability: vocabulary.IdentifiabilityPseudonymisedKeyHeld}, {DataItems: []DataItem{{}, {DirectIdentifier: new(true)}}},
		},
		false: {
			{}, {Identifiability: vocabulary.IdentifiabilityPseudonymisedNoKey}, {DataItems: []DataItem{{DirectIdentifier: new(false)}}},
		},
	} {
		for i, one := range c {
			if CPI(one) != want {
				t.Errorf("%d: want %v", i, want)
			}
		}
	}
}

func BenchmarkFindings(b *testing.B) {
	book := Rulebook{Guard: testGuard(), Index: vocabulary.NewIndex()}
	for _, s := range readScenarios(b).Scenarios {
		in := s.inCircumstances()
		b.Run(s.ID, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				book.Findings(s.content, in)
			}
		})
	}
}
