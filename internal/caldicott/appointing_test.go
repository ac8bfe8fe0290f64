package caldicott

import (
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// appointee is somebody who holds roles already.
func appointee(userID string, held ...Appointment) Actor {
	return Actor{Person: Person{UserID: userID, Active: true}, Appointments: held}
}

func held(role vocabulary.Role) Appointment {
	return Appointment{ID: "held-" + string(role), UserID: "u-to", OrganisationID: "org", Role: role, ValidFrom: "2026-01-01", ConfirmedBy: "u-b"}
}

type appointing struct {
	name string
	by   string
	to   []Appointment
	role vocabulary.Role
	ref  string
	want string
}

func appointed(t *testing.T, cases []appointing) {
	t.Helper()
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	for _, c := range cases {
		if c.by == "" {
			c.by = "u-admin"
		}
		a := Appointment{UserID: "u-to", OrganisationID: "org", Role: c.role, ValidFrom: "2026-11-01", BoardReference: c.ref}
		err := SeparateAppointing(appointee(c.by), appointee("u-to", c.to...), a, now)
		if CodeOf(err) != c.want || err != nil && KindOf(err) != Forbidden {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestSD6TheGuardianIsNotTheSIRO(t *testing.T) {
	t.Parallel()
	guardian, siro, deputy := vocabulary.RoleCaldicottGuardian, vocabulary.RoleSiro, vocabulary.RoleDeputyGuardian
	over, abroad, ended, coming := held(siro), held(siro), held(siro), held(siro)
	over.ValidTo, abroad.OrganisationID, ended.Ended, coming.ValidFrom = "2026-10-04", "elsewhere", time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), "2027-01-01"
	appointed(t, []appointing{
		{"the SIRO made guardian", "", []Appointment{held(siro)}, guardian, "", "SD6"},
		{"the guardian made SIRO", "", []Appointment{held(guardian)}, siro, "", "SD6"},
		{"with white space for a board reference", "", []Appointment{held(siro)}, guardian, "  ", "SD6"},
		{"with a board reference", "", []Appointment{held(siro)}, guardian, "BRD 2026/14", ""},
		{"who is to become SIRO", "", []Appointment{coming}, guardian, "", "SD6"},
		{"who was SIRO", "", []Appointment{over}, guardian, "", ""},
		{"whose time as SIRO was ended", "", []Appointment{ended}, guardian, "", ""},
		{"SIRO elsewhere", "", []Appointment{abroad}, guardian, "", ""},
		{"the SIRO made deputy", "", []Appointment{held(siro)}, deputy, "", ""},
		{"somebody else made SIRO", "", []Appointment{held(vocabulary.RoleDpo)}, siro, "", ""},
	})
}

func TestSD7AnAuditorHoldsNoOtherRole(t *testing.T) {
	t.Parallel()
	auditor := vocabulary.RoleAuditor
	abroad, over := held(auditor), held(auditor)
	abroad.OrganisationID, over.ValidTo = "elsewhere", "2026-10-04"
	cases := []appointing{
		{"nobody before", "", nil, auditor, "", ""},
		{"an auditor elsewhere", "", []Appointment{abroad}, vocabulary.RoleIgLead, "", ""},
		{"who was an auditor", "", []Appointment{over}, vocabulary.RoleIgLead, "", ""},
	}
	for _, r := range []vocabulary.Role{"IG_OFFICER", "IG_LEAD", "DPO", "BOARD_VIEWER", "EMERGENCY_APPROVER", "LEGAL", "SIRO"} {
		cases = append(cases,
			appointing{"an auditor made " + string(r), "", []Appointment{held(auditor)}, r, "a board reference does not help", "SD7"},
			appointing{string(r) + " made auditor", "", []Appointment{held(r)}, auditor, "", "SD7"})
	}
	appointed(t, cases)
}

func TestSD8ARoleOfPowerTakesTwoAdministrators(t *testing.T) {
	t.Parallel()
	admin := vocabulary.RoleSystemAdmin
	cases := []appointing{
		{"an administrator appoints themselves", "u-to", nil, vocabulary.RoleDpo, "", "SD8"},
		{"an administrator made DPO", "", []Appointment{held(admin)}, vocabulary.RoleDpo, "", ""},
	}
	for _, r := range []vocabulary.Role{"CALDICOTT_GUARDIAN", "DEPUTY_GUARDIAN", "REVIEW_GUARDIAN"} {
		cases = append(cases,
			appointing{"an administrator made " + string(r), "", []Appointment{held(admin)}, r, "", "SD8"},
			appointing{string(r) + " made administrator", "", []Appointment{held(r)}, admin, "", "SD8"})
	}
	appointed(t, cases)
	a := Appointment{UserID: "u-to", Role: admin, AppointedBy: "u-a"}
	for by, want := range map[string]string{"u-a": "SD8", "u-to": "SD8", "u-b": ""} {
		if err := SeparateConfirming(appointee(by), a); CodeOf(err) != want {
			t.Errorf("confirmed by %s: %v, want %q", by, err, want)
		}
	}
	for _, role := range vocabulary.Codes[vocabulary.Role]("role") {
		two := role == "CALDICOTT_GUARDIAN" || role == "DEPUTY_GUARDIAN" || role == "REVIEW_GUARDIAN" || role == "SYSTEM_ADMIN"
		if TwoPersonRole(role) != two {
			t.Errorf("%s takes two: %v", role, !two)
		}
	}
}

func TestAnAppointmentIsWhole(t *testing.T) {
	t.Parallel()
	whole := Appointment{UserID: "u-to", Role: vocabulary.RoleDpo, ValidFrom: "2026-10-05", ValidTo: "2026-10-05"}
	for name, c := range map[string]struct {
		change func(*Appointment)
		want   string
	}{
		"whole":                 {func(*Appointment) {}, ""},
		"without an end":        {func(a *Appointment) { a.ValidTo = "" }, ""},
		"nobody":                {func(a *Appointment) { a.UserID = " " }, "person REQUIRED"},
		"as nothing":            {func(a *Appointment) { a.Role = "" }, "role REQUIRED"},
		"from never":            {func(a *Appointment) { a.ValidFrom = "" }, "valid_from REQUIRED"},
		"over before it is":     {func(a *Appointment) { a.ValidTo = "2026-10-04" }, "valid_to FIELD"},
		"as a requester":        {func(a *Appointment) { a.Role = vocabulary.RoleRequester }, "role FIELD"},
		"as somebody's sponsor": {func(a *Appointment) { a.Role = vocabulary.RoleSponsor }, "role FIELD"},
	} {
		a := whole
		c.change(&a)
		wrong, got := CheckAppointment(a), ""
		if len(wrong) > 0 {
			got = wrong[0].Field + " " + wrong[0].Code
		}
		if got != c.want {
			t.Errorf("%s: %v, want %q", name, wrong, c.want)
		}
	}
}

// "A delegation needs an end date (12 months at most; 6 for a vacancy)".
func TestADelegationLastsTwelveMonthsAtMostAndSixForAVacancy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	vacancy, absence := vocabulary.DelegationReasonVacancy, vocabulary.DelegationReasonPlannedAbsence
	for _, c := range []struct {
		name     string
		reason   vocabulary.DelegationReason
		from, to string
		want     string
	}{
		{"a year", absence, "2026-10-05", "2027-10-04", ""},
		{"more than a year", absence, "2026-10-05", "2027-10-06", "valid_to FIELD"},
		{"half a year, for a vacancy", vacancy, "2026-10-05", "2027-04-04", ""},
		{"more, for a vacancy", vacancy, "2026-10-05", "2027-04-06", "valid_to FIELD"},
		{"half a year from the end of a long month", vacancy, "2026-10-31", "2027-04-30", ""},
		{"more, from the end of a long month", vacancy, "2026-08-31", "2027-03-03", "valid_to FIELD"},
		{"one day", absence, "2026-10-05", "2026-10-05", ""},
		{"backwards", absence, "2026-10-06", "2026-10-05", "valid_to FIELD"},
		{"over already", absence, "2026-09-01", "2026-10-04", "valid_to FIELD"},
		{"without an end", absence, "2026-10-05", "", "valid_to REQUIRED"},
		{"without a beginning", absence, "", "2026-10-05", "valid_from REQUIRED"},
		{"without a reason", "", "2026-10-05", "2026-10-06", "reason REQUIRED"},
	} {
		wrong, got := CheckDelegation(Delegation{From: "u-guardian", To: "u-deputy", Reason: c.reason, ValidFrom: c.from, ValidTo: c.to}, now), ""
		if len(wrong) > 0 {
			got = wrong[0].Field + " " + wrong[0].Code
		}
		if got != c.want {
			t.Errorf("%s: %v, want %q", c.name, wrong, c.want)
		}
	}
	self := Delegation{From: "u-me", To: "u-me", Reason: absence, ValidFrom: "2026-10-05", ValidTo: "2026-10-06"}
	if wrong := CheckDelegation(self, now); len(wrong) != 1 || wrong[0].Field != "to" {
		t.Errorf("to oneself: %v", wrong)
	}
}
