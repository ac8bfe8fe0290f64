package casework_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
)

// The matrix: every deed, in every state, by everybody. What must come out is worked out here from lifecycle.md, by
// tables of the test's own; casework is only asked what it does.

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
	caldicott.Comment:          {officer, lead, guardian, deputy, handed, consultee, ownsAsset},
}

// maySee is lifecycle.md, "Visibility"; whoever owns a condition sees the request that it belongs to (policy/README.md).
var maySee = []hat{asksFor, vouches, ownsAsset, owesProof, officer, lead, guardian, deputy, handed, consultee, auditor}

// everybody is the cast: each role, and those in whom something is odd.
func everybody() []member {
	return []member{
		{user: "u-asks"}, {user: "u-sponsor"}, {user: "u-iao"}, {user: "u-colleague"}, {user: "u-owner"},
		{user: "u-officer", roles: []vocabulary.Role{vocabulary.RoleIgOfficer}},
		{user: "u-officer-b", roles: []vocabulary.Role{vocabulary.RoleIgOfficer}},
		{user: "u-lead", roles: []vocabulary.Role{vocabulary.RoleIgLead}},
		{user: "u-dpo", roles: []vocabulary.Role{vocabulary.RoleDpo}},
		{user: "u-siro", roles: []vocabulary.Role{vocabulary.RoleSiro}},
		{user: "u-legal", roles: []vocabulary.Role{vocabulary.RoleLegal}},
		{user: "u-cyber", roles: []vocabulary.Role{vocabulary.RoleCyber}},
		{user: "u-research", roles: []vocabulary.Role{vocabulary.RoleResearchOffice}},
		{user: "u-safe", roles: []vocabulary.Role{vocabulary.RoleSafeguardingLead}},
		{user: "u-cso", roles: []vocabulary.Role{vocabulary.RoleClinicalSafetyOfficer}},
		{user: "u-guardian", roles: []vocabulary.Role{vocabulary.RoleCaldicottGuardian}},
		{user: "u-guardian-b", roles: []vocabulary.Role{vocabulary.RoleCaldicottGuardian}},
		{user: "u-deputy", roles: []vocabulary.Role{vocabulary.RoleDeputyGuardian}, delegated: true},
		{user: "u-deputy-idle", roles: []vocabulary.Role{vocabulary.RoleDeputyGuardian}},
		{user: "u-lead-deputy", roles: []vocabulary.Role{vocabulary.RoleIgLead, vocabulary.RoleDeputyGuardian}, delegated: true},
		{user: "u-review", roles: []vocabulary.Role{vocabulary.RoleReviewGuardian}, elsewhere: true},
		{user: "u-review-idle", roles: []vocabulary.Role{vocabulary.RoleReviewGuardian}, elsewhere: true},
		{user: "u-approver", roles: []vocabulary.Role{vocabulary.RoleEmergencyApprover}},
		{user: "u-auditor", roles: []vocabulary.Role{vocabulary.RoleAuditor}},
		{user: "u-board", roles: []vocabulary.Role{vocabulary.RoleBoardViewer}},
		{user: "u-admin", roles: []vocabulary.Role{vocabulary.RoleSystemAdmin}},
		{user: "u-was-guardian", roles: []vocabulary.Role{vocabulary.RoleIgOfficer}, lapsed: []vocabulary.Role{vocabulary.RoleCaldicottGuardian}},
		{user: "u-was-officer", lapsed: []vocabulary.Role{vocabulary.RoleIgOfficer}},
		{user: "u-foreign", roles: []vocabulary.Role{vocabulary.RoleCaldicottGuardian}, elsewhere: true},
		{user: "u-gone", roles: []vocabulary.Role{vocabulary.RoleCaldicottGuardian}, inactive: true},
	}
}

// scene is a request brought somewhere by real deeds, with what the test knows of it because it did them.
type scene struct {
	*stage
	name      string
	c         caldicott.Case
	at        time.Time // when the matrix asks; zero: as soon as it is there
	did       []deedBy
	outcome   vocabulary.Outcome // of the newest decision
	mandatory []vocabulary.Role
	pressing  bool // or an emergency
	handedTo  string

	subject  string // the authorisation or condition
	permit   vocabulary.AuthorisationState
	demand   vocabulary.ConditionState
	resolves bool
}

