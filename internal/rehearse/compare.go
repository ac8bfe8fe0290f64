package rehearse

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// checkContent compares what the content alone decides: findings on the day of submission, before anybody is consulted,
// and who must be; for a case without steps also its deadlines.
func (r Player) checkContent(report *Report, c Case, content caldicott.Content, k cast) {
	in := caldicott.Circumstances{Now: submission(c), Guardians: k.guardians(content.Requester.OrgCode)}
	if emergency := begins(c, content); emergency {
		in.Emergency, in.Recorded = true, in.Now
		for _, s := range c.Steps[:min(1, len(c.Steps))] {
			var at string
			if json.Unmarshal(s.Body["disclosed_at"], &at) == nil && at != "" {
				content.DisclosedAt = at
			}
		}
	}
	differ := func(format string, args ...any) {
		report.Differences = append(report.Differences, fmt.Sprintf(format, args...))
	}
	if c.Expected.Validation != nil {
		var found []FindingExpected
		for _, x := range r.House.Rules.Findings(content, in) {
			found = append(found, FindingExpected{x.Rule, x.Severity, x.Field})
		}
		missing, extra := sets(*c.Expected.Validation, found)
		for _, x := range missing {
			differ("validation: %s %s %s was not found", x.Rule, x.Severity, x.Field)
		}
		for _, x := range extra {
			differ("validation: %s %s %s was not expected", x.Rule, x.Severity, x.Field)
		}
	}
	if c.Expected.Mandatory != nil {
		missing, extra := sets(*c.Expected.Mandatory, r.House.Consultees.Mandatory(content))
		for _, x := range missing {
			differ("mandatory_consultees: %s need not be asked", x)
		}
		for _, x := range extra {
			differ("mandatory_consultees: %s must be asked too", x)
		}
	}
	if len(c.Steps) == 0 && c.Expected.Deadlines != nil {
		clock := caldicott.Clock{Kind: content.Kind, Urgency: content.Urgency, Submitted: in.Now, Now: in.Now}
		if at, err := time.Parse(time.RFC3339, content.DisclosedAt); err == nil && in.Emergency {
			clock.Disclosed, clock.Submitted = at, time.Time{}
		}
		for _, d := range compareDeadlines(c.Expected.Deadlines, r.House.Targets.Deadlines(r.House.Calendar, clock)) {
			differ("%s", d)
		}
	}
}

// begins says whether the case is an emergency: it begins by record_emergency, or has no steps and tells of a disclosure.
func begins(c Case, content caldicott.Content) bool {
	if len(c.Steps) == 0 {
		return content.DisclosedAt != ""
	}
	return c.Steps[0].Deed == caldicott.RecordEmergency
}

// submission is the instant at which the content is held against the rules.
func submission(c Case) time.Time {
	if !c.SubmittedAt.IsZero() {
		return c.SubmittedAt
	}
	for _, s := range c.Steps {
		if s.Deed == caldicott.Submit || s.Deed == caldicott.RecordEmergency {
			return s.At
		}
	}
	if len(c.Steps) > 0 {
		return c.Steps[0].At
	}
	return time.Now().UTC()
}

// sets compares two lists as sets.
func sets[T comparable](expected, found []T) (missing, extra []T) {
	for _, x := range expected {
		if !slices.Contains(found, x) {
			missing = append(missing, x)
		}
	}
	for _, x := range found {
		if !slices.Contains(expected, x) {
			extra = append(extra, x)
		}
	}
	return missing, extra
}

func compareDeadlines(expected map[string]time.Time, d caldicott.Deadlines) []string {
	found := map[string]time.Time{
		"triage_due": d.Triage, "decision_due": d.Decision, "record_due": d.Record, "ratification_due": d.Ratification,
		"statutory_due": d.Statutory,
	}
	var differences []string
	for name, at := range expected {
		if got := found[name]; !got.Equal(at) {
			differences = append(differences, fmt.Sprintf("deadlines: %s is %s, not %s", name, stamp(got), stamp(at)))
		}
	}
	sort.Strings(differences)
	return differences
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format(time.RFC3339)
}

// compare holds the whole case against what was expected of it.
func (p *play) compare() {
	e := p.written.Expected
	if e.Deadlines != nil {
		d := p.atDecision
		if d == nil {
			now := p.service.House.Targets.Deadlines(p.service.House.Calendar, p.last.Clock(p.now))
			d = &now
		}
		for _, difference := range compareDeadlines(e.Deadlines, *d) {
			p.differ("%s", difference)
		}
	}
	for _, leg := range e.Route {
		happened := slices.ContainsFunc(p.last.Done, func(d caldicott.Done) bool {
			return d.To == leg.To && (leg.Actor == "" || d.By == leg.Actor) && (leg.At.IsZero() || d.At.Equal(leg.At))
		})
		if !happened {
			p.differ("route: %s by %s at %s did not happen", leg.To, leg.Actor, stamp(leg.At))
		}
	}
	if e.Decision != nil {
		p.compareDecision(e.Decision)
	}
	if e.Authorisation != nil {
		p.compareAuthorisation(e)
	}
}

