package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Longest delegations: twelve months, and six for a vacancy.
const (
	delegationMonths = 12
	vacancyMonths    = 6
)

// SeparateAppointing refuses an appointment that would put two duties into one hand: SD6, SD7, and SD8 for an
// administrator who appoints themselves. The organisation's appointments of the person are those of Actor to.
func SeparateAppointing(by, to Actor, a Appointment, now time.Time) error {
	others := slices.DeleteFunc(slices.Clone(to.Appointments), func(x Appointment) bool {
		return x.ID == a.ID || x.OrganisationID != a.OrganisationID || over(x, now)
	})
	holds := func(r vocabulary.Role) bool {
		return slices.ContainsFunc(others, func(x Appointment) bool { return x.Role == r })
	}
	guardian, siro := vocabulary.RoleCaldicottGuardian, vocabulary.RoleSiro
	switch {
	case (a.Role == guardian && holds(siro) || a.Role == siro && holds(guardian)) && blank(a.BoardReference):
		return Errorf(Forbidden, "SD6", "The guardian is not the organisation's SIRO, unless a board reference says so.")
	case a.Role == vocabulary.RoleAuditor && len(others) > 0, a.Role != vocabulary.RoleAuditor && holds(vocabulary.RoleAuditor):
		return Errorf(Forbidden, "SD7", "An auditor holds no other role in the same organisation.")
	case by.UserID == to.UserID:
		return Errorf(Forbidden, "SD8", "An administrator gives no role to themselves.")
	case guardianLine(a.Role) && holds(vocabulary.RoleSystemAdmin), a.Role == vocabulary.RoleSystemAdmin && slices.ContainsFunc(others, func(x Appointment) bool { return guardianLine(x.Role) }):
		return Errorf(Forbidden, "SD8", "An administrator decides nothing, so nobody is both administrator and guardian.")
	}
	return nil
}

// SeparateConfirming refuses the second signature of whoever gave the first, or of the person appointed (SD8).
func SeparateConfirming(by Actor, a Appointment) error {
	if by.UserID == a.AppointedBy || by.UserID == a.UserID {
		return Errorf(Forbidden, "SD8", "A guardian's or administrator's role needs a second administrator.")
	}
	return nil
}

// SeparateSecond refuses the second word of whoever gave the first: an erasure, or the end of a hold, takes two (SD13).
func SeparateSecond(by Actor, first string) error {
	if by.UserID == first {
		return Errorf(Forbidden, "SD13", "What was proposed or held by one person is confirmed or released by another.")
	}
	return nil
}

// SeparateAmending refuses one administrator's hand on how a guardian or administrator signs in: whoever can do that is both
// of them (SD8). To change it, end the appointment, amend, appoint again and let another administrator confirm.
func SeparateAmending(was Actor, becomes Person, now time.Time) error {
	same := was.Issuer == becomes.Issuer && was.Subject == becomes.Subject
	if same || !slices.ContainsFunc(was.Appointments, func(a Appointment) bool { return TwoPersonRole(a.Role) && !over(a, now) }) {
		return nil
	}
	return Errorf(Forbidden, "SD8", "How a guardian or administrator signs in is not changed by one administrator alone.")
}

// over says whether the appointment has ended for good.
func over(a Appointment, now time.Time) bool {
	return !a.Ended.IsZero() || a.ValidTo != "" && a.ValidTo < Today(now)
}

func guardianLine(r vocabulary.Role) bool {
	return r == vocabulary.RoleCaldicottGuardian || r == vocabulary.RoleDeputyGuardian || r == vocabulary.RoleReviewGuardian
}

// CheckAppointment gives everything wrong with a new appointment.
func CheckAppointment(a Appointment) []FieldError {
	var wrong []FieldError
	need := func(field, value string) {
		if blank(value) {
			wrong = append(wrong, FieldError{field, CodeRequired, "must be given"})
		}
	}
	need("person", a.UserID)
	need("role", string(a.Role))
	need("valid_from", a.ValidFrom)
	if a.ValidTo != "" && a.ValidTo < a.ValidFrom {
		wrong = append(wrong, FieldError{"valid_to", CodeField, "must not be before valid_from"})
	}
	if a.Role == vocabulary.RoleRequester || a.Role == vocabulary.RoleSponsor {
		wrong = append(wrong, FieldError{"role", CodeField, "is not held by appointment: it comes with being enrolled, or with a request"})
	}
	return wrong
}

// lastDay is the last day of so many months from the first: of twelve from 1 March, 28 February. A month that lacks the day
// gives its own last one.
func lastDay(from time.Time, months int) string {
	first := time.Date(from.Year(), from.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	end := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(from.Day(), end+1)-2).Format(time.DateOnly)
}

// CheckDelegation gives everything wrong with a new delegation.
func CheckDelegation(d Delegation, now time.Time) []FieldError {
	var wrong []FieldError
	bad := func(field, code, message string) { wrong = append(wrong, FieldError{field, code, message}) }
	for field, value := range map[string]string{"to": d.To, "reason": string(d.Reason), "valid_from": d.ValidFrom, "valid_to": d.ValidTo} {
		if blank(value) {
			bad(field, CodeRequired, "must be given")
		}
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b FieldError) int { return len(a.Field) - len(b.Field) })
		return wrong
	}
	months := delegationMonths
	if d.Reason == vocabulary.DelegationReasonVacancy {
		months = vacancyMonths
	}
	from, err := time.Parse(time.DateOnly, d.ValidFrom)
	switch {
	case err != nil:
		bad("valid_from", CodeField, "must be a day")
	case d.ValidTo < d.ValidFrom:
		bad("valid_to", CodeField, "must not be before valid_from")
	case d.ValidTo < Today(now):
		bad("valid_to", CodeField, "must not lie in the past")
	case d.ValidTo > lastDay(from, months):
		bad("valid_to", CodeField, "must be within 12 months of valid_from, within 6 for a vacancy")
	case d.From == d.To:
		bad("to", CodeField, "must name somebody else")
	}
	return wrong
}