type deedBy struct {
	deed caldicott.Action
	by   string
	role vocabulary.Role // of advise, consult and waive
}

func (s *stage) scene(name string, content caldicott.Content) *scene {
	sc := &scene{stage: s, name: name, mandatory: []vocabulary.Role{vocabulary.RoleDpo, vocabulary.RoleIao}}
	switch content.Kind {
	case vocabulary.KindSafeguarding:
		sc.pressing, sc.mandatory = true, []vocabulary.Role{vocabulary.RoleSafeguardingLead}
	case vocabulary.KindEmergencyOutOfHours:
		sc.pressing, sc.mandatory = true, []vocabulary.Role{vocabulary.RoleLegal}
		sc.c = s.begin("u-asks", caldicott.RecordingEmergency{Content: content}).Case
		return sc
	}
	sc.c = s.begin("u-asks", caldicott.Drafting{Content: content}).Case
	return sc
}

// by does deeds and remembers what follows from them.
func (sc *scene) by(user string, deeds ...caldicott.Deed) *scene {
	sc.t.Helper()
	for _, d := range deeds {
		done := deedBy{deed: d.Action(), by: user}
		switch d := d.(type) {
		case caldicott.Advising:
			done.role = d.Role
		case caldicott.Waiving:
			done.role = d.Consultee
		case caldicott.Consulting:
			for _, role := range append(slices.Clone(sc.mandatory), d.Consultees...) {
				sc.did = append(sc.did, deedBy{caldicott.Consult, user, role})
			}
		case caldicott.Deciding:
			sc.outcome = d.Outcome
		case caldicott.SettingAside:
			sc.outcome = d.Outcome
		case caldicott.HandingBack:
			sc.handedTo = d.To
		}
		sc.c = sc.mustTo(user, sc.c, sc.subject, d)
		sc.did = append(sc.did, done)
	}
	return sc
}

func (sc *scene) aboutAuthorisation(state vocabulary.AuthorisationState) *scene {
	sc.subject, sc.permit = sc.c.Authorisations[0].ID, state
	return sc
}

func (sc *scene) aboutCondition(state vocabulary.ConditionState) *scene {
	sc.subject, sc.demand = sc.c.Conditions[0].ID, state
	return sc
}

func (sc *scene) later(days int) *scene {
	sc.at = monday.AddDate(0, 0, days)
	return sc
}

func (sc *scene) has(a caldicott.Action, by string) bool {
	return slices.ContainsFunc(sc.did, func(d deedBy) bool { return d.deed == a && d.by == by })
}

func (sc *scene) asked(role vocabulary.Role) bool {
	return slices.ContainsFunc(sc.did, func(d deedBy) bool { return d.deed == caldicott.Consult && d.role == role })
}

func (sc *scene) settled(role vocabulary.Role) bool {
	return slices.ContainsFunc(sc.did, func(d deedBy) bool {
		return (d.deed == caldicott.Advise || d.deed == caldicott.Waive) && d.role == role
	})
}

func (sc *scene) waiting() []vocabulary.Role {
	return slices.DeleteFunc(slices.Clone(sc.mandatory), sc.settled)
}

// opener is who holds the case open: whoever opened it last, unless it was handed back or put forward since.
func (sc *scene) opener() string {
	who := ""
	for _, d := range sc.did {
		switch d.deed {
		case caldicott.Open:
			who = d.by
		case caldicott.HandBack, caldicott.PutForward, caldicott.SeekRatification:
			who = ""
		}
	}
	return who
}

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
	case caldicott.HandBack, caldicott.Decide:
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

