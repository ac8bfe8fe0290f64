package rehearse

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// Rehearser opens a store inside a transaction that is taken back afterwards (postgres.DB).
type Rehearser interface {
	Rehearse(ctx context.Context, f func(caldicott.Store) error) error
}

// Report is what became of one case. A case passes with no differences; NotRehearsed names the capabilities that steps
// wait for.
type Report struct {
	Case         string   `json:"case"`
	Steps        int      `json:"steps"`
	Differences  []string `json:"differences"`
	NotRehearsed []string `json:"not_rehearsed"`
}

// play is one case being played: the store of its own transaction, a clock that stands where the step says, and the
// file's own names for what came to be.
type play struct {
	service *casework.Service
	store   caldicott.Store
	written Case
	now     time.Time
	report  *Report

	organisations map[string]string // code → id
	delegations   map[string]string // file's id → id
	appointments  map[string]string
	people        map[string]caldicott.Actor
	document      json.RawMessage // the content as it stands
	request       string
	last          caldicott.Case // after the newest deed
	atDecision    *caldicott.Deadlines
	skipped       time.Time // of the first step that was not rehearsed; zero where all were
	disclosure    caldicott.Disclosure
}

// Player plays cases by the house's rules and policy.
type Player struct {
	House  *caldicott.House
	Policy casework.Policy
	NewID  func() string
}

// Play plays one case: what its content alone decides is compared first, then every step, then the whole.
func (r Player) Play(ctx context.Context, f File, c Case, stage Rehearser) (Report, error) {
	report := Report{Case: c.ID, Differences: []string{}, NotRehearsed: []string{}}
	content, err := contentOf(c.Content)
	if err != nil {
		report.Differences = append(report.Differences, err.Error())
		return report, nil
	}
	k := castOf(f, c, content)
	r.checkContent(&report, c, content, k)
	if len(c.Steps) == 0 {
		return report, nil
	}
	p := &play{written: c, now: c.Steps[0].At, report: &report, document: c.Content, appointments: map[string]string{}, people: map[string]caldicott.Actor{}}
	err = stage.Rehearse(ctx, func(store caldicott.Store) error {
		p.store = store
		p.service = &casework.Service{Store: store, Policy: r.Policy, House: r.House, NewID: r.NewID, Clock: func() time.Time { return p.now }}
		if err := p.set(ctx, k); err != nil {
			return err
		}
		return p.run(ctx)
	})
	return report, err
}

func (p *play) differ(format string, args ...any) {
	p.report.Differences = append(p.report.Differences, fmt.Sprintf(format, args...))
}

// differFrom notes a difference in what should be true at an instant. From the first step on that was not rehearsed, it may
// follow from that step, and is reported as not rehearsed: never as passed, and never as a fault.
func (p *play) differFrom(at time.Time, format string, args ...any) {
	if p.skipped.IsZero() || at.Before(p.skipped) {
		p.differ(format, args...)
		return
	}
	p.report.NotRehearsed = append(p.report.NotRehearsed, fmt.Sprintf(format, args...))
}

// run plays the steps; one that is refused unexpectedly ends the case.
func (p *play) run(ctx context.Context) error {
	for i, s := range p.written.Steps {
		p.now = s.At
		if s.Needs != "" {
			p.report.NotRehearsed = append(p.report.NotRehearsed, fmt.Sprintf("step %d %s%s needs %s", i+1, s.Deed, s.Look, s.Needs))
			if p.skipped.IsZero() {
				p.skipped = s.At
			}
			continue
		}
		p.report.Steps++
		where := fmt.Sprintf("step %d %s%s by %s", i+1, s.Deed, s.Look, s.Actor)
		if s.Look != "" {
			p.look(where, s)
			continue
		}
		goOn, err := p.deed(ctx, where, s)
		if err != nil || !goOn {
			return err
		}
	}
	p.compare()
	return nil
}

