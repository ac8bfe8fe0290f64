package caldicott

import (
	"slices"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// permitted is a case with one authorisation, reviewed from 1 July and expiring with 31 July 2026 (London days, in summer).
func permitted() (*Case, Authorisation) {
	a := Authorisation{ID: "a", Decision: "d", Version: 1, ReviewDate: "2026-07-01", ExpiryDate: "2026-07-31", At: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)}
	return &Case{Authorisations: []Authorisation{a}, Decided: map[int]Content{1: sound()}}, a
}

func doneTo(subject string, a Action, at time.Time) Done {
	return Done{Subject: subject, Deed: a, At: at}
}

func TestTheAuthorisationsStateIsTheFirstThatHolds(t *testing.T) {
	t.Parallel()
	june := time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)
	do := func(deeds ...Action) []Done {
		var done []Done
		for i, a := range deeds {
			done = append(done, doneTo("a", a, june.Add(time.Duration(i)*time.Hour)))
		}
		return done
	}
	precedent := []Condition{{ID: "c", Authorisation: "a", Type: vocabulary.ConditionTypePrecedent}}
	satisfied := []Done{doneTo("c", SubmitEvidence, june), doneTo("c", AcceptEvidence, june)}
	for _, c := range []struct {
		name       string
		done       []Done
		conditions []Condition
		at         string
		want       vocabulary.AuthorisationState
	}{
		{"new", nil, nil, "2026-06-10T12:00:00Z", "ACTIVE"},
		{"the evening before the review", nil, nil, "2026-06-30T22:59:59.999999Z", "ACTIVE"},
		{"00:00 of the review", nil, nil, "2026-06-30T23:00:00Z", "REVIEW_DUE"},
		{"the end of its last day", nil, nil, "2026-07-31T22:59:59.999999Z", "REVIEW_DUE"},
		{"00:00 of the day after", nil, nil, "2026-07-31T23:00:00Z", "EXPIRED"},
		{"a condition precedent", nil, precedent, "2026-06-10T12:00:00Z", "PENDING_CONDITIONS"},
		{"a condition precedent at the review", nil, precedent, "2026-07-10T12:00:00Z", "PENDING_CONDITIONS"},
		{"a condition precedent, expired", nil, precedent, "2026-08-10T12:00:00Z", "EXPIRED"},
		{"satisfied", satisfied, precedent, "2026-06-10T12:00:00Z", "ACTIVE"},
		{"before it was satisfied", satisfied, precedent, "2026-06-01T12:00:00Z", "PENDING_CONDITIONS"},
		{"waived", []Done{doneTo("c", WaiveCondition, june)}, precedent, "2026-06-10T12:00:00Z", "ACTIVE"},
		{"evidence only submitted", satisfied[:1], precedent, "2026-06-10T12:00:00Z", "PENDING_CONDITIONS"},
		{"satisfied, then broken", append(slices.Clone(satisfied), doneTo("c", BreachCondition, june)), precedent, "2026-06-10T12:00:00Z", "PENDING_CONDITIONS"},
		{"an ongoing condition", nil, []Condition{{ID: "c", Authorisation: "a", Type: vocabulary.ConditionTypeOngoing}}, "2026-06-10T12:00:00Z", "ACTIVE"},
		{"another's condition", nil, []Condition{{ID: "c", Authorisation: "b", Type: vocabulary.ConditionTypePrecedent}}, "2026-06-10T12:00:00Z", "ACTIVE"},
		{"suspended", do(Suspend), nil, "2026-06-10T12:00:00Z", "SUSPENDED"},
		{"suspended, with a condition", do(Suspend), precedent, "2026-06-10T12:00:00Z", "SUSPENDED"},
		{"suspended and expired", do(Suspend), nil, "2026-08-10T12:00:00Z", "EXPIRED"},
		{"reinstated", do(Suspend, Reinstate), nil, "2026-06-10T12:00:00Z", "ACTIVE"},
		{"reinstated after the review", do(Suspend, Reinstate), nil, "2026-07-10T12:00:00Z", "REVIEW_DUE"},
		{"suspended again", do(Suspend, Reinstate, Suspend), nil, "2026-06-10T12:00:00Z", "SUSPENDED"},
		{"revoked", do(Suspend, Revoke), nil, "2026-06-10T12:00:00Z", "REVOKED"},
		{"revoked, then expired", do(Revoke), nil, "2026-08-10T12:00:00Z", "REVOKED"},
		{"before it was revoked", do(Revoke), nil, "2026-06-01T12:00:00Z", "ACTIVE"},
		{"at the instant at which it was revoked", do(Revoke), nil, "2026-06-02T00:00:00Z", "REVOKED"},
		{"completed", do(Complete), nil, "2026-06-10T12:00:00Z", "COMPLETED"},
		{"completed, then expired", do(Complete), nil, "2026-08-10T12:00:00Z", "COMPLETED"},
	} {
		x, a := permitted()
		x.Done, x.Conditions = c.done, c.conditions
		if got := x.AuthorisationState(a, day(t, c.at)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	x, a := permitted()
	a.Ratifies = "disclosure"
	if got := x.AuthorisationState(a, june); got != "COMPLETED" {
		t.Errorf("a ratification is %s at once", got)
	}
}

func TestAConditionsStateFoldsItsDeeds(t *testing.T) {
	t.Parallel()
	june := time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)
	fold := func(kind vocabulary.ConditionType, at string, deeds ...Action) vocabulary.ConditionState {
		var done []Done
		for _, a := range deeds {
			done = append(done, doneTo("c", a, june), doneTo("other", WaiveCondition, june))
		}
		return Condition{ID: "c", Type: kind, Due: "2026-07-31"}.State(done, day(t, at))
	}
	deadline := vocabulary.ConditionTypeDeadline
	for _, c := range []struct {
		name string
		got  vocabulary.ConditionState
		want vocabulary.ConditionState
	}{
		{"new", fold(deadline, "2026-06-10T00:00:00Z"), "OPEN"},
		{"the end of its due day", fold(deadline, "2026-07-31T22:59:59.999999Z"), "OPEN"},
		{"00:00 of the day after", fold(deadline, "2026-07-31T23:00:00Z"), "OVERDUE"},
		{"only a DEADLINE", fold(vocabulary.ConditionTypePrecedent, "2026-08-31T00:00:00Z"), "OPEN"},
		{"submitted, late or not", fold(deadline, "2026-08-31T00:00:00Z", SubmitEvidence), "EVIDENCE_SUBMITTED"},
		{"satisfied", fold(deadline, "2026-08-31T00:00:00Z", SubmitEvidence, AcceptEvidence), "SATISFIED"},
		{"sent back in time", fold(deadline, "2026-06-10T00:00:00Z", SubmitEvidence, RejectEvidence), "OPEN"},
		{"sent back too late", fold(deadline, "2026-08-31T00:00:00Z", SubmitEvidence, RejectEvidence), "OVERDUE"},
		{"waived", fold(deadline, "2026-08-31T00:00:00Z", WaiveCondition), "WAIVED"},
		{"broken", fold(deadline, "2026-08-31T00:00:00Z", SubmitEvidence, AcceptEvidence, BreachCondition), "BREACHED"},
		{"before anything was done", fold(deadline, "2026-06-01T00:00:00Z", WaiveCondition), "OPEN"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestADisclosureIsCoveredInForceToARecipientOfTheVersion(t *testing.T) {
	t.Parallel()
	x, _ := permitted()
	content := sound()
	content.Recipients = []Recipient{{OrgCode: "RX1"}, {OrgCode: ""}}
	x.Decided[1] = content
	inForce := "2026-06-10T12:00:00Z"
	for _, c := range []struct {
		name, recipient, at string
		want                vocabulary.ExceptionReason
	}{
		{"by code", "RX1", inForce, ""},
		{"by position", "1", inForce, ""},
		{"when the review is due", "RX1", "2026-07-10T12:00:00Z", ""},
		{"to somebody else", "RX2", inForce, "RECIPIENT_NOT_COVERED"},
		{"beyond the list", "2", inForce, "RECIPIENT_NOT_COVERED"},
		{"nowhere", "-1", inForce, "RECIPIENT_NOT_COVERED"},
		{"too late", "RX1", "2026-08-01T12:00:00Z", "NOT_IN_FORCE"},
		{"too early", "RX1", "2026-06-01T08:59:59Z", "NOT_IN_FORCE"},
		{"neither", "RX2", "2026-08-01T12:00:00Z", "NOT_IN_FORCE"},
	} {
		if under, got := x.Covers("", c.recipient, day(t, c.at)); got != c.want || under.ID != "a" {
			t.Errorf("%s: %q under %q, want %q", c.name, got, under.ID, c.want)
		}
	}
	if under, got := (&Case{}).Covers("", "RX1", day(t, inForce)); got != "NO_AUTHORISATION" || under.ID != "" {
		t.Errorf("without any: %q", got)
	}
	if _, got := x.Covers("another request's", "RX1", day(t, inForce)); got != "NO_AUTHORISATION" {
		t.Errorf("under one of another request: %q", got)
	}
}

// met are the eight judgements, some of them changed.
func met(change map[vocabulary.Principle]Judgement) Principles {
	p := Principles{}
	for _, cp := range principles {
		p[cp] = Judgement{Assessment: vocabulary.AssessmentMet}
	}
	for cp, j := range change {
		p[cp] = j
	}
	return p
}

func TestADecisionIsRefusedForWhatItLacks(t *testing.T) {
	t.Parallel()
	condition := ConditionAsked{Type: "ONGOING", Text: "Show it.", Owner: "u-x"}
	approve := Deciding{Outcome: "APPROVE", Rationale: "Weighed.", Principles: met(nil), ExpiryDate: "2026-12-31"}
	with := approve
	with.Outcome, with.Conditions = "APPROVE_WITH_CONDITIONS", []ConditionAsked{condition}
	refuse := Deciding{Outcome: "REFUSE", Rationale: "Weighed.", Principles: met(nil)}
	change := func(d Deciding, f func(*Deciding)) Deciding { f(&d); return d }
	judge := func(cp vocabulary.Principle, j Judgement) func(*Deciding) {
		return func(d *Deciding) { d.Principles = met(map[vocabulary.Principle]Judgement{cp: j}) }
	}
	unkept := func(x *Turn) { x.Case.Current.Content.Retention = Retention{} }
	for _, c := range []struct {
		name  string
		deed  Deciding
		given func(*Turn)
		want  string
	}{
		{"sound", approve, nil, ""},
		{"sound, with a condition", with, nil, ""},
		{"sound refusal", refuse, nil, ""},
		{"no outcome", change(approve, func(d *Deciding) { d.Outcome = "" }), nil, "REQUIRED"},
		{"no rationale", change(refuse, func(d *Deciding) { d.Rationale = " " }), nil, "REQUIRED"},
		{"APPROVE with a condition", change(approve, func(d *Deciding) { d.Conditions = with.Conditions }), nil, "CONDITION"},
		{"APPROVE_WITH_CONDITIONS with none", change(with, func(d *Deciding) { d.Conditions = nil }), nil, "CONDITION"},
		{"a refusal with a condition", change(refuse, func(d *Deciding) { d.Conditions = with.Conditions }), nil, ""},
		{"RATIFY of no emergency", change(approve, func(d *Deciding) { d.Outcome = "RATIFY" }), nil, "FIELD"},
		{"RENEW by decide", change(approve, func(d *Deciding) { d.Outcome = "RENEW" }), nil, "FIELD"},
		{"SUSPEND by decide", change(refuse, func(d *Deciding) { d.Outcome = "SUSPEND" }), nil, "FIELD"},
		{"APPROVE of an emergency", approve, func(x *Turn) { x.Case.Request.Emergency = true }, "FIELD"},
		{"a ratification needs no dates", change(approve, func(d *Deciding) { d.Outcome, d.ExpiryDate = "RATIFY", "" }), func(x *Turn) { x.Case.Request.Emergency = true }, ""},
		{"a principle unjudged", change(refuse, judge("CP8", Judgement{})), nil, "CP"},
		{"NOT_APPLICABLE without a note", change(refuse, judge("CP2", Judgement{Assessment: "NOT_APPLICABLE"})), nil, "CP"},
		{"NOT_APPLICABLE with a note", change(refuse, judge("CP2", Judgement{"NOT_APPLICABLE", "None."})), nil, ""},
		{"approved, CP1 not met", change(with, judge("CP1", Judgement{Assessment: "NOT_MET"})), nil, "CP"},
		{"approved, CP6 not met", change(with, judge("CP6", Judgement{Assessment: "NOT_MET"})), nil, "CP"},
		{"approved with a condition, CP3 not met", change(with, judge("CP3", Judgement{Assessment: "NOT_MET"})), nil, ""},
		{"approved, CP3 not met", change(approve, judge("CP3", Judgement{Assessment: "NOT_MET"})), nil, "CP"},
		{"approved, CP1 partly met", change(approve, judge("CP1", Judgement{Assessment: "PARTLY_MET"})), nil, "CP"},
		{"refused, CP1 not met", change(refuse, judge("CP1", Judgement{Assessment: "NOT_MET"})), nil, ""},
		{"refused individual care without weighing harm", refuse, func(x *Turn) { x.Case.Current.Content.IndividualCare = new(true) }, "CP"},
		{"refused individual care, harm weighed", change(refuse, func(d *Deciding) { d.HarmStatement = "None." }), func(x *Turn) { x.Case.Current.Content.IndividualCare = new(true) }, ""},
		{"no expiry", change(approve, func(d *Deciding) { d.ExpiryDate = "" }), nil, "V022"},
		{"expiry on the day", change(approve, func(d *Deciding) { d.ExpiryDate = "2026-10-05" }), nil, ""},
		{"expiry before the day", change(approve, func(d *Deciding) { d.ExpiryDate = "2026-10-04" }), nil, "V022"},
		{"review after expiry", change(approve, func(d *Deciding) { d.ReviewDate = "2027-01-01" }), nil, "V022"},
		{"a refusal's review after its expiry", change(refuse, func(d *Deciding) { d.ReviewDate, d.ExpiryDate = "2027-01-02", "2027-01-01" }), nil, "V022"},
		{"a finding blocks APPROVE", approve, unkept, "V017"},
		{"a finding blocks APPROVE_WITH_CONDITIONS", with, unkept, "V017"},
		{"a finding blocks no refusal", refuse, unkept, ""},
		{"resolved by a condition precedent", change(with, func(d *Deciding) {
			d.Conditions = []ConditionAsked{{Type: "PRECEDENT", Text: "Say.", Owner: "u-x", Resolves: []vocabulary.Rule{"V017"}}}
		}), unkept, ""},
		{"resolved by another condition", change(with, func(d *Deciding) {
			d.Conditions = []ConditionAsked{{Type: "ONGOING", Text: "Say.", Owner: "u-x", Resolves: []vocabulary.Rule{"V017"}}}
		}), unkept, "V017"},
		{"resolving what no condition can", change(with, func(d *Deciding) {
			d.Conditions = []ConditionAsked{{Type: "PRECEDENT", Text: "Say.", Owner: "u-x", Resolves: []vocabulary.Rule{"V001"}}}
		}), nil, "CONDITION"},
		{"resolving what was not found", change(with, func(d *Deciding) {
			d.Conditions = []ConditionAsked{{Type: "PRECEDENT", Text: "Say.", Owner: "u-x", Resolves: []vocabulary.Rule{"V017"}}}
		}), nil, "CONDITION"},
		{"a deadline without a day", change(with, func(d *Deciding) { d.Conditions = []ConditionAsked{{Type: "DEADLINE", Text: "x", Owner: "u-x"}} }), nil, "CONDITION"},
		{"a deadline in the past", change(with, func(d *Deciding) {
			d.Conditions = []ConditionAsked{{Type: "DEADLINE", Text: "x", Owner: "u-x", Due: "2026-10-04"}}
		}), nil, "CONDITION"},
		{"two conditions of one name", change(with, func(d *Deciding) {
			x := condition
			x.Label = "C1"
			d.Conditions = []ConditionAsked{x, x}
		}), nil, "CONDITION"},
		{"law beyond the version's", change(approve, func(d *Deciding) { d.Law = &Law{Art6: []vocabulary.Art6{"6_1_A"}} }), nil, "FIELD"},
		{"law within the version's", change(approve, func(d *Deciding) { d.Law = &Law{Art6: []vocabulary.Art6{vocabulary.Art6_6_1_E}} }), nil, ""},
		{"a mandatory consultee unheard", approve, func(x *Turn) { x.Case.Advice = nil }, "V021"},
		{"unheard, in a pressing case", approve, func(x *Turn) {
			x.Case.Advice = nil
			x.Case.Current.Content.Kind, x.Case.Current.Content.Urgency = vocabulary.KindSafeguarding, vocabulary.UrgencyUrgent
		}, ""},
	} {
		x := turn(t, "u-guardian", func(x *Turn) {
			x.Case.Advice = []Advice{{Role: "DPO"}, {Role: "IAO"}}
			if c.given != nil {
				c.given(x)
			}
		})
		err := x.Take(c.deed, nil)
		if CodeOf(err) != c.want || err != nil && KindOf(err) != Invalid {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err == nil && (x.Case.Request.State != decided || len(x.Case.Authorisations) != map[bool]int{true: 1}[Approving(c.deed.Outcome)]) {
			t.Errorf("%s: left %s with %d authorisations", c.name, x.Case.Request.State, len(x.Case.Authorisations))
		}
	}
}

// Whoever holds the post sees V008 and V009 only as a finding: another person may decide, whatever the guardian is.
func TestV008AndV009BlockOnlyThePersonConcerned(t *testing.T) {
	t.Parallel()
	x := turn(t, "u-deputy", func(x *Turn) {
		x.Guardians = []Guardian{{UserID: "u-sponsor"}}
		x.Case.Advice = []Advice{{Role: "DPO"}, {Role: "IAO"}}
	})
	if err := x.Take(Deciding{Outcome: "APPROVE", Rationale: "Weighed.", Principles: met(nil), ExpiryDate: "2026-12-31"}, nil); err != nil {
		t.Fatal(err)
	}
	if f := x.Change.Decision.Findings; len(f) != 1 || f[0].Rule != "V008" {
		t.Errorf("recorded with %v", f)
	}
}