// deed gives each deed a body that nothing is wrong with, in the mouth of the person.
func (sc *scene) deed(a caldicott.Action, m member) caldicott.Deed {
	switch a {
	case caldicott.Amend:
		return caldicott.Amending{Content: sc.content()}
	case caldicott.Submit:
		return caldicott.Submitting{}
	case caldicott.Triage:
		return caldicott.Triaging{}
	case caldicott.Ask:
		return caldicott.Asking{Questions: []caldicott.Question{{Text: "Why?"}}}
	case caldicott.Answer:
		return caldicott.Answering{Answers: []caldicott.Answered{{Question: 1, Text: "Because."}}}
	case caldicott.Consult:
		return caldicott.Consulting{}
	case caldicott.Advise:
		role := vocabulary.RoleDpo
		if m.user == "u-iao" {
			role = vocabulary.RoleIao
		} else if len(m.roles) > 0 && caldicott.Consultable(m.roles[0]) {
			role = m.roles[0]
		}
		return caldicott.Advising{Role: role, View: vocabulary.ViewSupport, Text: "Fine."}
	case caldicott.Waive:
		role := vocabulary.RoleCyber // nobody is ever asked that
		if waiting := sc.waiting(); len(waiting) > 0 {
			role = waiting[0]
		}
		return caldicott.Waiving{Consultee: role, Reason: "Away."}
	case caldicott.PutForward:
		return caldicott.PuttingForward{Recommendation: "Approve."}
	case caldicott.SetAside:
		return caldicott.SettingAside{Outcome: vocabulary.OutcomeNotRequired, Reason: "Anonymous."}
	case caldicott.Open:
		return caldicott.Opening{Conflict: vocabulary.ConflictNone}
	case caldicott.HandBack:
		return caldicott.HandingBack{Reason: "Conflict.", To: "u-colleague"}
	case caldicott.Decide:
		if sc.c.Request.Emergency {
			return decision(vocabulary.OutcomeDeclineToRatify)
		}
		return decision(vocabulary.OutcomeRefuse)
	case caldicott.Withdraw:
		return caldicott.Withdrawing{Reason: "Not needed."}
	case caldicott.Resubmit:
		return caldicott.Resubmitting{Content: sc.content()}
	case caldicott.Close:
		return caldicott.Closing{Reason: "Over."}
	case caldicott.SeekRatification:
		return caldicott.SeekingRatification{}
	case caldicott.Comment:
		return caldicott.Commenting{Text: "Noted."}
	case caldicott.Disclose:
		return caldicott.Disclosing{Recipient: "TST02", Method: vocabulary.TransferMethodMesh}
	case caldicott.Suspend:
		return caldicott.Suspending{Reason: "Incident."}
	case caldicott.Reinstate:
		return caldicott.Reinstating{Reason: "Cleared."}
	case caldicott.Revoke:
		return caldicott.Revoking{Reason: "Misuse."}
	case caldicott.Complete:
		return caldicott.Completing{}
	case caldicott.SubmitEvidence:
		return caldicott.SubmittingEvidence{Text: "Here."}
	case caldicott.AcceptEvidence:
		return caldicott.AcceptingEvidence{}
	case caldicott.RejectEvidence:
		return caldicott.RejectingEvidence{Reason: "Incomplete."}
	case caldicott.WaiveCondition:
		return caldicott.WaivingCondition{Reason: "Moot."}
	case caldicott.BreachCondition:
		return caldicott.BreachingCondition{Text: "Broken."}
	}
	panic(a)
}

// content is the case's own, as its requester would send it again.
func (sc *scene) content() caldicott.Content {
	c := sc.c.Content()
	c.Conflicts = nil
	return c
}

// answered brings a request to where everybody who must be asked has answered and it is put forward.
func (s *stage) answered(name string, content caldicott.Content) *scene {
	sc := s.scene(name, content)
	sc.by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{}, caldicott.Consulting{})
	sc.by("u-dpo", caldicott.Advising{Role: vocabulary.RoleDpo, View: vocabulary.ViewSupport, Text: "Fine."})
	sc.by("u-iao", caldicott.Advising{Role: vocabulary.RoleIao, View: vocabulary.ViewSupport, Text: "Fine."})
	return sc.by("u-officer", caldicott.PuttingForward{Recommendation: "Approve."})
}

func (s *stage) decidedOn(name string, d caldicott.Deciding) *scene {
	return s.answered(name, sound()).by("u-guardian", caldicott.Opening{Conflict: vocabulary.ConflictNone}, d)
}

func (s *stage) conditioned(name string, x caldicott.ConditionAsked) *scene {
	d := decision(vocabulary.OutcomeApproveWithConditions)
	x.Text, x.Owner = "Show it.", "u-owner"
	d.Conditions = []caldicott.ConditionAsked{x}
	return s.decidedOn(name, d)
}

