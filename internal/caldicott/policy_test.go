package caldicott

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

func TestTheShippedConsulteesAreTheHousesRules(t *testing.T) {
	t.Parallel()
	consultees := shippedConsultees(t)
	care := func(c *Content) { c.IndividualCare = new(true) }
	noOwner := func(c *Content) { c.AssetOwner = "" }
	for _, test := range []struct {
		kind   vocabulary.Kind
		change func(*Content)
		want   string
	}{
		{"DIRECT_CARE_SHARING", nil, "IAO"},
		{"DIRECT_CARE_SHARING", noOwner, ""},
		{"DATA_SHARING_AGREEMENT", nil, "IAO DPO SIRO"},
		{"DATA_SHARING_AGREEMENT", care, "IAO DPO SIRO CLINICAL_SAFETY_OFFICER"},
		{"CLINICAL_AUDIT", nil, "IAO DPO"},
		{"CLINICAL_AUDIT", noOwner, "DPO"},
		{"CLINICAL_AUDIT", (*Content).anonymous, ""},
		{"SERVICE_EVALUATION", nil, "DPO IAO"},
		{"RESEARCH", nil, "RESEARCH_OFFICE DPO IAO"},
		{"RESEARCH", noOwner, "RESEARCH_OFFICE DPO"},
		{"NEW_SYSTEM_DPIA", nil, "DPO SIRO CYBER CLINICAL_SAFETY_OFFICER IAO"},
		{"POLICE_DISCLOSURE", nil, "LEGAL"},
		{"COURT_OR_CORONER", nil, "LEGAL"},
		{"DECEASED_RECORDS", nil, "LEGAL"},
		{"COMPLAINT_OR_LITIGATION", nil, "LEGAL"},
		{"EMERGENCY_OUT_OF_HOURS", nil, "LEGAL"},
		{"SAFEGUARDING", nil, "SAFEGUARDING_LEAD"},
		{"REGULATOR", nil, "LEGAL DPO"},
		{"STAFF_ACCESS_OWN_OR_FAMILY", nil, "DPO"},
		{"COMMISSIONING_FINANCE", nil, "DPO"},
		{"RECORD_RESTRICTION_OR_RIGHTS", nil, "DPO"},
		{"INTERNATIONAL_TRANSFER", nil, "DPO CYBER"},
		{"PUBLIC_HEALTH", nil, ""},
		{"EDUCATION_TRAINING", nil, ""},
		{"MEDIA_COMMUNICATIONS", nil, ""},
		{"ADVICE_ONLY", nil, ""},
		{"", nil, ""},
	} {
		c := sound()
		c.Kind = test.kind
		if test.change != nil {
			test.change(&c)
		}
		want := strings.Fields(test.want)
		if got := consultees.Mandatory(c); !slices.EqualFunc(got, want, func(r vocabulary.Role, s string) bool { return string(r) == s }) {
			t.Errorf("%s asks %q, want %q", test.kind, got, want)
		}
	}
}

// broken changes one thing in a shipped policy file, which must then be refused with these words.
type broken struct{ name, old, new, says string }

func refuses(t *testing.T, file string, parse func(string) error, cases []broken) {
	t.Helper()
	b, err := os.ReadFile("../../policy/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range cases {
		text := strings.Replace(string(b), test.old, test.new, 1)
		if text == string(b) {
			t.Errorf("%s: %q is not in %s", test.name, test.old, file)
			continue
		}
		line := "line " // the error names the line, but where one is missing
		if strings.Contains(test.says, "missing") || strings.Contains(test.says, "first line") {
			line = ""
		}
		if err := parse(text); err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), line) {
			t.Errorf("%s: %v, want %q", test.name, err, test.says)
		}
	}
}

func TestABrokenConsulteesFileIsRefused(t *testing.T) {
	t.Parallel()
	parse := func(s string) error { _, err := ParseConsultees(strings.NewReader(s)); return err }
	refuses(t, "consultees.csv", parse, []broken{
		{"no header", "kind,                         consultee,               when", "", "first line must be"},
		{"misspelt header", "consultee,               when", "consultees, when", "first line must be"},
		{"misspelt kind", "SAFEGUARDING,                 ", "SAFEGARDING, ", `line 40: "SAFEGARDING" is not a kind`},
		{"misspelt role", "SAFEGUARDING_LEAD,       always", "SAFEGUARDING_LED, always", "is not a role that is consulted"},
		{"no adviser", "SAFEGUARDING_LEAD,       always", "AUDITOR, always", "is not a role that is consulted"},
		{"misspelt claim", "individual_care\n\nCLIN", "individualcare\n\nCLIN", "is not a word for when"},
		{"half a claim", "cpi and asset_owner_named", "cpi and", "is not a word for when"},
		{"missing kind", "ADVICE_ONLY,                  none,                    always", "", "ADVICE_ONLY is missing"},
		{"twice", "DATA_SHARING_AGREEMENT,       SIRO, ", "DATA_SHARING_AGREEMENT, DPO, ", "asks DPO twice"},
		{"none and somebody", "PUBLIC_HEALTH,                none,", "SAFEGUARDING, none,", "another line"},
		{"somebody after none", "ADVICE_ONLY,                  none,", "PUBLIC_HEALTH, DPO,", "another line"},
		{"none sometimes", "ADVICE_ONLY,                  none,                    always", "ADVICE_ONLY,none,cpi", "none is always"},
		{"IAO always", "DIRECT_CARE_SHARING,          IAO,                     asset_owner_named", "DIRECT_CARE_SHARING, IAO, always", "asset_owner_named"},
		{"a column too many", "CYBER,                   always", "CYBER, always, sometimes", "wrong number of fields"},
		{"a column too few", "CYBER,                   always", "CYBER", "wrong number of fields"},
	})
}

func TestABrokenTargetsFileIsRefused(t *testing.T) {
	t.Parallel()
	parse := func(s string) error { _, err := ParseTargets(strings.NewReader(s)); return err }
	refuses(t, "targets.csv", parse, []broken{
		{"no header", "urgency,   triage,", "#", "first line must be"},
		{"binary", "#", "\x00", "wrong number of fields"},
		{"misspelt urgency", "\nPRIORITY,", "\nPRIORITIES,", "is not an urgency"},
		{"missing urgency", "\nPRIORITY,", "\n#PRIORITY,", "PRIORITY is missing"},
		{"twice", "\nPRIORITY,", "\nROUTINE,", "ROUTINE is there twice"},
		{"misspelt unit", "10 working days, none", "10 workign days, none", "write working days or hours"},
		{"calendar days", "10 working days, none", "10 days, none", "write working days or hours"},
		{"no number", "10 working days, none", "ten working days, none", "is not a limit"},
		{"nothing", "10 working days, none", "0 working days, none", "is not a limit"},
		{"less", "10 working days, none", "-1 working days, none", "is not a limit"},
		{"blank", "10 working days, none", ", none", "is not a limit"},
		{"no decision", "4 hours, ", "none, ", "needs a limit for the decision"},
		{"no ratification", "24 hours, 3 working days", "24 hours, none", "for record and for ratification"},
		{"emergency triaged", "EMERGENCY, none,", "EMERGENCY, 1 hour,", "is recorded and ratified"},
		{"routine recorded", "10 working days, none, ", "10 working days, 1 hour,", "only EMERGENCY is"},
		{"a column too few", "20 working days, none,     none", "20 working days, none", "wrong number of fields"},
		{"a quote", "4 hours, ", `4 "hours", `, "bare"},
	})
}
