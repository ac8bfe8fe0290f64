package rehearse

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// Rehearser opens a store inside a transaction that is taken back afterwards (postgres.DB).
type Rehearser interface {
	Rehearse(ctx context.Context, f func(caldicott.Store) error) error
}

// Report is what became of one case. A case passes with no differences.
type Report struct {
	Case        string   `json:"case"`
	Steps       int      `json:"steps"`
	Differences []string `json:"differences"`
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
	renewed       string         // the request before, where renew began the one that is played now
	shift         string         // the newest shift on the rota
	last          caldicott.Case // after the newest deed
	atDecision    *caldicott.Deadlines
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
	report := Report{Case: c.ID, Differences: []string{}}
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

// run plays the steps; one that is refused unexpectedly ends the case.
func (p *play) run(ctx context.Context) error {
	for i, s := range p.written.Steps {
		if err := p.keep(ctx, s.At); err != nil {
			return err
		}
		p.now = s.At
		p.report.Steps++
		where := fmt.Sprintf("step %d %s%s by %s", i+1, s.Deed, s.Look, s.Actor)
		if s.Look != "" {
			if err := p.look(ctx, where, s); err != nil {
				return err
			}
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
		p.remember(*result, s)
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

// keep lets the keeper do its work until the instant: everything that comes due is recorded when it comes due.
func (p *play) keep(ctx context.Context, until time.Time) error {
	for _, id := range []string{p.renewed, p.request} {
		for id != "" {
			c, err := p.store.ReadCase(ctx, id)
			if err != nil {
				return err
			}
			agenda := p.service.House.Agenda(&c, p.now)
			if len(agenda) == 0 || agenda[0].At.After(until) {
				break
			}
			if agenda[0].At.After(p.now) {
				p.now = agenda[0].At
			}
			if err := p.service.KeepCase(ctx, id); err != nil {
				return err
			}
		}
	}
	return p.refresh(ctx)
}

// refresh reads the case as it stands.
func (p *play) refresh(ctx context.Context) error {
	if p.request == "" {
		return nil
	}
	c, err := p.store.ReadCase(ctx, p.request)
	if err == nil {
		p.last = c
	}
	return err
}

// remember keeps the case as the deed left it, and the deadlines at the first decision.
func (p *play) remember(r casework.Result, s Step) {
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
func (p *play) look(ctx context.Context, where string, s Step) error {
	state := ""
	p.last.Pass(p.now)
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
		var err error
		if state, err = p.lookFurther(ctx, s); err != nil {
			return err
		}
	}
	if state != s.State {
		p.differ("%s: %s is %q, not %q", where, s.Look, state, s.State)
	}
	return nil
}

// lookFurther reads what is not in the case itself: the newest notice to the actor, the actor's most pressing task, the
// authorisation that a renewal renews; or a review, an incident, a document.
func (p *play) lookFurther(ctx context.Context, s Step) (string, error) {
	switch s.Look {
	case "notices":
		told, err := p.store.NoticesOf(ctx, s.Actor, "", 1)
		if err != nil || len(told) == 0 {
			return "", err
		}
		return string(told[0].Event), nil
	case "tasks":
		by, err := p.store.ActorByUserID(ctx, s.Actor)
		if err != nil {
			return "", err
		}
		tasks, err := p.service.Tasks(ctx, by, "", "", 1)
		if err != nil || len(tasks) == 0 {
			return "", err
		}
		return string(tasks[0].Name), nil
	case "renewed":
		return p.lookAtRenewed(ctx)
	case "review":
		if all := p.last.Reviews(); len(all) > 0 {
			return string(all[len(all)-1].State()), nil
		}
	case "document":
		if all := p.last.Documents(); len(all) > 0 {
			return string(all[len(all)-1].State), nil
		}
	case "flag":
		for _, d := range slices.Backward(p.last.Done) {
			if len(d.Details.Flags) > 0 {
				return string(d.Details.Flags[0]), nil
			}
		}
	case "incident":
		if all := p.last.Incidents(); len(all) > 0 && all[len(all)-1].Settled() {
			return "SETTLED", nil
		} else if len(all) > 0 {
			return "OPEN", nil
		}
	default:
		return "nothing of that name can be looked at", nil
	}
	return "", nil
}

// lookAtRenewed is the state of the authorisation that the request would renew.
func (p *play) lookAtRenewed(ctx context.Context) (string, error) {
	if p.renewed == "" {
		return "", nil
	}
	c, err := p.store.ReadCase(ctx, p.renewed)
	if err != nil {
		return "", err
	}
	a, _ := c.Authorisation(p.last.Request.Renews)
	return string(c.AuthorisationState(a, p.now)), nil
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