// scenes are the twelve states, some of them twice for what their guards turn on, and the states of authorisations and
// conditions.
func (s *stage) scenes() []*scene {
	triage, none := caldicott.Triaging{}, caldicott.Opening{Conflict: vocabulary.ConflictNone}
	ask := caldicott.Asking{Questions: []caldicott.Question{{Field: "purpose", Text: "Why?"}}}
	forward := caldicott.PuttingForward{Recommendation: "Approve."}
	submitted := func(name string, c caldicott.Content) *scene {
		return s.scene(name, c).by("u-asks", caldicott.Submitting{})
	}
	ready := func(name string) *scene {
		return submitted(name, sound()).by("u-officer", triage, caldicott.Consulting{Consultees: []vocabulary.Role{vocabulary.RoleLegal}}).
			by("u-legal", caldicott.Advising{Role: vocabulary.RoleLegal, View: vocabulary.ViewObject, Text: "No."}).by("u-officer", forward)
	}
	night := func(name string) *scene { return s.scene(name, emergency(monday.Add(-time.Hour))) }
	precedent := caldicott.ConditionAsked{Type: vocabulary.ConditionTypePrecedent}
	ongoing := caldicott.ConditionAsked{Type: vocabulary.ConditionTypeOngoing}
	deadline := caldicott.ConditionAsked{Type: vocabulary.ConditionTypeDeadline, Due: "2026-11-10"}

	again := submitted("TRIAGE, everybody answered", sound()).by("u-officer", triage, caldicott.Consulting{})
	again.by("u-dpo", caldicott.Advising{Role: vocabulary.RoleDpo, View: vocabulary.ViewSupport, Text: "Fine."})
	again.by("u-lead", caldicott.Waiving{Consultee: vocabulary.RoleIao, Reason: "Away."})
	again.by("u-officer", ask).by("u-asks", caldicott.Answering{Answers: []caldicott.Answered{{Question: 1, Text: "So."}}})

	unfinished := sound()
	unfinished.Retention = caldicott.Retention{}
	resolved := s.answered("condition OPEN, resolves a finding", unfinished)
	withResolving := decision(vocabulary.OutcomeApproveWithConditions)
	withResolving.Conditions = []caldicott.ConditionAsked{{Type: vocabulary.ConditionTypePrecedent, Text: "Say how long.", Owner: "u-owner", Resolves: []vocabulary.Rule{vocabulary.RuleV017}}}
	resolved.by("u-guardian", none, withResolving)
	resolved.resolves = true

	rushed := submitted("DECIDED, pressing, nobody answered", pressing()).by("u-officer", triage, forward).by("u-guardian", none, decision(vocabulary.OutcomeApprove))
	approved := func(name string) *scene { return s.decidedOn(name, decision(vocabulary.OutcomeApprove)) }
	closed := s.decidedOn("CLOSED", decision(vocabulary.OutcomeRefuse)).by("u-lead", caldicott.Closing{})
	ratified := night("DECIDED, ratified").by("u-officer", caldicott.SeekingRatification{}, caldicott.Consulting{})
	ratified.by("u-legal", caldicott.Advising{Role: vocabulary.RoleLegal, View: vocabulary.ViewSupport, Text: "Fine."})
	ratified.by("u-guardian", none, decision(vocabulary.OutcomeRatify))

	suspend, evidence := caldicott.Suspending{Reason: "Incident."}, caldicott.SubmittingEvidence{Text: "Here."}
	return []*scene{
		s.scene("DRAFT", sound()),
		submitted("SUBMITTED", sound()),
		submitted("TRIAGE", sound()).by("u-officer", triage),
		again,
		submitted("TRIAGE, pressing", pressing()).by("u-officer", triage),
		submitted("AWAITING_INFORMATION", sound()).by("u-officer", triage, ask),
		submitted("IN_CONSULTATION", sound()).by("u-officer", triage, caldicott.Consulting{}),
		ready("READY_FOR_DECISION"),
		ready("IN_REVIEW").by("u-guardian", none),
		ready("IN_REVIEW, by whom it was handed to").by("u-guardian", none, caldicott.HandingBack{Reason: "Conflict.", To: "u-review"}).by("u-review", none),
		ready("READY_FOR_DECISION, handed to the deputy").by("u-guardian", none, caldicott.HandingBack{Reason: "Leave.", To: "u-deputy"}),
		s.decidedOn("DECIDED, deferred", decision(vocabulary.OutcomeDefer)),
		s.decidedOn("DECIDED", decision(vocabulary.OutcomeRefuse)),
		rushed.aboutAuthorisation("ACTIVE"),
		submitted("DECIDED, set aside", sound()).by("u-officer", triage).by("u-lead", caldicott.SettingAside{Outcome: vocabulary.OutcomeOutOfRemit, Reason: "Not ours."}),
		night("EMERGENCY_RECORDED"),
		night("AWAITING_RATIFICATION").by("u-asks", caldicott.SeekingRatification{}),
		night("IN_REVIEW, an emergency").by("u-asks", caldicott.SeekingRatification{}).by("u-deputy", none),
		ratified.aboutAuthorisation("COMPLETED"),
		submitted("WITHDRAWN", sound()).by("u-asks", caldicott.Withdrawing{Reason: "No."}),
		closed,

		approved("authorisation ACTIVE").aboutAuthorisation("ACTIVE"),
		approved("authorisation REVIEW_DUE").aboutAuthorisation("REVIEW_DUE").later(29),
		approved("authorisation EXPIRED").aboutAuthorisation("EXPIRED").later(60),
		approved("authorisation SUSPENDED").aboutAuthorisation("SUSPENDED").by("u-guardian", suspend),
		approved("authorisation REVOKED").aboutAuthorisation("REVOKED").by("u-guardian", caldicott.Revoking{Reason: "Misuse."}),
		approved("authorisation COMPLETED").aboutAuthorisation("COMPLETED").by("u-officer-b", caldicott.Completing{}),
		s.conditioned("authorisation PENDING_CONDITIONS", precedent).aboutAuthorisation("PENDING_CONDITIONS"),

		s.conditioned("condition OPEN", ongoing).aboutCondition("OPEN"),
		s.conditioned("condition EVIDENCE_SUBMITTED", precedent).aboutCondition("EVIDENCE_SUBMITTED").by("u-owner", evidence),
		s.conditioned("condition SATISFIED", precedent).aboutCondition("SATISFIED").by("u-owner", evidence).by("u-guardian", caldicott.AcceptingEvidence{}),
		s.conditioned("condition OVERDUE", deadline).aboutCondition("OVERDUE").later(20),
		s.conditioned("condition WAIVED", precedent).aboutCondition("WAIVED").by("u-guardian", caldicott.WaivingCondition{Reason: "Moot."}),
		s.conditioned("condition BREACHED", ongoing).aboutCondition("BREACHED").by("u-officer-b", caldicott.BreachingCondition{Text: "Broken."}),
		resolved.aboutCondition("OPEN"),
	}
}

