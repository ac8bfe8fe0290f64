package casework_test

import (
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/house"
)

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

	subject   string // the authorisation, the condition, or what hangs on the request
	permit    vocabulary.AuthorisationState
	demand    vocabulary.ConditionState
	resolves  bool
	tripped   bool // suspended by a trip-wire and by nobody's decision
	supported bool // rests on section 251 support
	ratified  bool // the authorisation ratifies what has happened
	hangs     caldicott.Noun
	over      bool     // the review is decided, the dissent answered, the document erased
	reviewed  bool     // a review of the newest decision was asked for
	sentTo    []string // to whom a review was sent; the last one hears it
	lapsed    bool     // a date has closed it
}

// state is where the request stands when the matrix asks.
func (sc *scene) state() caldicott.State {
	if sc.lapsed {
		return vocabulary.StateClosed
	}
	return sc.c.Request.State
}

// hears is who hears the review of the scene.
func (sc *scene) hears() string {
	if len(sc.sentTo) == 0 {
		return ""
	}
	return sc.sentTo[len(sc.sentTo)-1]
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
		case caldicott.DecidingReview:
			if sc.over = true; d.Outcome != vocabulary.OutcomeReviewUpheld {
				sc.outcome = d.Outcome
			}
		}
		sc.c = sc.mustTo(user, sc.c, sc.subject, d)
		sc.did = append(sc.did, done)
		if d.Action() == caldicott.RequestReview || d.Action() == caldicott.InviteReviewer {
			sc.reviewed, sc.sentTo = true, append(sc.sentTo, sentTo(sc.c))
		}
	}
	return sc
}

// sentTo is to whom the newest deed of asking for a review or inviting a reviewer sent it.
func sentTo(c caldicott.Case) string {
	for _, d := range slices.Backward(c.Done) {
		if d.Deed == caldicott.RequestReview || d.Deed == caldicott.InviteReviewer {
			return d.Target
		}
	}
	return ""
}

// about makes the scene one of what the newest deed of the kind made.
func (sc *scene) about(noun caldicott.Noun, made caldicott.Action) *scene {
	sc.hangs, sc.subject = noun, newest(sc.c, made)
	return sc
}

// now reads the case anew: something was done to it from elsewhere.
func (sc *scene) now() *scene {
	sc.c = sc.read(sc.c)
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
		return caldicott.HandingBack{Reason: "Conflict.", To: "u-guardian-b"}
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
	case caldicott.Vary:
		return varying
	case caldicott.Renew:
		return caldicott.Renewing{}
	case caldicott.RecordSupport:
		return caldicott.RecordingSupport{Support: caldicott.Support{Status: vocabulary.S251StatusFullSupport, AnnualReviewDue: "2027-12-31"}}
	case caldicott.RequestReview:
		return askingAgain
	case caldicott.InviteReviewer:
		return caldicott.InvitingReviewer{Reviewer: "u-review-idle", Reason: "Away."}
	case caldicott.DecideReview:
		return caldicott.DecidingReview{Outcome: vocabulary.OutcomeReviewUpheld, Reason: "Weighed well."}
	case caldicott.RecordDissent:
		return caldicott.RecordingDissent{View: "I would not."}
	case caldicott.AnswerDissent:
		return caldicott.AnsweringDissent{View: "I would."}
	case caldicott.RecordNotFollowed:
		return caldicott.RecordingNotFollowed{Who: "The chief executive", Reason: "Time."}
	case caldicott.LinkIncident:
		return caldicott.LinkingIncident{Report: caldicott.IncidentReport{Number: "INC-1"}}
	case caldicott.UpdateIncident:
		return caldicott.UpdatingIncident{Report: caldicott.IncidentReport{Lessons: "Look twice."}}
	case caldicott.LinkRisk:
		return caldicott.LinkingRisk{Risk: caldicott.Risking{Register: vocabulary.RiskRegisterRiskRegister, Reference: "R-1"}}
	case caldicott.Attach:
		return attaching()
	case caldicott.EraseDocument:
		return caldicott.ErasingDocument{Reason: "Sent by mistake."}
	}
	panic(a)
}

var (
	askingAgain = caldicott.RequestingReview{Ground: vocabulary.ReviewGroundDisproportionate, Text: "Too strict."}
	varying     = caldicott.Varying{Rationale: "A little longer.", Principles: judged(), ReviewDate: "2026-12-20", ExpiryDate: "2027-01-31"}
	renewed     = caldicott.Submitting{Rechecked: []vocabulary.Recheck{
		vocabulary.RecheckOptOut, vocabulary.RecheckSection251, vocabulary.RecheckDspt, vocabulary.RecheckRecipients, vocabulary.RecheckAgreements,
	}}
)

// attaching is a paper whose bytes need no scanner.
func attaching() caldicott.Attaching {
	return caldicott.Attaching{ID: house.NewID(), Unscanned: true, Filed: caldicott.Filed{
		Name: "agreement.pdf", MediaType: "application/pdf", Size: 1, SHA256: strings.Repeat("ab", 32),
	}}
}

