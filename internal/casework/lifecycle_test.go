package casework_test

import (
	"slices"
	"time"

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
	reviews   hat = "REVIEW_GUARDIAN by a review that was sent to them"
	hears     hat = "REVIEW_GUARDIAN for the review that is with them"
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
	caldicott.Comment:          {officer, lead, guardian, deputy, handed, reviews, consultee},

	// "renew, request_review / decide_review: the requester, IG_LEAD / REVIEW_GUARDIAN for what was sent to them"
	caldicott.Renew:         {asksFor, lead},
	caldicott.RequestReview: {asksFor, lead},
	caldicott.DecideReview:  {hears},
	// A variation is a decision on what is authorised: the guardian line's, as suspend and revoke are.
	caldicott.Vary: {guardian, deputy},
	// Who asks does not choose who hears it: the head finds somebody.
	caldicott.InviteReviewer: {lead},
	// Dissent is between guardians; who decided answers, which may be the head who set something aside. That a decision was not followed is put on record by them or the head.
	caldicott.RecordDissent:     {guardian, deputy, handed, reviews},
	caldicott.AnswerDissent:     {lead, guardian, deputy, handed, reviews},
	caldicott.RecordNotFollowed: {lead, guardian, deputy},
	// Whoever sees that something went wrong says so; those who handle the case follow it up and keep the registers.
	caldicott.LinkIncident:   {asksFor, officer, lead, guardian, deputy},
	caldicott.UpdateIncident: {officer, lead, guardian, deputy},
	caldicott.LinkRisk:       {officer, lead, guardian, deputy},
	caldicott.RecordSupport:  {officer, lead, guardian, deputy},
	// Papers come from who asks, who owes proof, who handles and who decides; only the head destroys them.
	caldicott.Attach:        {asksFor, owesProof, officer, lead, guardian, deputy, handed, reviews},
	caldicott.EraseDocument: {lead},
}

// maySee is lifecycle.md, "Visibility"; whoever owns a condition sees the request that it belongs to (policy/README.md).
var maySee = []hat{asksFor, vouches, ownsAsset, owesProof, officer, lead, guardian, deputy, handed, reviews, consultee, auditor}

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
	// What was handed over is one thing and a review another: either makes the person its review guardian, who sees the case.
	if m.user == sc.handedTo {
		hats[handed], hats[hears] = true, false
	}
	if slices.Contains(sc.sentTo, m.user) {
		hats[reviews], hats[hears], hats[handed] = true, true, hats[handed]
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
		authority = authority || worn && (h != deputy || m.delegated || slices.Contains(noAuthority, a))
	}
	switch {
	case !policy:
		return "POLICY"
	case !authority:
		return "AUTHORITY"
	case !sc.possible(m, hats, a, d):
		return "STATE"
	case a == caldicott.RecordDissent && sc.decider() == m.user:
		return "FIELD" // a dissent is against somebody else's decision
	}
	return ""
}

// decider is who took the newest decision, a reviewer's apart.
func (sc *scene) decider() string {
	who := ""
	for _, d := range sc.did {
		if d.deed != caldicott.DecideReview && slices.Contains(makesDecision, d.deed) {
			who = d.by
		}
	}
	return who
}

// noAuthority are the guardian line's deeds that decide nothing: a remark, and dissent, which not delegating must not silence.
var noAuthority = []caldicott.Action{caldicott.Comment, caldicott.RecordDissent, caldicott.AnswerDissent}