// undoing takes back every deed that was done, so that one scene serves for all; refusals stay in the trail.
type undoing struct{ caldicott.Store }

type undone struct{ change caldicott.Change }

func (undone) Error() string { return "done, and taken back" }

type undoingTx struct {
	caldicott.Tx
	saved *caldicott.Change
}

func (u undoing) InTx(ctx context.Context, f func(caldicott.Tx) error) error {
	return u.Store.InTx(ctx, func(tx caldicott.Tx) error {
		w := &undoingTx{Tx: tx}
		if err := f(w); err != nil || w.saved == nil {
			return err
		}
		return undone{*w.saved}
	})
}

func (u *undoingTx) SaveCase(ctx context.Context, c caldicott.Change) error {
	u.saved = &c
	return u.Tx.SaveCase(ctx, c)
}

// deedsHere are the deeds that can be asked of the scene: those on the request, and those on what it is about.
func (sc *scene) deedsHere() []caldicott.Action {
	switch {
	case sc.demand != "":
		return caldicott.ConditionDeeds()
	case strings.HasPrefix(sc.name, "authorisation"):
		return append(caldicott.AuthorisationDeeds(), caldicott.Close)
	}
	deeds := slices.DeleteFunc(caldicott.RequestDeeds(), func(a caldicott.Action) bool {
		return a == caldicott.Draft || a == caldicott.RecordEmergency
	})
	if sc.permit != "" {
		deeds = append(deeds, caldicott.AuthorisationDeeds()...)
	}
	return deeds
}

// refusalKey is what the trail knows a refusal by.
type refusalKey struct {
	Actor  string `db:"actor"`
	Action string `db:"action"`
	Rule   string `db:"rule"`
}

