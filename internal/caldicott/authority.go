package caldicott

import (
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Standings lists how the person stands to the case: by relation, and by every appointment that `counts`.
// condition, where given, narrows "assigned" for a condition's owner to that one condition.
func Standings(by Actor, c *Case, condition string, counts func(Appointment) bool) []Standing {
	if !by.Active {
		return nil
	}
	var list []Standing
	add := func(role vocabulary.Role, whose Whose) { list = append(list, Standing{role, whose}) }
	content, me := c.Content(), by.UserID
	if me == c.Request.Requester {
		add(vocabulary.RoleRequester, Own)
	}
	if slices.ContainsFunc(c.Conditions, func(x Condition) bool { return x.Owner == me && (condition == "" || x.ID == condition) }) {
		add(vocabulary.RoleRequester, Assigned)
	}
	if me == content.Sponsor {
		add(vocabulary.RoleSponsor, Assigned)
	}
	if me == content.AssetOwner {
		add(vocabulary.RoleIao, Assigned)
	}
	for _, a := range by.Appointments {
		if !counts(a) {
			continue
		}
		if a.Role == vocabulary.RoleReviewGuardian && (c.HandedTo(me) || c.SentTo(me)) || guardianElsewhere(a, c) && c.SentTo(me) {
			add(vocabulary.RoleReviewGuardian, Assigned)
		}
		if a.OrganisationID != c.Request.OrganisationID {
			continue
		}
		add(a.Role, Organisation)
		if c.Request.State == unborn { // so that the policy's prohibitions on drafting meet who holds the role
			add(a.Role, Own)
		}
		if _, asked := c.Asked(a.Role); asked && a.Role != vocabulary.RoleIao {
			add(a.Role, Assigned)
		}
	}
	return list
}

// guardianElsewhere says whether the appointment is that of another organisation's guardian, who may be invited to a review.
func guardianElsewhere(a Appointment, c *Case) bool {
	return a.Role == vocabulary.RoleCaldicottGuardian && a.OrganisationID != c.Request.OrganisationID
}

// Private leaves out what gives no share in a case's private comments: an asset owner who was not asked, and every
// consultee's role of the requester, to whom the comments are closed whatever else they hold by being asked.
func Private(list []Standing, c *Case, userID string) []Standing {
	_, asked := c.Asked(vocabulary.RoleIao)
	return slices.DeleteFunc(list, func(s Standing) bool {
		return s.Whose == Assigned && Consultable(s.Role) && (userID == c.Request.Requester || s.Role == vocabulary.RoleIao && !asked)
	})
}

// Standings of a turn count the appointments in force; for the policy's own question those that have lapsed count too,
// so that AUTHORITY and not POLICY refuses somebody whose time is over. A prohibition ends with its appointment.
func (t *Turn) Standings(d Deed, lapsed bool) []Standing {
	condition := ""
	if conditionFrom[d.Action()] != nil {
		condition = t.Subject
	}
	list := Standings(t.By, t.Case, condition, func(a Appointment) bool {
		return a.InForce(t.Now) || lapsed && !a.Proposed() && !restrains(a.Role)
	})
	if a, ok := d.(Advising); ok { // one advises in the role that was asked, not in another that one holds as well
		list = slices.DeleteFunc(list, func(s Standing) bool { return Consultable(s.Role) && s.Role != a.Role })
	}
	if d.Action() == Comment {
		list = Private(list, t.Case, t.By.UserID)
	}
	return list
}

// restrains are the roles that the policy gives prohibitions to.
func restrains(r vocabulary.Role) bool {
	return r == vocabulary.RoleAuditor || r == vocabulary.RoleSystemAdmin || r == vocabulary.RoleBoardViewer ||
		r == vocabulary.RoleReviewGuardian
}

// underDelegation are the deeds that a deputy does only under a delegation in force. Dissent needs none, or not delegating
// would silence it; nor does answering one for a decision that was taken under a delegation since ended.
func underDelegation(a Action) bool {
	return a != Comment && a != View && a != ViewComments && a != RecordDissent && a != AnswerDissent
}

// precedence is the order in which capacities are tried, where the caller names none.
var precedence = []vocabulary.Role{
	vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian, vocabulary.RoleReviewGuardian,
	vocabulary.RoleIgLead, vocabulary.RoleIgOfficer,
}

// Authorise finds the capacity in which the person does the deed: a standing that the policy allows, resting on an
// appointment in force at this instant, and for a deputy on a delegation that covers the case. It fills Acting, or
// refuses with AUTHORITY.
func (t *Turn) Authorise(d Deed, allowed func(Standing) bool) error {
	var claim Claim
	var outcome vocabulary.Outcome
	if claiming, ok := d.(Claiming); ok {
		claim, outcome = claiming.Claim()
	}
	standings := t.Standings(d, false)
	slices.SortStableFunc(standings, func(a, b Standing) int { return rank(a.Role, d.Action()) - rank(b.Role, d.Action()) })
	for _, s := range standings {
		if !allowed(s) || claim.ActingAs != "" && s.Role != claim.ActingAs {
			continue
		}
		if capacity, ok := t.capacity(s, d.Action(), claim, outcome); ok {
			t.Acting, t.Chosen = capacity, s
			return nil
		}
	}
	return Errorf(Forbidden, CodeAuthority, "No appointment or delegation in force gives authority for this.")
}

// rank is a role's place in the precedence. Information governance asks whenever it likes, so who holds both asks as that.
func rank(r vocabulary.Role, a Action) int {
	if a == Ask && (r == vocabulary.RoleIgLead || r == vocabulary.RoleIgOfficer) {
		return -1
	}
	if i := slices.Index(precedence, r); i >= 0 {
		return i
	}
	return len(precedence)
}

// capacity finds the appointment, and the delegation where one is needed, behind a standing.
func (t *Turn) capacity(s Standing, a Action, claim Claim, outcome vocabulary.Outcome) (Capacity, bool) {
	organisation := t.Case.Request.OrganisationID
	if s.Role == vocabulary.RoleReviewGuardian {
		organisation = "" // a review guardian is often another organisation's guardian
	}
	capacity := Capacity{Role: s.Role}
	appointment, ok := t.By.Appointment(s.Role, organisation, t.Now)
	if !ok && s.Role == vocabulary.RoleReviewGuardian {
		appointment, ok = t.By.Appointment(vocabulary.RoleCaldicottGuardian, "", t.Now)
	}
	if ok {
		capacity.Appointment = appointment.ID
	}
	if s.Role == vocabulary.RoleReviewGuardian && !t.mine(a) {
		return capacity, false
	}
	if s.Role != vocabulary.RoleDeputyGuardian || !underDelegation(a) {
		return capacity, claim.Delegation == ""
	}
	delegation, ok := t.delegation(claim.Delegation, outcome)
	capacity.Delegation = delegation.ID
	return capacity, ok
}

// mine says whether what a review guardian does is what the case was sent to them for: to decide it, or to hear a review.
func (t *Turn) mine(a Action) bool {
	switch a {
	case Open, Decide, HandBack, Ask:
		return t.Case.HandedTo(t.By.UserID)
	case DecideReview:
		r, ok := t.Case.Review(t.Subject)
		return ok && slices.Contains(r.Asked, t.By.UserID) // the guard refuses one in whose place another was asked
	}
	return true
}

// delegation finds the one named, or the earliest in force that covers the case.
func (t *Turn) delegation(id string, outcome vocabulary.Outcome) (Delegation, bool) {
	c := t.Case.Content()
	var best Delegation
	for _, x := range t.By.Delegations {
		fits := (id == "" || x.ID == id) && x.OrganisationID == t.Case.Request.OrganisationID && x.InForce(t.Now) &&
			x.Scope.Covers(c.Kind, c.Urgency, outcome)
		if fits && (best.ID == "" || x.ValidFrom < best.ValidFrom || x.ValidFrom == best.ValidFrom && x.Given.Before(best.Given)) {
			best = x
		}
	}
	return best, best.ID != ""
}

// InForceAt counts the appointments in force at the instant.
func InForceAt(now time.Time) func(Appointment) bool {
	return func(a Appointment) bool { return a.InForce(now) }
}