// separation is lifecycle.md, "Separation of duties", as far as the cast can come upon it.
func (sc *scene) separation(user string, hats map[hat]bool, a caldicott.Action) string {
	decides := slices.Contains([]caldicott.Action{
		caldicott.Decide, caldicott.SetAside, caldicott.Suspend, caldicott.Revoke, caldicott.Reinstate, caldicott.Vary, caldicott.DecideReview,
	}, a)
	handled := sc.has(caldicott.Triage, user) || sc.has(caldicott.Consult, user) || sc.has(caldicott.PutForward, user) || sc.has(caldicott.Waive, user)
	decided := slices.ContainsFunc(sc.did, func(d deedBy) bool { return d.by == user && slices.Contains(makesDecision, d.deed) })
	tookPart := hats[owesProof] || slices.ContainsFunc(sc.did, func(d deedBy) bool { return d.by == user && d.deed != caldicott.DecideReview })
	switch {
	case decides && (hats[asksFor] || hats[vouches] || hats[ownsAsset]):
		return "SD1"
	case (a == caldicott.Decide || a == caldicott.Vary) && handled:
		return "SD3"
	case a == caldicott.DecideReview && tookPart:
		return "SD5"
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

// makesDecision are the deeds that write a decision.
var makesDecision = []caldicott.Action{
	caldicott.Decide, caldicott.SetAside, caldicott.Suspend, caldicott.Revoke, caldicott.Vary, caldicott.DecideReview,
}

// possible is the map with the guards of lifecycle.md's tables.
func (sc *scene) possible(m member, hats map[hat]bool, a caldicott.Action, d caldicott.Deed) bool {
	if from, ok := permitFrom[a]; ok {
		switch {
		case a == caldicott.Suspend && sc.tripped: // a guardian's own decision beside what a trip-wire did (rehearsal R05)
			return true
		case a == caldicott.RecordSupport && !sc.supported:
			return false
		}
		return slices.Contains(from, sc.permit)
	}
	if _, hangs := hangsOn[a]; hangs { // the decider answers; a review is with whom it was sent to last
		return !sc.over && (a != caldicott.AnswerDissent || sc.decider() == m.user) && (a != caldicott.DecideReview || sc.hears() == m.user)
	}
	if from, ok := demandFrom[a]; ok {
		return slices.Contains(from, sc.demand) && !(a == caldicott.WaiveCondition && sc.resolves)
	}
	state, emergency := sc.state(), sc.c.Request.Emergency
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
		return returned || sc.outcome == vocabulary.OutcomeReviewOverturned
	case caldicott.Close:
		newest := sc.permit
		if newest == "SUPERSEDED" && len(sc.c.Authorisations) > 1 {
			newest = "ACTIVE"
		}
		return !slices.Contains(openStates, newest) && !(sc.pressing && len(sc.waiting()) > 0) && (!sc.reviewed || sc.over)
	case caldicott.RequestReview: // once for each decision, not of a review, and "within 20 working days"
		lastDay := time.Date(2026, 11, 30, 17, 0, 0, 0, time.UTC)
		return !sc.reviewed && !sc.at.After(lastDay)
	}
	return true
}

// openStates are lifecycle.md's "Open".
var openStates = []vocabulary.AuthorisationState{"PENDING_CONDITIONS", "ACTIVE", "REVIEW_DUE", "SUSPENDED"}

// permitFrom: what is open can be varied, renewed and heard of; what has expired can still be asked for anew.
var permitFrom = map[caldicott.Action][]vocabulary.AuthorisationState{
	caldicott.Suspend:       {"ACTIVE", "REVIEW_DUE"},
	caldicott.Reinstate:     {"SUSPENDED"},
	caldicott.Revoke:        openStates,
	caldicott.Complete:      {"ACTIVE", "REVIEW_DUE", "SUSPENDED", "EXPIRED"},
	caldicott.Vary:          openStates,
	caldicott.Renew:         append(slices.Clone(openStates), "EXPIRED"),
	caldicott.RecordSupport: openStates,
}

// demandFrom: lifecycle.md gives OPEN → EVIDENCE_SUBMITTED → SATISFIED, or OVERDUE, BREACHED, WAIVED.
var demandFrom = map[caldicott.Action][]vocabulary.ConditionState{
	caldicott.SubmitEvidence:  {"OPEN", "OVERDUE"},
	caldicott.AcceptEvidence:  {"EVIDENCE_SUBMITTED"},
	caldicott.RejectEvidence:  {"EVIDENCE_SUBMITTED"},
	caldicott.WaiveCondition:  {"OPEN", "EVIDENCE_SUBMITTED", "OVERDUE"},
	caldicott.BreachCondition: {"OPEN", "EVIDENCE_SUBMITTED", "OVERDUE", "SATISFIED"},
}