// suspending is an incident that suspends the scene's newest authorisation.
func (sc *scene) suspending() caldicott.LinkingIncident {
	return caldicott.LinkingIncident{Report: caldicott.IncidentReport{
		Number: "INC-7", Authorisation: sc.c.Authorisations[len(sc.c.Authorisations)-1].ID, Suspends: true,
	}}
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

// renewal begins and hands in a renewal of the newest authorisation of the case, to where it is decided.
func (s *stage) renewal(of *scene) *scene {
	of.t.Helper()
	sc := &scene{stage: s, mandatory: of.mandatory}
	sc.c = s.mustTo("u-asks", of.c, of.c.Authorisations[len(of.c.Authorisations)-1].ID, caldicott.Renewing{})
	sc.by("u-asks", renewed).by("u-officer", caldicott.Triaging{}, caldicott.Consulting{}).by("u-dpo", supports).by("u-iao", agrees)
	return sc.by("u-officer", caldicott.PuttingForward{Recommendation: "Renew."}).by("u-guardian", unconflicted)
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

	ratified.ratified = true
	until := decision(vocabulary.OutcomeDefer)
	until.ReviewDate = "2026-11-20"
	lapsed := s.decidedOn("CLOSED, by the date of the deferral", until).later(19)
	lapsed.lapsed = true
	incident := approved("authorisation SUSPENDED, by an incident")
	incident.by("u-officer-b", incident.suspending()).aboutAuthorisation("SUSPENDED").tripped = true
	overdue := s.conditioned("authorisation SUSPENDED, its condition long overdue", deadline).aboutAuthorisation("SUSPENDED").later(20)
	overdue.tripped = true
	varied := func(name string) *scene { return approved(name).aboutAuthorisation("ACTIVE").by("u-guardian", varying) }
	after := varied("authorisation ACTIVE, in place of another")
	after.subject = after.c.Authorisations[1].ID
	old := approved("authorisation SUPERSEDED, by its renewal")
	s.renewal(old).by("u-guardian", decision(vocabulary.OutcomeRenew))
	rests := s.answered("authorisation ACTIVE, on section 251 support", supported("2027-06-30")).by("u-guardian", none, decision(vocabulary.OutcomeApprove))
	rests.supported = true

	return slices.Concat(s.hangingScenes(), []*scene{
		lapsed,
		s.decidedOn("DECIDED, a review overturned it", decision(vocabulary.OutcomeRefuse)).by("u-lead", askingAgain).
			about("", caldicott.RequestReview).by("u-review", caldicott.DecidingReview{Outcome: vocabulary.OutcomeReviewOverturned, Reason: "Weighed wrongly."}),
		incident, overdue, after, rests.aboutAuthorisation("ACTIVE"),
		varied("authorisation SUPERSEDED, by another of the request").aboutAuthorisation("SUPERSEDED"),
		old.now().aboutAuthorisation("SUPERSEDED"),

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
	})
}

// hangingScenes are those of what hangs on a request.
func (s *stage) hangingScenes() []*scene {
	refused := func(name string) *scene { return s.decidedOn(name, decision(vocabulary.OutcomeRefuse)) }
	asked := func(name string) *scene {
		return refused(name).by("u-asks", askingAgain).about(caldicott.Reviews, caldicott.RequestReview)
	}
	dissent := func(name string) *scene {
		return refused(name).by("u-guardian-b", caldicott.RecordingDissent{View: "I would not."}).about(caldicott.Dissents, caldicott.RecordDissent)
	}
	document := func(name string) *scene {
		return refused(name).by("u-asks", attaching()).about(caldicott.Documents, caldicott.Attach)
	}
	answered := dissent("dissent answered").by("u-guardian", caldicott.AnsweringDissent{View: "I would."})
	erased := document("document ERASED").by("u-lead", caldicott.ErasingDocument{Reason: "Sent by mistake."})
	answered.over, erased.over = true, true
	return []*scene{
		asked("review OPEN"),
		asked("review OPEN, at another organisation's guardian").by("u-lead", caldicott.InvitingReviewer{Reviewer: "u-foreign", Reason: "Not free."}),
		refused("review OPEN, of a closed request").by("u-officer-b", caldicott.Closing{}).by("u-lead", askingAgain).about(caldicott.Reviews, caldicott.RequestReview),
		asked("review DECIDED").by("u-review", caldicott.DecidingReview{Outcome: vocabulary.OutcomeReviewUpheld, Reason: "Weighed well."}),
		dissent("dissent waiting"), answered,
		refused("incident").by("u-asks", caldicott.LinkingIncident{Report: caldicott.IncidentReport{Number: "INC-1"}}).about(caldicott.Incidents, caldicott.LinkIncident),
		document("document CLEAN"), erased,
	}
}