// compareAuthorisation compares the state after the last decision of the route, or after the last step where later
// decisions follow.
func (p *play) compareAuthorisation(e Expected) {
	var want string
	if err := json.Unmarshal(e.Authorisation, &want); err != nil {
		p.differ("authorisation_state: %v", err)
		return
	}
	at := p.now
	var last time.Time
	for _, leg := range e.Route {
		if leg.To == vocabulary.StateDecided && leg.At.After(last) {
			last = leg.At
		}
	}
	later := slices.ContainsFunc(p.last.Decisions, func(d caldicott.Decision) bool { return d.At.After(last) })
	if !last.IsZero() && !later {
		at = last
	}
	got := ""
	if a, ok := p.last.Authorisation(""); ok {
		got = string(p.last.AuthorisationState(a, at))
	}
	if got != want {
		p.differ("authorisation_state: is %q, not %q", got, want)
	}
}

// compareDecision compares the first decision, as recorded, member by member as far as the file gives them.
func (p *play) compareDecision(raw json.RawMessage) {
	var want map[string]any
	if err := json.Unmarshal(raw, &want); err != nil {
		p.differ("decision: %v", err)
		return
	}
	if len(p.last.Decisions) == 0 || want == nil {
		if (len(p.last.Decisions) == 0) != (want == nil) {
			p.differ("decision: there are %d, expected %s", len(p.last.Decisions), raw)
		}
		return
	}
	got := p.decisionMembers(p.last.Decisions[0])
	members := make([]string, 0, len(want))
	for name := range want {
		members = append(members, name)
	}
	sort.Strings(members)
	for _, name := range members {
		value, known := got[name]
		if !known {
			p.differ("decision: nothing is recorded as %s", name)
			continue
		}
		if name == "conditions" {
			p.compareConditions(want[name], value)
			continue
		}
		if !alike(want[name], value) {
			p.differ("decision: %s is %s, not %s", name, js(value), js(want[name]))
		}
	}
}

func (p *play) decisionMembers(d caldicott.Decision) map[string]any {
	members := map[string]any{
		"outcome": string(d.Outcome), "decided_by": d.DecidedBy, "acting_as": string(d.ActingAs), "at": d.At,
		"rationale": d.Rationale, "review_date": d.ReviewDate, "expiry_date": d.ExpiryDate, "refer_to": plain(d.ReferTo),
		"harm_statement": d.HarmStatement, "alternative_offered": d.AlternativeOffered, "standing_rule": d.StandingRule,
		"delegation": nil,
	}
	for name, id := range p.delegations {
		if id == d.Delegation {
			members["delegation"] = name
		}
	}
	conditions := map[string]map[string]any{}
	for _, x := range p.last.Conditions {
		if x.Decision == d.ID {
			conditions[x.Label] = map[string]any{
				"id": x.Label, "type": string(x.Type), "text": x.Text, "owner": x.Owner, "due": x.Due,
				"evidence_expected": x.EvidenceExpected, "resolves": plain(x.Resolves), "state": string(x.State(p.last.Done, d.At)),
			}
		}
	}
	members["conditions"] = conditions
	return members
}

func (p *play) compareConditions(want, got any) {
	expected, ok := want.([]any)
	recorded, _ := got.(map[string]map[string]any)
	if !ok && want != nil || len(expected) != len(recorded) {
		p.differ("decision: there are %d conditions, not %d", len(recorded), len(expected))
		return
	}
	for _, x := range expected {
		condition, _ := x.(map[string]any)
		label, _ := condition["id"].(string)
		is, ok := recorded[label]
		if !ok {
			p.differ("decision: there is no condition %s", label)
			continue
		}
		for name, value := range condition {
			if !alike(value, is[name]) {
				p.differ("decision: condition %s: %s is %s, not %s", label, name, js(is[name]), js(value))
			}
		}
	}
}

// alike compares a member of the file with what was recorded: null is empty, instants are instants, lists are sets, a
// delegation is its id.
func alike(want, got any) bool {
	switch w := want.(type) {
	case nil:
		return got == nil || reflect.ValueOf(got).IsZero() || isEmptyList(got)
	case map[string]any:
		return alike(w["id"], got)
	case string:
		if at, ok := got.(time.Time); ok {
			expected, err := time.Parse(time.RFC3339, w)
			return err == nil && expected.Equal(at)
		}
		return w == got
	case []any:
		list, ok := got.([]any)
		missing, extra := sets(w, list)
		return ok && len(missing) == 0 && len(extra) == 0
	}
	return reflect.DeepEqual(want, got)
}

func isEmptyList(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0
}

// plain makes a list of codes comparable with one read from JSON.
func plain[C ~string](list []C) []any {
	out := []any{}
	for _, x := range list {
		out = append(out, string(x))
	}
	return out
}

func js(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// CheckGuard compares what the identifier guard makes of the file's texts. The texts themselves never appear.
func (r Player) CheckGuard(f File) []string {
	differences := []string{}
	for i, c := range f.Guard {
		got := "ALLOW"
		for _, x := range r.House.Rules.Guard.Look([]caldicott.Text{{Field: "text", Value: c.Text}}, nil) {
			got = map[vocabulary.Severity]string{vocabulary.SeverityBlockSubmit: "BLOCK", vocabulary.SeverityWarn: "WARN"}[x.Severity]
		}
		if got != c.Expect {
			differences = append(differences, fmt.Sprintf("identifier_guard_cases[%d]: is %s, not %s", i, got, c.Expect))
		}
	}
	return differences
}