func TestEveryDeedInEveryStateByEverybodyComesOutAsTheLifecycleSays(t *testing.T) {
	t.Parallel()
	cast := everybody()
	s := open(t, cast...)
	scenes := s.scenes()
	seen := map[caldicott.State]bool{}
	for _, sc := range scenes {
		seen[sc.c.Request.State] = true
	}
	for _, state := range caldicott.States() {
		if !seen[state] {
			t.Errorf("no scene is in %s", state)
		}
	}
	trail := s.superuser()
	for _, sc := range scenes {
		again := !slices.Contains([]string{"condition OPEN", "authorisation ACTIVE"}, sc.name) && !slices.Contains(caldicott.States(), caldicott.State(sc.name))
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			at := *sc
			at.stage = s.on(undoing{s.store})
			if !sc.at.IsZero() {
				at.stage.clock.put(sc.at)
			}
			want := map[refusalKey]int{}
			for _, m := range cast {
				if again && len(at.hats(m)) == 0 {
					continue // a stranger is a stranger in each scene of the state
				}
				for _, a := range at.deedsHere() {
					if rule := at.compare(t, m, a); rule != "" {
						want[refusalKey{s.people[m.user].ID, string(a), rule}]++
					}
				}
			}
			got := map[refusalKey]int{}
			var rows []struct {
				refusalKey
				N int `db:"n"`
			}
			err := trail.Select(&rows, `SELECT CAST(actor_id AS text) AS actor, action, rule, count(*) AS n FROM audit.entries
				WHERE outcome = 'refused' AND request_id = $1 AND seq IS NULL GROUP BY 1, 2, 3`, sc.c.Request.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				got[r.refusalKey] = r.N
			}
			if !maps.Equal(got, want) {
				t.Errorf("the trail holds %d kinds of refusal, %d were given", len(got), len(want))
				for k, n := range want {
					if got[k] != n {
						t.Errorf("refused %d times, recorded %d times: %+v", n, got[k], k)
					}
				}
			}
		})
	}
}

// compare does one deed and gives the rule that refused it.
func (sc *scene) compare(t *testing.T, m member, a caldicott.Action) string {
	t.Helper()
	d := sc.deed(a, m)
	_, err := sc.may(m.user, sc.c, sc.subject, d)
	taken, done := errors.AsType[undone](err)
	got := code(err)
	if done {
		got = ""
	}
	if want := sc.expect(m, a, d); got != want {
		t.Errorf("%s by %s: %q, want %q (%v)", a, m.user, got, want, err)
	}
	if done {
		to, ok := caldicott.Next(sc.c.Request.State, a)
		if !ok {
			to = sc.c.Request.State
		}
		if e := taken.change.Event; taken.change.Request.State != to || e.To != to || e.From != sc.c.Request.State || e.PolicyLine == "" || !e.Chained {
			t.Errorf("%s by %s left %s with %+v, want %s", a, m.user, taken.change.Request.State, e, to)
		}
		return ""
	}
	kinds := map[string]caldicott.Kind{"NOT_FOUND": caldicott.NotFound, "STATE": caldicott.Conflict, "POLICY": caldicott.Forbidden, "AUTHORITY": caldicott.Forbidden}
	kind, ok := kinds[got]
	if !ok {
		kind = caldicott.Forbidden // SDn
	}
	if caldicott.KindOf(err) != kind {
		t.Errorf("%s by %s: %v is of kind %d", a, m.user, err, caldicott.KindOf(err))
	}
	return got
}

// Everybody on the staff may ask, but for those who judge, watch or administer.
func TestWhoMayBeginARequest(t *testing.T) {
	t.Parallel()
	cast := everybody()
	s := open(t, cast...)
	trail := s.superuser()
	barred := []vocabulary.Role{vocabulary.RoleAuditor, vocabulary.RoleBoardViewer, vocabulary.RoleSystemAdmin, vocabulary.RoleReviewGuardian}
	for _, deed := range []caldicott.Deed{
		caldicott.Drafting{Content: sound()},
		caldicott.RecordingEmergency{Content: emergency(monday.Add(-time.Hour))},
	} {
		for _, m := range cast {
			want := ""
			if m.inactive || slices.ContainsFunc(m.roles, func(r vocabulary.Role) bool { return slices.Contains(barred, r) }) {
				want = "POLICY"
			}
			r, err := s.service.Begin(t.Context(), casework.Call{By: s.people[m.user]}, deed)
			got := code(err)
			if m.user == "u-auditor" && got == "SD7" || m.user == "u-admin" && got == "SD8" {
				got = "POLICY" // separation of duties comes first and says the same
			}
			if got != want {
				t.Errorf("%s by %s: %q, want %q", deed.Action(), m.user, code(err), want)
			}
			if err == nil && (r.Case.Request.Requester != m.user || r.Case.Request.OrganisationID != s.people[m.user].OrganisationID) {
				t.Errorf("%s by %s made %+v", deed.Action(), m.user, r.Case.Request)
			}
			refusals := count(t, trail, `SELECT count(*) FROM audit.entries WHERE actor_id = $1 AND action = $2 AND outcome = 'refused' AND rule = $3`,
				s.people[m.user].ID, string(deed.Action()), code(err))
			if expected := min(len(want), 1); refusals != expected {
				t.Errorf("%s by %s: %d refusals in the trail, want %d", deed.Action(), m.user, refusals, expected)
			}
		}
	}
}

