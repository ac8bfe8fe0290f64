package caldicott

import (
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// What a reviewer found in the domain, each by one test.

func TestARecipientWithACodeIsNotCoveredByItsPosition(t *testing.T) {
	t.Parallel()
	x, _ := permitted()
	content := sound()
	content.Recipients = []Recipient{{OrgCode: "RX1"}, {}, {OrgCode: "007"}}
	x.Decided[1] = content
	for recipient, want := range map[string]vocabulary.ExceptionReason{
		"RX1": "", "1": "", "007": "", "0": "RECIPIENT_NOT_COVERED", "2": "RECIPIENT_NOT_COVERED", "000": "RECIPIENT_NOT_COVERED",
		"01": "RECIPIENT_NOT_COVERED", "001": "RECIPIENT_NOT_COVERED", "+1": "RECIPIENT_NOT_COVERED", " 1": "RECIPIENT_NOT_COVERED",
		"7": "RECIPIENT_NOT_COVERED", "": "RECIPIENT_NOT_COVERED", "rx1": "RECIPIENT_NOT_COVERED",
	} {
		if _, got := x.Covers("", recipient, day(t, "2026-06-10T12:00:00Z")); got != want {
			t.Errorf("%q: %q, want %q", recipient, got, want)
		}
	}
	content.Recipients = []Recipient{{}}
	x.Decided[1] = content
	for recipient, want := range map[string]vocabulary.ExceptionReason{"0": "", "000": "RECIPIENT_NOT_COVERED", "-0": "RECIPIENT_NOT_COVERED"} {
		if _, got := x.Covers("", recipient, day(t, "2026-06-10T12:00:00Z")); got != want {
			t.Errorf("of one without a code, %q: %q, want %q", recipient, got, want)
		}
	}
}

func TestADelegationEndsWithTheLastDayOfItsMonths(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	vacancy, absence := vocabulary.DelegationReasonVacancy, vocabulary.DelegationReasonPlannedAbsence
	for _, x := range []struct {
		reason     vocabulary.DelegationReason
		from, last string
	}{
		{vacancy, "2026-08-31", "2027-02-28"}, {vacancy, "2027-08-31", "2028-02-29"}, {vacancy, "2026-08-30", "2027-02-28"},
		{vacancy, "2026-08-29", "2027-02-28"}, {vacancy, "2026-08-28", "2027-02-27"}, {vacancy, "2026-03-31", "2026-09-30"},
		{vacancy, "2026-07-01", "2026-12-31"}, {vacancy, "2026-09-01", "2027-02-28"}, {vacancy, "2026-10-15", "2027-04-14"},
		{absence, "2026-03-01", "2027-02-28"}, {absence, "2027-03-01", "2028-02-29"}, {absence, "2028-02-29", "2029-02-28"},
		{absence, "2027-02-28", "2028-02-27"}, {absence, "2026-01-01", "2026-12-31"}, {absence, "2026-12-31", "2027-12-30"},
	} {
		last, err := time.Parse(time.DateOnly, x.last)
		if err != nil {
			t.Fatal(err)
		}
		d := Delegation{From: "u-guardian", To: "u-deputy", Reason: x.reason, ValidFrom: x.from, ValidTo: x.last}
		if wrong := CheckDelegation(d, now); len(wrong) != 0 {
			t.Errorf("%s from %s to %s: %v", x.reason, x.from, x.last, wrong)
		}
		d.ValidTo = last.AddDate(0, 0, 1).Format(time.DateOnly)
		if wrong := CheckDelegation(d, now); len(wrong) != 1 || wrong[0].Field != "valid_to" || wrong[0].Code != CodeField {
			t.Errorf("%s from %s to %s, a day too long: %v", x.reason, x.from, d.ValidTo, wrong)
		}
	}
}

func TestAnAppointmentGivesNoAuthorityBeforeItCameOnTheRecord(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 12, 9, 0, 0, 0, time.UTC)
	a := Appointment{Role: vocabulary.RoleCaldicottGuardian, ValidFrom: "2026-01-01", ConfirmedBy: "u-admin-b", Since: since}
	founder := a
	founder.Since = time.Time{}
	for _, x := range []struct {
		name string
		a    Appointment
		at   time.Time
		want bool
	}{
		{"before", a, since.Add(-time.Microsecond), false}, {"at the instant", a, since, true}, {"after", a, since.AddDate(0, 1, 0), true},
		{"a founder's, from its first day", founder, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), true},
	} {
		if got := x.a.InForce(x.at); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}
