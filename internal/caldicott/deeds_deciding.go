package caldicott

import (
	"fmt"
	"slices"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// A Claim is in which capacity the caller says they act; empty members leave it to the service.
type Claim struct {
	ActingAs   vocabulary.Role
	Delegation string
}

// Claiming deeds carry a claim of capacity and the outcome that a delegation must cover.
type Claiming interface {
	Claim() (Claim, vocabulary.Outcome)
}

// Opening takes a case up for decision, with a declaration about one's own interests.
type Opening struct {
	Conflict   vocabulary.Conflict
	Note       string
	Capacities Claim
}

// HandingBack gives the case to somebody else to decide. To is a user id. Who opened it does so, or another guardian in their
// stead: somebody who opened a case and then lost their authority must not keep it for ever.
type HandingBack struct{ Reason, To string }

// HandedToField is the field that names who decides instead: somebody who may.
const HandedToField = "to"

// ConditionAsked is a condition as a decision words it.
type ConditionAsked struct {
	Label            string
	Type             vocabulary.ConditionType
	Text             string
	Owner            string
	Due              string
	EvidenceExpected string
	Resolves         []vocabulary.Rule
}

// Deciding is a guardian's decision on the current version.
type Deciding struct {
	Outcome                vocabulary.Outcome
	Rationale              string
	Principles             Principles
	Law                    *Law
	Conditions             []ConditionAsked
	ReviewDate, ExpiryDate string
	ReferTo                []vocabulary.Referral
	HarmStatement          string
	AlternativeOffered     string
	Capacities             Claim
}

func (Opening) Action() Action     { return Open }
func (HandingBack) Action() Action { return HandBack }
func (Deciding) Action() Action    { return Decide }

func (d Opening) Texts() []Text     { return []Text{{"conflict.note", d.Note}} }
func (d HandingBack) Texts() []Text { return []Text{{"reason", d.Reason}} }

// Claim of an opening covers any outcome: none is known yet.
func (d Opening) Claim() (Claim, vocabulary.Outcome) { return d.Capacities, "" }

// Claim of a decision names its outcome, which the delegation's scope must take in.
func (d Deciding) Claim() (Claim, vocabulary.Outcome) { return d.Capacities, d.Outcome }

// Texts are everything the decider wrote.
func (d Deciding) Texts() []Text {
	texts := []Text{{"rationale", d.Rationale}, {"harm_statement", d.HarmStatement}, {"alternative_offered", d.AlternativeOffered}}
	for _, p := range principles {
		texts = append(texts, Text{"principles." + string(p) + ".note", d.Principles[p].Note})
	}
	return append(texts, conditionTexts(d.Conditions)...)
}

func conditionTexts(asked []ConditionAsked) []Text {
	var texts []Text
	for i, x := range asked {
		texts = append(texts, Text{fmt.Sprintf("conditions[%d].text", i), x.Text},
			Text{fmt.Sprintf("conditions[%d].evidence_expected", i), x.EvidenceExpected},
			Text{fmt.Sprintf("conditions[%d].id", i), x.Label})
	}
	return texts
}

var principles = []vocabulary.Principle{
	vocabulary.PrincipleCp1, vocabulary.PrincipleCp2, vocabulary.PrincipleCp3, vocabulary.PrincipleCp4,
	vocabulary.PrincipleCp5, vocabulary.PrincipleCp6, vocabulary.PrincipleCp7, vocabulary.PrincipleCp8,
}

func (d Opening) do(t *Turn) error {
	t.require("conflict.type", string(d.Conflict))
	if d.Conflict == vocabulary.ConflictLineManagement || d.Conflict == vocabulary.ConflictClinicalInvolvement {
		t.require("conflict.note", d.Note)
		t.Change.Done.Details.Flags = append(t.Change.Done.Details.Flags, SecondRead)
	}
	x := Declaration{
		ID: t.NewID(), By: t.By.UserID, Type: d.Conflict, Note: d.Note, Version: t.Case.Request.Version, At: t.Now,
	}
	t.Case.Declarations = append(t.Case.Declarations, x)
	t.Change.Declaration = &x
	return nil
}

func (d HandingBack) do(t *Turn) error {
	t.require("reason", d.Reason)
	t.require("to", d.To)
	if d.To == t.Case.OpenedBy() {
		t.wrong("to", CodeField, "must name somebody else than who opened the case")
	}
	t.named(HandedToField, d.To)
	t.Change.Done.Details.Reason, t.Change.Done.Target = d.Reason, d.To
	return nil
}

func (d Deciding) do(t *Turn) error {
	c := t.Case.Content()
	findings := t.House.Rules.AtDecision(c, t.Case.Circumstances(t.Guardians, t.Now), Proposal{
		Outcome: d.Outcome, ReviewDate: d.ReviewDate, ExpiryDate: d.ExpiryDate,
		Waiting: t.Case.Waiting(t.House.Consultees.Mandatory(c)),
	})
	t.checkOutcome(d)
	for _, f := range findings {
		if d.blockedBy(f, c) {
			t.problems = append(t.problems, fieldError(f))
		}
	}
	t.checkPrinciples(d)
	t.require("rationale", d.Rationale)
	t.checkDates(d)
	law, ok := narrowed(d.Law, c.Legal)
	if !ok {
		t.wrong("law", CodeField, "may only narrow what the version relies on")
	}
	decision := t.decides(Decision{
		Outcome: d.Outcome, Rationale: d.Rationale, Principles: d.Principles, Law: law,
		ReviewDate: d.ReviewDate, ExpiryDate: d.ExpiryDate, ReferTo: d.ReferTo, HarmStatement: d.HarmStatement,
		AlternativeOffered: d.AlternativeOffered, Findings: findings,
	})
	authorisation := ""
	if Approving(d.Outcome) {
		authorisation = t.authorises(decision)
	}
	t.asks(decision, authorisation, d.Conditions, findings)
	return nil
}

// checkOutcome refuses an outcome that does not belong to decide, or not to this kind of case, or not to its conditions.
func (t *Turn) checkOutcome(d Deciding) {
	ordinary := []vocabulary.Outcome{
		vocabulary.OutcomeApprove, vocabulary.OutcomeApproveWithConditions, vocabulary.OutcomeRefuse, vocabulary.OutcomeDefer,
		vocabulary.OutcomeRefer, vocabulary.OutcomeAdvise, vocabulary.OutcomeNotRequired, vocabulary.OutcomeOutOfRemit,
	}
	if t.Case.Request.Renews != "" {
		ordinary = append(ordinary, vocabulary.OutcomeRenew)
	}
	begun := []vocabulary.Outcome{vocabulary.OutcomeRatify, vocabulary.OutcomeDeclineToRatify}
	switch {
	case d.Outcome == "":
		t.wrong("outcome", CodeRequired, "must be given")
	case t.Case.Request.Emergency && !slices.Contains(begun, d.Outcome):
		t.wrong("outcome", CodeField, "of an emergency must be RATIFY or DECLINE_TO_RATIFY")
	case !t.Case.Request.Emergency && !slices.Contains(ordinary, d.Outcome):
		t.wrong("outcome", CodeField, "is not one that can be decided here")
	case d.Outcome == vocabulary.OutcomeApprove && len(d.Conditions) > 0:
		t.wrong("conditions", CodeCondition, "must be empty: APPROVE carries no condition")
	case d.Outcome == vocabulary.OutcomeApproveWithConditions && len(d.Conditions) == 0:
		t.wrong("conditions", CodeCondition, "must hold at least one condition")
	}
}

// blockedBy says whether the finding makes the outcome impossible. V008 and V009 block the person concerned only, who is
// refused by SD1 or SD12 before it comes to this.
func (d Deciding) blockedBy(f Finding, c Content) bool {
	if f.Severity != vocabulary.SeverityBlockApprove && f.Severity != vocabulary.SeverityBlockSubmit ||
		f.Rule == vocabulary.RuleV008 || f.Rule == vocabulary.RuleV009 {
		return false
	}
	switch d.Outcome {
	case vocabulary.OutcomeApprove, vocabulary.OutcomeRenew, vocabulary.OutcomeVary:
		return true
	case vocabulary.OutcomeApproveWithConditions:
		return !Convertible(f.Rule, c) || !d.resolves(f.Rule)
	case vocabulary.OutcomeRatify:
		return BlocksRatification(f)
	}
	return false
}

// resolves says whether a condition precedent names the rule; one naming serves for all fields of the rule.
func (d Deciding) resolves(rule vocabulary.Rule) bool {
	return slices.ContainsFunc(d.Conditions, func(x ConditionAsked) bool {
		return x.Type == vocabulary.ConditionTypePrecedent && slices.Contains(x.Resolves, rule)
	})
}

// checkPrinciples holds the eight judgements against the outcome (rules.md, "The eight principles"; principle 7 for harm).
func (t *Turn) checkPrinciples(d Deciding) {
	approving := Approving(d.Outcome)
	for _, p := range principles {
		field := "principles." + string(p)
		j, judged := d.Principles[p]
		notMet := j.Assessment == vocabulary.AssessmentNotMet
		switch {
		case !judged || j.Assessment == "":
			t.wrong(field, CodePrinciples, "must be judged")
		case j.Assessment == vocabulary.AssessmentNotApplicable && blank(j.Note):
			t.wrong(field+".note", CodePrinciples, "must say why the principle does not apply")
		case approving && notMet && (p == vocabulary.PrincipleCp1 || p == vocabulary.PrincipleCp6):
			t.wrong(field, CodePrinciples, "is not met, so the request cannot be approved")
		case approving && len(d.Conditions) == 0 && (notMet || j.Assessment == vocabulary.AssessmentPartlyMet):
			t.wrong(field, CodePrinciples, "is not fully met, so an approval needs a condition")
		}
	}
	if d.Outcome == vocabulary.OutcomeRefuse && isTrue(t.Case.Content().IndividualCare) && blank(d.HarmStatement) {
		t.wrong("harm_statement", CodePrinciples, "must weigh the harm of not sharing: this is individual care (principle 7)")
	}
}

// checkDates refuses an expiry before the day of the decision and a review after the expiry (V022) where the rulebook,
// which speaks of approvals, does not.
func (t *Turn) checkDates(d Deciding) {
	if Approving(d.Outcome) && d.Outcome != vocabulary.OutcomeRatify {
		return
	}
	if d.ExpiryDate != "" && d.ExpiryDate < Today(t.Now) {
		t.wrong("expiry_date", string(vocabulary.RuleV022), "must not be before the day of the decision")
	}
	if d.ExpiryDate != "" && d.ReviewDate > d.ExpiryDate {
		t.wrong("review_date", string(vocabulary.RuleV022), "must not be after the expiry date")
	}
}

// decides adds a decision in the capacity of the turn.
func (t *Turn) decides(d Decision) *Decision {
	d.ID, d.N, d.At = t.NewID(), len(t.Case.Decisions)+1, t.Now
	if d.Version == 0 {
		d.Version = t.Case.Request.Version
	}
	d.DecidedBy, d.ActingAs = t.By.UserID, t.Acting.Role
	d.Appointment, d.Delegation = t.Acting.Appointment, t.Acting.Delegation
	t.Change.Decision = &d
	t.Case.Decisions = append(t.Case.Decisions, d)
	if t.Change.Done.Subject == "" {
		t.Change.Done.Subject = d.ID
	}
	if t.Case.Decided == nil {
		t.Case.Decided = map[int]Content{}
	}
	if d.Version == t.Case.Request.Version {
		t.Case.Decided[d.Version] = t.Case.Content()
	}
	return &d
}

// authorises gives birth to the permission. RATIFY is tied to the disclosure already made and is complete at once.
func (t *Turn) authorises(d *Decision) string {
	a := Authorisation{
		ID: t.NewID(), Decision: d.ID, Version: d.Version, ReviewDate: d.ReviewDate, ExpiryDate: d.ExpiryDate, At: t.Now,
		Supersedes: t.Case.Request.Renews,
	}
	if d.Outcome == vocabulary.OutcomeRatify {
		for _, x := range t.Case.Disclosures {
			if x.Exception == vocabulary.ExceptionReasonBeforeAuthorisation {
				a.Ratifies = x.ID
			}
		}
	}
	t.Change.Authorisation = &a
	t.Case.Authorisations = append(t.Case.Authorisations, a)
	return a.ID
}

// asks adds the conditions of a decision.
func (t *Turn) asks(d *Decision, authorisation string, asked []ConditionAsked, findings []Finding) {
	labels := map[string]bool{}
	for i, x := range asked {
		field := fmt.Sprintf("conditions[%d]", i)
		if x.Label == "" {
			x.Label = fmt.Sprintf("C%d", i+1)
		}
		if labels[x.Label] {
			t.wrong(field+".id", CodeCondition, "must be unlike the others' within the decision")
		}
		labels[x.Label] = true
		t.checkCondition(field, x, findings)
		condition := Condition{
			ID: t.NewID(), Label: x.Label, Decision: d.ID, Authorisation: authorisation, Type: x.Type, Text: x.Text,
			Owner: x.Owner, Due: x.Due, EvidenceExpected: x.EvidenceExpected, Resolves: x.Resolves, At: t.Now,
		}
		if x.Type == vocabulary.ConditionTypeDeadline && x.Due != "" && authorisation != "" {
			condition.GraceUntil = nthWorkday(t.House.Calendar, x.Due, t.House.Clocks.ConditionGrace)
		}
		t.Change.Conditions = append(t.Change.Conditions, condition)
	}
	t.Case.Conditions = append(t.Case.Conditions, t.Change.Conditions...)
}

func (t *Turn) checkCondition(field string, x ConditionAsked, findings []Finding) {
	needed := func(name, value string) {
		if blank(value) {
			t.wrong(field+"."+name, CodeCondition, "must be given")
		}
	}
	needed("type", string(x.Type))
	needed("text", x.Text)
	needed("owner", x.Owner)
	t.named(field+".owner", x.Owner)
	if x.Type == vocabulary.ConditionTypeDeadline {
		needed("due", x.Due)
	}
	if x.Due != "" && x.Due < Today(t.Now) {
		t.wrong(field+".due", CodeCondition, "must not lie in the past")
	}
	for _, rule := range x.Resolves {
		switch {
		case x.Type != vocabulary.ConditionTypePrecedent:
			t.wrong(field+".resolves", CodeCondition, "needs a condition precedent")
		case !Convertible(rule, t.Case.Content()):
			t.wrong(field+".resolves", CodeCondition, "names a rule that no condition can resolve")
		case !slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == rule }):
			t.wrong(field+".resolves", CodeCondition, "names a rule under which nothing was found")
		}
	}
}

// lawOf is what a version relies on.
func lawOf(l Legal) Law {
	return Law{Art6: l.Art6, Art9: l.Art9, Sch1: l.Sch1, Basis: l.Basis, Powers: l.Powers}
}

// narrowed takes the part of the law that the decision names, and says whether all of it is the version's own.
func narrowed(said *Law, l Legal) (Law, bool) {
	law := lawOf(l)
	if said == nil {
		return law, true
	}
	ok := narrow(&law.Art6, said.Art6) && narrow(&law.Art9, said.Art9) && narrow(&law.Sch1, said.Sch1) &&
		narrow(&law.Powers, said.Powers) && (said.Basis == "" || said.Basis == law.Basis)
	return law, ok
}

// narrow replaces the list by the part that was named; nothing named leaves it whole.
func narrow[C comparable](list *[]C, said []C) bool {
	if len(said) == 0 {
		return true
	}
	for _, code := range said {
		if !slices.Contains(*list, code) {
			return false
		}
	}
	*list = said
	return true
}