// What is asked earlier answers, whatever is wrong further down: lifecycle.md, "Order of checks".
func TestTheFirstCheckThatFailsAnswers(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	sc := s.answered("", sound()).by("u-guardian", caldicott.Opening{Conflict: vocabulary.ConflictNone})
	c, target := sc.c, casework.Target{Noun: caldicott.Requests, ID: sc.c.Request.ID}
	wrong := caldicott.Deciding{Outcome: "BANANA", Rationale: "ref 9990123454"}
	invalid := []caldicott.FieldError{{Field: "outcome", Code: caldicott.CodeField}}
	for _, step := range []struct {
		name    string
		by      string
		match   int
		target  casework.Target
		deed    caldicott.Deed
		invalid []caldicott.FieldError
		want    string
	}{
		{"nothing there", "u-guardian", 0, casework.Target{Noun: caldicott.Requests, ID: house.NewID()}, wrong, invalid, "NOT_FOUND"},
		{"404 before 428", "u-colleague", 0, target, wrong, invalid, "NOT_FOUND"},
		{"428 before separation of duties", "u-asks", 0, target, wrong, invalid, "PRECONDITION"},
		{"separation of duties before policy, 412 and 422", "u-asks", 999, target, wrong, invalid, "SD1"},
		{"policy before 412 and 422", "u-lead", 999, target, wrong, invalid, "POLICY"},
		{"authority before 412 and 422", "u-deputy-idle", 999, target, wrong, invalid, "AUTHORITY"},
		{"409 before 412 and 422", "u-guardian-b", 999, target, wrong, invalid, "STATE"},
		{"412 before 422", "u-guardian", 999, target, wrong, invalid, "STALE"},
		{"422 by the rule that matters most", "u-guardian", c.Request.Revision, target, wrong, invalid, "V013"},
		{"422 by what the body had wrong", "u-guardian", c.Request.Revision, target, decision(vocabulary.OutcomeRefuse), invalid, "FIELD"},
	} {
		call := casework.Call{By: s.people[step.by], IfMatch: step.match, Invalid: step.invalid}
		if _, err := s.service.Do(t.Context(), call, step.target, step.deed); code(err) != step.want {
			t.Errorf("%s: %q, want %q", step.name, code(err), step.want)
		}
	}
	trail := s.superuser()
	var rules []string
	if err := trail.Select(&rules, `SELECT rule FROM audit.entries WHERE outcome = 'refused' AND request_id = $1 AND action = 'decide' ORDER BY id`, c.Request.ID); err != nil {
		t.Fatal(err)
	}
	if want := []string{"NOT_FOUND", "SD1", "POLICY", "AUTHORITY", "STATE", "V013"}; !slices.Equal(rules, want) {
		t.Errorf("refusals in the trail: %q, want %q (404 of what exists, 403, 409 and 422 by a rule)", rules, want)
	}
	if n := count(t, trail, `SELECT count(*) FROM audit.entries WHERE encode(canon, 'escape') LIKE '%9990123454%'`); n != 0 {
		t.Errorf("%d entries repeat what the guard saw", n)
	}
	if got := fmt.Sprint(count(t, trail, `SELECT count(*) FROM audit.entries WHERE action = 'guard_fired' AND request_id = $1`, c.Request.ID)); got != "1" {
		t.Errorf("the guard's firing was recorded %s times", got)
	}
}
