package casework_test

import (
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A hat is how somebody stands to a request, in the words of lifecycle.md's matrix.
type hat string

const (
	asksFor   hat = "the requester"
	vouches   hat = "the sponsor"
	ownsAsset hat = "the IAO of the request"
	owesProof hat = "the condition's owner"
	officer   hat = "IG_OFFICER"
	lead      hat = "IG_LEAD"
	guardian  hat = "CALDICOTT_GUARDIAN"
	deputy    hat = "DEPUTY_GUARDIAN"
	handed    hat = "REVIEW_GUARDIAN for what was handed to them"
	consultee hat = "a holder of the asked role"
	auditor   hat = "AUDITOR"
)

// whoMay is lifecycle.md, "Who may".
var whoMay = map[caldicott.Action][]hat{
	caldicott.Amend:            {asksFor},
	caldicott.Submit:           {asksFor},
	caldicott.Answer:           {asksFor},
	caldicott.Resubmit:         {asksFor},
	caldicott.Withdraw:         {asksFor, lead},
	caldicott.Triage:           {officer, lead},
	caldicott.Ask:              {officer, lead, guardian, deputy, handed}, // "ask also who opened"
	caldicott.Consult:          {officer, lead},
	caldicott.SeekRatification: {officer, lead, asksFor},
	caldicott.Close:            {officer, lead},
	caldicott.PutForward:       {officer, lead},
	caldicott.SetAside:         {lead},
	caldicott.Waive:            {lead, guardian, deputy},
	caldicott.Advise:           {consultee, ownsAsset},
	caldicott.Open:             {guardian, deputy, handed},
	caldicott.HandBack:         {guardian, deputy, handed},
	caldicott.Decide:           {guardian, deputy, handed},
	caldicott.Suspend:          {guardian, deputy},
	caldicott.Reinstate:        {guardian, deputy},
	caldicott.Revoke:           {guardian, deputy},
	caldicott.WaiveCondition:   {guardian, deputy},
	caldicott.Complete:         {officer, lead},
	caldicott.BreachCondition:  {officer, lead},
	caldicott.SubmitEvidence:   {owesProof},
	caldicott.AcceptEvidence:   {officer, lead, guardian, deputy},
	caldicott.RejectEvidence:   {officer, lead, guardian, deputy},
	caldicott.Disclose:         {asksFor, ownsAsset, officer, lead},
	caldicott.Comment:          {officer, lead, guardian, deputy, handed, consultee},
}

// maySee is lifecycle.md, "Visibility"; whoever owns a condition sees the request that it belongs to (policy/README.md).
var maySee = []hat{asksFor, vouches, ownsAsset, owesProof, officer, lead, guardian, deputy, handed, consultee, auditor}

// hats are how the person stands to the scene; worn says whether a hat still gives authority.
func (sc *scene) hats(m member) (hats map[hat]bool) {
	hats = map[hat]bool{}
	if m.inactive {
		return hats
	}
	relations := map[string]hat{"u-asks": asksFor, "u-sponsor": vouches, "u-iao": ownsAsset}
	if h, ok := relations[m.user]; ok {
		hats[h] = true
	}
	if len(sc.c.Conditions) > 0 && m.user == "u-owner" {
		hats[owesProof] = true
	}
	if m.user == sc.handedTo {
		hats[handed] = true
	}
	if hats[ownsAsset] && sc.asked(vocabulary.RoleIao) {
		hats[consultee] = true
	}
	if m.elsewhere {
		return hats
	}
	byRole := map[vocabulary.Role]hat{
		vocabulary.RoleIgOfficer: officer, vocabulary.RoleIgLead: lead, vocabulary.RoleCaldicottGuardian: guardian,
		vocabulary.RoleDeputyGuardian: deputy, vocabulary.RoleAuditor: auditor,
	}
	for _, role := range m.roles {
		if h, ok := byRole[role]; ok {
			hats[h] = true
		} else if sc.asked(role) {
			hats[consultee] = true
		}
	}
	for _, role := range m.lapsed {
		if _, worn := hats[byRole[role]]; !worn {
			hats[byRole[role]] = false
		}
	}
	return hats
}

// expect is the order of checks of lifecycle.md: the first that fails answers. "" is done.
func (sc *scene) expect(m member, a caldicott.Action, d caldicott.Deed) string {
	hats := sc.hats(m)
	if !slices.ContainsFunc(maySee, func(h hat) bool { return hats[h] }) {
		return "NOT_FOUND"
	}
	if sd := sc.separation(m.user, hats, a); sd != "" {
		return sd
	}
	policy, authority := false, false
	for _, h := range whoMay[a] {
		worn, known := hats[h]
		policy = policy || known
		authority = authority || worn && (h != deputy || m.delegated || a == caldicott.Comment)
	}
	switch {
	case !policy:
		return "POLICY"
	case !authority:
		return "AUTHORITY"
	case !sc.possible(m, hats, a, d):
		return "STATE"
	}
	return ""
}

// separation is lifecycle.md, "Separation of duties", as far as the cast can come upon it.
func (sc *scene) separation(user string, hats map[hat]bool, a caldicott.Action) string {
	decides := a == caldicott.Decide || a == caldicott.SetAside || a == caldicott.Suspend || a == caldicott.Revoke || a == caldicott.Reinstate
	handled := sc.has(caldicott.Triage, user) || sc.has(caldicott.Consult, user) || sc.has(caldicott.PutForward, user) || sc.has(caldicott.Waive, user)
	decided := sc.has(caldicott.Decide, user) || sc.has(caldicott.SetAside, user) // set_aside makes a decision
	switch {
	case decides && (hats[asksFor] || hats[vouches] || hats[ownsAsset]):
		return "SD1"
	case a == caldicott.Decide && handled:
		return "SD3"
	case hats[auditor]:
		return "SD7"
	case a == caldicott.Open && decided && sc.has(caldicott.Open, user):
		return "SD9" // no scene has a decision on an older version
	case a == caldicott.Advise && (hats[asksFor] || decided || sc.opener() == user):
		return "SD10"
	case (a == caldicott.AcceptEvidence || a == caldicott.RejectEvidence) && hats[owesProof]:
		return "SD11"
	}
	return ""
}

// possible is the map with the guards of lifecycle.md's tables.
func (sc *scene) possible(m member, hats map[hat]bool, a caldicott.Action, d caldicott.Deed) bool {
	if from, ok := permitFrom[a]; ok {
		return slices.Contains(from, sc.permit)
	}
	if from, ok := demandFrom[a]; ok {
		return slices.Contains(from, sc.demand) && !(a == caldicott.WaiveCondition && sc.resolves)
	}
	state, emergency := sc.c.Request.State, sc.c.Request.Emergency
	if _, ok := caldicott.Next(state, a); !ok {
		return false
	}
	late := state == vocabulary.StateAwaitingRatification || state == vocabulary.StateInReview || state == vocabulary.StateDecided
	returned := sc.outcome == vocabulary.OutcomeDefer || sc.outcome == vocabulary.OutcomeRefer
	switch a {
	case caldicott.Ask:
		return hats[officer] || hats[lead] || sc.opener() == m.user
	case caldicott.Decide: // hand_back is not the opener's alone: who opened may have lost their authority
		return sc.opener() == m.user
	case caldicott.SetAside, caldicott.Withdraw:
		return !emergency
	case caldicott.Consult:
		return !late || sc.pressing
	case caldicott.Waive:
		role := d.(caldicott.Waiving).Consultee
		return (!late || sc.pressing) && !sc.settled(role) && (sc.asked(role) || slices.Contains(sc.mandatory, role))
	case caldicott.Advise:
		return sc.asked(d.(caldicott.Advising).Role) && (state != vocabulary.StateDecided || returned || sc.pressing)
	case caldicott.PutForward:
		return state != vocabulary.StateTriage || sc.pressing && !emergency || len(sc.waiting()) == 0
	case caldicott.Resubmit:
		return returned
	case caldicott.Close:
		openStates := []vocabulary.AuthorisationState{"PENDING_CONDITIONS", "ACTIVE", "REVIEW_DUE", "SUSPENDED"}
		return !slices.Contains(openStates, sc.permit) && !(sc.pressing && len(sc.waiting()) > 0)
	}
	return true
}

var permitFrom = map[caldicott.Action][]vocabulary.AuthorisationState{
	caldicott.Suspend:   {"ACTIVE", "REVIEW_DUE"},
	caldicott.Reinstate: {"SUSPENDED"},
	caldicott.Revoke:    {"PENDING_CONDITIONS", "ACTIVE", "REVIEW_DUE", "SUSPENDED"},
	caldicott.Complete:  {"ACTIVE", "REVIEW_DUE", "SUSPENDED", "EXPIRED"},
}

// demandFrom: lifecycle.md gives OPEN → EVIDENCE_SUBMITTED → SATISFIED, or OVERDUE, BREACHED, WAIVED.
var demandFrom = map[caldicott.Action][]vocabulary.ConditionState{
	caldicott.SubmitEvidence:  {"OPEN", "OVERDUE"},
	caldicott.AcceptEvidence:  {"EVIDENCE_SUBMITTED"},
	caldicott.RejectEvidence:  {"EVIDENCE_SUBMITTED"},
	caldicott.WaiveCondition:  {"OPEN", "EVIDENCE_SUBMITTED", "OVERDUE"},
	caldicott.BreachCondition: {"OPEN", "EVIDENCE_SUBMITTED", "OVERDUE", "SATISFIED"},
}
