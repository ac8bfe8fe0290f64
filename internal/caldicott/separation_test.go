package caldicott

import (
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A case being separated: a sound request in review, and whoever tries something.
func turn(t testing.TB, userID string, change func(x *Turn)) *Turn {
	t.Helper()
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	x := &Turn{
		House: &House{Rules: testRulebook(), Consultees: shippedConsultees(t)}, Now: now,
		By: Actor{Person: Person{ID: "p", UserID: userID, OrganisationID: "org", Active: true}},
		Case: &Case{
			Request: Request{ID: "r", OrganisationID: "org", Requester: "u-asks", State: reviewing, Version: 1},
			Current: Version{N: 1, Content: sound()},
		},
		NewID: func() string { return "id" },
	}
	if change != nil {
		change(x)
	}
	return x
}

func (t *Turn) appoint(role vocabulary.Role) {
	t.By.Appointments = append(t.By.Appointments, Appointment{
		ID: "a-" + string(role), UserID: t.By.UserID, OrganisationID: "org", Role: role, ValidFrom: "2026-01-01", ConfirmedBy: "u-other",
	})
}

func (t *Turn) did(by string, deeds ...Action) {
	for _, a := range deeds {
		t.Case.Done = append(t.Case.Done, Done{Deed: a, By: by, From: reviewing, Version: t.Case.Request.Version})
	}
}

type attempt struct {
	name   string
	by     string
	deed   Deed
	change func(x *Turn)
	want   string // the rule, "" where nothing is broken
}

// separated tries each and says what answered.
func separated(t *testing.T, attempts []attempt) {
	t.Helper()
	for _, a := range attempts {
		err := turn(t, a.by, a.change).Separate(a.deed)
		if CodeOf(err) != a.want || err != nil && KindOf(err) != Forbidden {
			t.Errorf("%s: %v, want %q", a.name, err, a.want)
		}
	}
}

func TestSD1WhoAsksSponsorsOrOwnsTheAssetDoesNotDecide(t *testing.T) {
	t.Parallel()
	var attempts []attempt
	for _, by := range []string{"u-asks", "u-sponsor", "u-owner"} {
		for _, o := range []vocabulary.Outcome{"APPROVE", "REFUSE", "DEFER", "REFER", "ADVISE", "NOT_REQUIRED", "OUT_OF_REMIT", "RATIFY", ""} {
			attempts = append(attempts, attempt{by + " decides " + string(o), by, Deciding{Outcome: o}, nil, "SD1"})
		}
		attempts = append(attempts,
			attempt{by + " sets aside", by, SettingAside{}, nil, "SD1"},
			attempt{by + " suspends", by, Suspending{}, nil, "SD1"},
			attempt{by + " revokes", by, Revoking{}, nil, "SD1"},
			attempt{by + " is guardian too", by, Deciding{}, func(x *Turn) { x.appoint(vocabulary.RoleCaldicottGuardian) }, "SD1"},
			attempt{by + " withdraws", by, Withdrawing{}, nil, ""})
	}
	separated(t, append(attempts,
		attempt{"somebody else decides", "u-guardian", Deciding{}, nil, ""},
		attempt{"nobody sponsors", "", Deciding{}, func(x *Turn) { x.Case.Current.Content.Sponsor, x.Case.Request.Requester = "", "u-x" }, ""},
		attempt{"sponsor of an older version", "u-sponsor", Deciding{}, func(x *Turn) { x.Case.Current.Content.Sponsor = "u-next" }, ""},
	))
}

func TestSD2WhoWouldGainInvestigatesOrIsConcernedDoesNotDecide(t *testing.T) {
	t.Parallel()
	declare := func(by string, kind vocabulary.Conflict) func(*Turn) {
		return func(x *Turn) {
			x.Case.Declarations = append(x.Case.Declarations, Declaration{By: by, Type: kind, Version: 1})
		}
	}
	attempts := []attempt{
		{"investigator", "u-me", Deciding{}, func(x *Turn) { x.Case.Current.Content.Investigators = []string{"u-x", "u-me"} }, "SD2"},
		{"recipient", "u-me", Deciding{}, func(x *Turn) { x.Case.Current.Content.Recipients[0].UserIDs = []string{"u-me"} }, "SD2"},
		{"investigator opens", "u-me", Opening{}, func(x *Turn) { x.Case.Current.Content.Investigators = []string{"u-me"} }, ""},
		{"somebody else declared", "u-me", Deciding{}, declare("u-x", vocabulary.ConflictPersonalBenefit), ""},
		{"declared, hands back", "u-me", HandingBack{}, declare("u-me", vocabulary.ConflictPersonalBenefit), ""},
	}
	for kind, want := range map[vocabulary.Conflict]string{
		vocabulary.ConflictPersonalSubject: "SD2", vocabulary.ConflictPersonalBenefit: "SD2", vocabulary.ConflictSubjectOfInvestigation: "SD2",
		vocabulary.ConflictNone: "", vocabulary.ConflictLineManagement: "", vocabulary.ConflictClinicalInvolvement: "",
	} {
		attempts = append(attempts, attempt{"declared " + string(kind), "u-me", Deciding{}, declare("u-me", kind), want})
	}
	separated(t, attempts)
}

func TestSD3WhoHandledTheRequestDoesNotDecideIt(t *testing.T) {
	t.Parallel()
	var attempts []attempt
	for _, a := range []Action{Triage, Consult, Waive, PutForward} {
		did := func(x *Turn) { x.did("u-me", a); x.appoint(vocabulary.RoleCaldicottGuardian) }
		attempts = append(attempts,
			attempt{string(a) + ", then decides", "u-me", Deciding{}, did, "SD3"},
			attempt{string(a) + ", then opens", "u-me", Opening{}, did, ""},
			attempt{string(a) + " by somebody else", "u-guardian", Deciding{}, did, ""})
	}
	for _, a := range []Action{Ask, Comment, Advise, Open, HandBack, Disclose} {
		attempts = append(attempts, attempt{string(a) + ", then decides", "u-me", Deciding{}, func(x *Turn) { x.did("u-me", a) }, ""})
	}
	waived := func(pressing bool) func(*Turn) {
		return func(x *Turn) {
			if pressing {
				x.Case.Current.Content.Kind, x.Case.Current.Content.Urgency = vocabulary.KindSafeguarding, vocabulary.UrgencyUrgent
			}
			x.Case.Done = append(x.Case.Done, Done{Deed: Waive, By: "u-me", From: decided})
		}
	}
	separated(t, append(attempts,
		attempt{"waived after the decision of a pressing case", "u-me", Deciding{}, waived(true), ""},
		attempt{"waived after a decision", "u-me", Deciding{}, waived(false), "SD3"}))
}

func TestSD4WhoApprovedAnEmergencyDoesNotRatifyIt(t *testing.T) {
	t.Parallel()
	approved := func(emergency bool) func(*Turn) {
		return func(x *Turn) { x.Case.Request.Emergency, x.Case.Current.Content.ApprovedBy = emergency, "u-me" }
	}
	separated(t, []attempt{
		{"ratifies", "u-me", Deciding{Outcome: vocabulary.OutcomeRatify}, approved(true), "SD4"},
		{"declines to ratify", "u-me", Deciding{Outcome: vocabulary.OutcomeDeclineToRatify}, approved(true), "SD4"},
		{"opens it", "u-me", Opening{}, approved(true), ""},
		{"somebody else ratifies", "u-other", Deciding{Outcome: vocabulary.OutcomeRatify}, approved(true), ""},
		{"no emergency", "u-me", Deciding{}, approved(false), ""},
	})
}

func TestSD7AnAuditorChangesNothing(t *testing.T) {
	t.Parallel()
	var attempts []attempt
	for _, d := range deedsOfAllKinds() {
		attempts = append(attempts,
			attempt{"an auditor " + string(d.Action()), "u-me", d, func(x *Turn) { x.appoint(vocabulary.RoleAuditor) }, "SD7"},
			attempt{"an auditor of another organisation " + string(d.Action()), "u-me", d, func(x *Turn) {
				x.appoint(vocabulary.RoleAuditor)
				x.By.Appointments[0].OrganisationID = "elsewhere"
			}, ""},
			attempt{"who was an auditor " + string(d.Action()), "u-me", d, func(x *Turn) {
				x.appoint(vocabulary.RoleAuditor)
				x.By.Appointments[0].ValidTo = "2026-10-04"
			}, ""})
	}
	separated(t, attempts)
}

func TestSD8AnAdministratorDecidesNothing(t *testing.T) {
	t.Parallel()
	var attempts []attempt
	for _, d := range deedsOfAllKinds() {
		attempts = append(attempts, attempt{"an administrator " + string(d.Action()), "u-me", d, func(x *Turn) {
			x.appoint(vocabulary.RoleSystemAdmin)
			x.appoint(vocabulary.RoleCaldicottGuardian)
		}, "SD8"})
	}
	separated(t, append(attempts, attempt{"an administrator whom nobody confirmed", "u-me", Commenting{}, func(x *Turn) {
		x.appoint(vocabulary.RoleSystemAdmin)
		x.By.Appointments[0].ConfirmedBy = ""
	}, ""}))
}

func TestSD9WhoHasDecidedOnAVersionDoesNotOpenItAgain(t *testing.T) {
	t.Parallel()
	declared := func(version, decidedOn int) func(*Turn) {
		return func(x *Turn) {
			x.Case.Request.Version = 2
			x.Case.Declarations = []Declaration{{By: "u-me", Version: version, Type: vocabulary.ConflictNone}}
			if decidedOn > 0 {
				x.Case.Decisions = []Decision{{Version: decidedOn, DecidedBy: "u-me"}}
			}
		}
	}
	separated(t, []attempt{
		{"a second time after the decision", "u-me", Opening{}, declared(2, 2), "SD9"},
		{"a second time before any decision", "u-me", Opening{}, declared(2, 0), ""},
		{"a new version", "u-me", Opening{}, declared(1, 1), ""},
		{"somebody else", "u-other", Opening{}, declared(2, 2), ""},
	})
}

func TestSD10AViewIsNotGivenByWhoAsksOrDecides(t *testing.T) {
	t.Parallel()
	d := Advising{Role: vocabulary.RoleDpo}
	separated(t, []attempt{
		{"the requester", "u-asks", d, nil, "SD10"},
		{"who opened it", "u-me", d, func(x *Turn) { x.did("u-me", Open) }, "SD10"},
		{"who opened it and handed it back", "u-me", d, func(x *Turn) { x.did("u-me", Open, HandBack) }, ""},
		{"who decided", "u-me", d, func(x *Turn) { x.Case.Decisions = []Decision{{DecidedBy: "u-me"}} }, "SD10"},
		{"the sponsor", "u-sponsor", d, nil, ""},
		{"the asset's owner", "u-owner", Advising{Role: vocabulary.RoleIao}, nil, ""},
		{"who triaged", "u-me", d, func(x *Turn) { x.did("u-me", Triage) }, ""},
	})
}

func TestSD11EvidenceIsNotJudgedByTheConditionsOwner(t *testing.T) {
	t.Parallel()
	owes := func(x *Turn) {
		x.Case.Conditions = []Condition{{ID: "c1", Owner: "u-me"}, {ID: "c2", Owner: "u-other"}}
		x.Subject = "c1"
		x.appoint(vocabulary.RoleIgOfficer)
	}
	separated(t, []attempt{
		{"accepts their own", "u-me", AcceptingEvidence{}, owes, "SD11"},
		{"rejects their own", "u-me", RejectingEvidence{}, owes, "SD11"},
		{"submits it", "u-me", SubmittingEvidence{}, owes, ""},
		{"accepts another's", "u-me", AcceptingEvidence{}, func(x *Turn) { owes(x); x.Subject = "c2" }, ""},
		{"somebody else accepts", "u-other", AcceptingEvidence{}, owes, ""},
	})
}

func TestSD12WhoHoldsAConflictingPostHandsTheCaseBack(t *testing.T) {
	t.Parallel()
	holding := func(post vocabulary.Post, kind vocabulary.Kind) func(*Turn) {
		return func(x *Turn) {
			x.appoint(vocabulary.RoleDeputyGuardian)
			x.By.Appointments[0].Posts = []vocabulary.Post{post}
			x.Case.Current.Content.Kind = kind
		}
	}
	declare := func(kind vocabulary.Conflict) func(*Turn) {
		return func(x *Turn) { x.Case.Declarations = []Declaration{{By: "u-me", Type: kind}} }
	}
	attempts := []attempt{
		{"research lead, research", "u-me", Deciding{}, holding(vocabulary.PostResearchLead, vocabulary.KindResearch), "SD12"},
		{"education lead, education", "u-me", Deciding{}, holding(vocabulary.PostEducationLead, vocabulary.KindEducationTraining), "SD12"},
		{"responsible officer, regulator", "u-me", Deciding{}, holding(vocabulary.PostResponsibleOfficer, vocabulary.KindRegulator), "SD12"},
		{"research lead, regulator", "u-me", Deciding{}, holding(vocabulary.PostResearchLead, vocabulary.KindRegulator), ""},
		{"research lead hands back", "u-me", HandingBack{}, holding(vocabulary.PostResearchLead, vocabulary.KindResearch), ""},
		{"research lead opens", "u-me", Opening{}, holding(vocabulary.PostResearchLead, vocabulary.KindResearch), ""},
		{"the guardian holds the post, another decides", "u-me", Deciding{}, func(x *Turn) {
			x.Guardians = []Guardian{{UserID: "u-guardian", Posts: []vocabulary.Post{vocabulary.PostResearchLead}}}
			x.Case.Current.Content.Kind = vocabulary.KindResearch
		}, ""},
		{"a post whose appointment is over", "u-me", Deciding{}, func(x *Turn) {
			holding(vocabulary.PostResearchLead, vocabulary.KindResearch)(x)
			x.By.Appointments[0].ValidTo = "2026-10-04"
		}, ""},
	}
	for _, kind := range []vocabulary.Conflict{
		vocabulary.ConflictStructuralResponsibleOfficer, vocabulary.ConflictStructuralDigitalSponsor, vocabulary.ConflictStructuralEducationLead,
		vocabulary.ConflictStructuralResearchSponsor, vocabulary.ConflictStructuralSiro,
	} {
		for _, outcome := range []vocabulary.Outcome{"APPROVE", "REFUSE", "ADVISE", "RATIFY"} {
			attempts = append(attempts, attempt{"declared " + string(kind), "u-me", Deciding{Outcome: outcome}, declare(kind), "SD12"})
		}
		attempts = append(attempts, attempt{"declared, hands back " + string(kind), "u-me", HandingBack{}, declare(kind), ""})
	}
	separated(t, attempts)
}

// The first rule that is broken answers, in the order of their numbers.
func TestSeparationOfDutiesAnswersInOrder(t *testing.T) {
	t.Parallel()
	separated(t, []attempt{
		{"requester, who triaged, and is an auditor", "u-asks", Deciding{}, func(x *Turn) {
			x.did("u-asks", Triage)
			x.appoint(vocabulary.RoleAuditor)
		}, "SD1"},
		{"who triaged, and is an auditor", "u-me", Deciding{}, func(x *Turn) { x.did("u-me", Triage); x.appoint(vocabulary.RoleAuditor) }, "SD3"},
	})
	for i, d := range duties {
		if i > 0 && len(d.code) <= len(duties[i-1].code) && d.code <= duties[i-1].code || d.sentence == "" {
			t.Errorf("%s stands after %s", d.code, duties[i-1].code)
		}
	}
}