// deed does one step and compares what follows from it; false ends the case.
func (p *play) deed(ctx context.Context, where string, s Step) (bool, error) {
	result, err := p.do(ctx, s)
	if err != nil && caldicott.CodeOf(err) == "" { // the file's own fault
		p.differ("%s: %v", where, err)
		return false, nil
	}
	status, code := outcomeOf(err)
	if status == http.StatusInternalServerError || status == http.StatusServiceUnavailable {
		return false, fmt.Errorf("%s: %w", where, err)
	}
	switch {
	case s.Refused != nil && err == nil:
		p.differ("%s: was to be refused with %d %s, but was done", where, s.Refused.Status, s.Refused.Code)
		return false, nil
	case s.Refused != nil:
		if status != s.Refused.Status || code != s.Refused.Code {
			p.differ("%s: was to be refused with %d %s, but was with %d %s", where, s.Refused.Status, s.Refused.Code, status, code)
		}
		return true, nil
	case err != nil:
		p.differ("%s: was refused with %d %s: %s", where, status, code, sentences(err))
		return false, nil
	}
	if result != nil {
		p.keep(*result, s)
	}
	p.after(where, s)
	return true, nil
}

// outcomeOf is what HTTP would have answered.
func outcomeOf(err error) (status int, code string) {
	if err == nil {
		return 200, ""
	}
	problem := api.ProblemOf(err, "", "")
	return problem.Status, problem.Code
}

func sentences(err error) string {
	var b bytes.Buffer
	for i, e := range api.ProblemOf(err, "", "").Errors {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %s %s", e.Field, e.Code, e.Message)
	}
	if b.Len() == 0 {
		return api.ProblemOf(err, "", "").Detail
	}
	return b.String()
}

// keep remembers the case as the deed left it, and the deadlines at the first decision.
func (p *play) keep(r casework.Result, s Step) {
	p.last, p.request = r.Case, r.Case.Request.ID
	if n := len(r.Case.Disclosures); n > 0 && (s.Deed == caldicott.Disclose || s.Deed == caldicott.RecordEmergency) {
		p.disclosure = r.Case.Disclosures[n-1]
	}
	if p.atDecision == nil && (s.Deed == caldicott.Decide || s.Deed == caldicott.SetAside) {
		d := p.service.Facts(r).Deadlines
		p.atDecision = &d
	}
}

// after compares what the step says must be true once it is done.
func (p *play) after(where string, s Step) {
	if s.After != "" && p.last.Request.State != s.After {
		p.differ("%s: state is %s, not %s", where, p.last.Request.State, s.After)
	}
	if s.AfterCond != "" {
		if x, ok := p.condition(s.Condition); !ok {
			p.differ("%s: there is no condition %s", where, s.Condition)
		} else if state := x.State(p.last.Done, p.now); state != s.AfterCond {
			p.differ("%s: condition %s is %s, not %s", where, s.Condition, state, s.AfterCond)
		}
	}
	if s.AfterAuth != "" {
		if a, ok := p.last.Authorisation(""); !ok {
			p.differ("%s: there is no authorisation", where)
		} else if state := p.last.AuthorisationState(a, p.now); state != s.AfterAuth {
			p.differ("%s: authorisation is %s, not %s", where, state, s.AfterAuth)
		}
	}
	if s.Exception != nil && *s.Exception != (p.disclosure.Exception != "") {
		p.differ("%s: exception is %v (%s), not %v", where, !*s.Exception, p.disclosure.Exception, *s.Exception)
	}
}

// look reads something at an instant and compares its state.
func (p *play) look(where string, s Step) {
	state := ""
	switch s.Look {
	case "request":
		state = string(p.last.Request.State)
	case "authorisation":
		if a, ok := p.last.Authorisation(""); ok {
			state = string(p.last.AuthorisationState(a, p.now))
		}
	case "condition":
		if x, ok := p.condition(s.Condition); ok {
			state = string(x.State(p.last.Done, p.now))
		}
	case "disclosure":
		state = p.disclosureState()
	default:
		p.differ("%s: nothing of that name can be looked at", where)
		return
	}
	if state != s.State {
		p.differ("%s: %s is %q, not %q", where, s.Look, state, s.State)
	}
}

// disclosureState is COVERED, REGULARISED, or why the newest disclosure is an exception.
func (p *play) disclosureState() string {
	switch {
	case p.disclosure.ID == "":
		return ""
	case p.disclosure.Exception == "":
		return "COVERED"
	case p.last.Regularised(p.disclosure):
		return "REGULARISED"
	}
	return string(p.disclosure.Exception)
}

// condition finds a condition by its label; the newest decision's where two carry the same.
func (p *play) condition(label string) (caldicott.Condition, bool) {
	for i := len(p.last.Conditions) - 1; i >= 0; i-- {
		if p.last.Conditions[i].Label == label {
			return p.last.Conditions[i], true
		}
	}
	return caldicott.Condition{}, false
}
