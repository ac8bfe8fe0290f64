package rehearse

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// bodies gives each deed on a case the type of its operation's body.
func bodies(a caldicott.Action) api.Body {
	switch a {
	case caldicott.Submit:
		return &api.Submitting{}
	case caldicott.Triage:
		return &api.Triaging{}
	case caldicott.Ask:
		return &api.Asking{}
	case caldicott.Consult:
		return &api.Consulting{}
	case caldicott.Advise:
		return &api.Advising{}
	case caldicott.Waive:
		return &api.Waiving{}
	case caldicott.PutForward:
		return &api.PuttingForward{}
	case caldicott.SetAside:
		return &api.SettingAside{}
	case caldicott.Open:
		return &api.Opening{}
	case caldicott.HandBack:
		return &api.HandingBack{}
	case caldicott.Decide:
		return &api.Deciding{}
	case caldicott.Withdraw:
		return &api.Withdrawing{}
	case caldicott.Close:
		return &api.Closing{}
	case caldicott.SeekRatification:
		return &api.SeekingRatification{}
	case caldicott.Comment:
		return &api.Commenting{}
	case caldicott.Disclose:
		return &api.Disclosing{}
	case caldicott.Suspend:
		return &api.Suspending{}
	case caldicott.Reinstate:
		return &api.Reinstating{}
	case caldicott.Revoke:
		return &api.Revoking{}
	case caldicott.Complete:
		return &api.Completing{}
	case caldicott.SubmitEvidence:
		return &api.SubmittingEvidence{}
	case caldicott.AcceptEvidence:
		return &api.AcceptingEvidence{}
	case caldicott.RejectEvidence:
		return &api.RejectingEvidence{}
	case caldicott.WaiveCondition:
		return &api.WaivingCondition{}
	case caldicott.BreachCondition:
		return &api.BreachingCondition{}
	}
	return laterBodies(a)
}

// laterBodies are those of what is done to a decided request.
func laterBodies(a caldicott.Action) api.Body {
	switch a {
	case caldicott.Vary:
		return &api.Varying{}
	case caldicott.Renew:
		return &api.Renewing{}
	case caldicott.RecordSupport:
		return &api.RecordingSupport{}
	case caldicott.RequestReview:
		return &api.RequestingReview{}
	case caldicott.InviteReviewer:
		return &api.InvitingReviewer{}
	case caldicott.DecideReview:
		return &api.DecidingReview{}
	case caldicott.RecordDissent:
		return &api.RecordingDissent{}
	case caldicott.AnswerDissent:
		return &api.AnsweringDissent{}
	case caldicott.RecordNotFollowed:
		return &api.RecordingNotFollowed{}
	case caldicott.LinkIncident:
		return &api.LinkingIncident{}
	case caldicott.UpdateIncident:
		return &api.UpdatingIncident{}
	case caldicott.LinkRisk:
		return &api.LinkingRisk{}
	case caldicott.EraseDocument:
		return &api.ErasingDocument{}
	}
	return nil
}

// hanging is the newest thing of the kind that the deed is done to; "" where there is none, or the deed is done to the
// request itself.
func (p *play) hanging(a caldicott.Action) (caldicott.Noun, string) {
	newest := func(noun caldicott.Noun, deeds ...caldicott.Action) (caldicott.Noun, string) {
		for _, d := range slices.Backward(p.last.Done) {
			if slices.Contains(deeds, d.Deed) && (d.Deed != caldicott.BreachCondition || d.Details.Report != nil) {
				return noun, d.ID
			}
		}
		return noun, ""
	}
	switch a {
	case caldicott.InviteReviewer, caldicott.DecideReview:
		return newest(caldicott.Reviews, caldicott.RequestReview)
	case caldicott.AnswerDissent:
		return newest(caldicott.Dissents, caldicott.RecordDissent)
	case caldicott.UpdateIncident:
		return newest(caldicott.Incidents, caldicott.LinkIncident, caldicott.BreachCondition)
	case caldicott.EraseDocument:
		return newest(caldicott.Documents, caldicott.Attach)
	}
	return caldicott.Requests, p.request
}

// do does one step; nil without error is a deed on people or the directory.
func (p *play) do(ctx context.Context, s Step) (*casework.Result, error) {
	if s.Deed == caldicott.DrawSample { // the keeper's own
		return nil, p.service.DrawSamples(ctx)
	}
	by, err := p.known(ctx, s.Actor)
	if err != nil {
		return nil, err
	}
	call := casework.Call{By: by}
	switch s.Deed {
	case caldicott.Draft, caldicott.RecordEmergency, caldicott.Amend, caldicott.Answer, caldicott.Resubmit:
		return p.contentDeed(ctx, call, s)
	case caldicott.Enrol, caldicott.Appoint, caldicott.ConfirmAppointment, caldicott.EndAppointment, caldicott.Delegate,
		caldicott.AcceptDelegation, caldicott.RevokeDelegation:
		return nil, p.office(ctx, call, s)
	case caldicott.RecordAssurance, caldicott.Roster, caldicott.EndShift, caldicott.JudgeSample, caldicott.ReviewStandingRule, caldicott.Prefer:
		return nil, p.record(ctx, call, s)
	case caldicott.Attach:
		return p.attach(ctx, call, s)
	}
	body := bodies(s.Deed)
	if body == nil {
		return nil, fmt.Errorf("deed %s cannot be rehearsed", s.Deed)
	}
	if err := p.read(s, body); err != nil {
		return nil, err
	}
	return p.act(ctx, call, s, body)
}

// known finds an actor once; what they may do is read anew inside every deed.
func (p *play) known(ctx context.Context, userID string) (caldicott.Actor, error) {
	if by, ok := p.people[userID]; ok {
		return by, nil
	}
	by, err := p.store.ActorByUserID(ctx, userID)
	if err == nil {
		p.people[userID] = by
	}
	return by, err
}

// act sends a deed to what it is done to.
func (p *play) act(ctx context.Context, call casework.Call, s Step, body api.Body) (*casework.Result, error) {
	target := casework.Target{Noun: caldicott.Requests, ID: p.request}
	switch {
	case has(caldicott.AuthorisationDeeds(), s.Deed):
		a, _ := p.last.Authorisation("")
		target = casework.Target{Noun: caldicott.Authorisations, ID: a.ID}
	case has(caldicott.ConditionDeeds(), s.Deed):
		x, _ := p.condition(s.Condition)
		target = casework.Target{Noun: caldicott.Conditions, ID: x.ID}
	default:
		target.Noun, target.ID = p.hanging(s.Deed)
	}
	if target.ID == "" {
		return nil, caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is nothing yet to do this to.")
	}
	if b, ok := body.(*api.LinkingIncident); ok && b.Suspends != nil && *b.Suspends && b.Authorisation == "" && s.Refused == nil {
		a, _ := p.last.Authorisation("") // the file cannot know its id
		b.Authorisation = a.ID
	}
	deed := body.Deed()
	if d, ok := body.(*api.Disclosing); ok {
		if a, authorised := p.last.Authorisation(""); authorised {
			deed = d.Under(a.ID)
		}
	}
	call.Invalid, call.Confirmed = api.Check(body), body.Confirmed()
	call.IfMatch = casework.Revision(&p.last, s.Deed, target.ID)
	result, err := p.service.Do(ctx, call, target, deed)
	if err == nil && s.Deed == caldicott.Renew { // what follows is done to the request that it began
		p.renewed, p.document = p.request, result.Case.Content().Bytes()
	}
	return &result, err
}

// attach adds a document of which the file gives the name and the words.
func (p *play) attach(ctx context.Context, call casework.Call, s Step) (*casework.Result, error) {
	var body struct {
		Name string                  `json:"name"`
		Text string                  `json:"text"`
		Type vocabulary.DocumentType `json:"type"`
	}
	if err := p.read(s, &body); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(body.Text))
	result, err := p.service.Do(ctx, call, casework.Target{Noun: caldicott.Requests, ID: p.request}, caldicott.Attaching{
		ID: p.service.NewID(), Unscanned: true, Filed: caldicott.Filed{
			Name: body.Name, MediaType: "text/plain", Size: int64(len(body.Text)), SHA256: hex.EncodeToString(sum[:]), Type: body.Type,
		},
	})
	return &result, err
}

func has(list []caldicott.Action, a caldicott.Action) bool {
	for _, x := range list {
		if x == a {
			return true
		}
	}
	return false
}

// read reads the step's body as strictly as the operation would; a condition's `state` is what it will be, no input, and
// the file's own name of a delegation becomes its id.
func (p *play) read(s Step, into any) error {
	members := map[string]json.RawMessage{}
	for name, v := range s.Body {
		members[name] = v
	}
	if s.Delegation != "" {
		id, ok := p.delegations[s.Delegation]
		if !ok {
			return fmt.Errorf("the file has no delegation %s", s.Delegation)
		}
		members["delegation"] = quoted(id)
	}
	if raw, ok := members["conditions"]; ok {
		var conditions []map[string]json.RawMessage
		if err := json.Unmarshal(raw, &conditions); err != nil {
			return fmt.Errorf("conditions: %w", err)
		}
		for _, x := range conditions {
			delete(x, "state")
		}
		clean, err := json.Marshal(conditions)
		if err != nil {
			return fmt.Errorf("conditions: %w", err)
		}
		members["conditions"] = clean
	}
	document, err := json.Marshal(members)
	if err != nil {
		return fmt.Errorf("body of %s: %w", s.Deed, err)
	}
	return strictly(document, into)
}

func quoted(s string) json.RawMessage { return json.RawMessage(`"` + s + `"`) }

func strictly(document []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("body of a step: %w", err)
	}
	return nil
}

// contentOf reads a content out of a scenario, whose other members are none of it. What the service says of itself
// (conflicts, attachments) is left for the service to say.
func contentOf(document json.RawMessage) (caldicott.Content, error) {
	var c caldicott.Content
	if err := json.Unmarshal(document, &c); err != nil {
		return c, fmt.Errorf("content: %w", err)
	}
	c.Conflicts, c.Attachments = nil, nil
	return c, nil
}

// contentDeed does the deeds that carry a content: the case's own, patched, or written out.
func (p *play) contentDeed(ctx context.Context, call casework.Call, s Step) (*casework.Result, error) {
	document := p.document
	if s.Patch != nil {
		patched, err := patch(document, s.Patch)
		if err != nil {
			return nil, err
		}
		document = patched
	}
	content, err := contentOf(document)
	if err != nil {
		return nil, err
	}
	body, deed, err := p.contentBody(s, &content)
	if err != nil {
		return nil, err
	}
	call.Invalid, call.Confirmed = api.Check(body), body.Confirmed()
	var result casework.Result
	if s.Deed == caldicott.Draft || s.Deed == caldicott.RecordEmergency {
		result, err = p.service.Begin(ctx, call, deed)
	} else {
		call.IfMatch = casework.Revision(&p.last, s.Deed, "")
		result, err = p.service.Do(ctx, call, casework.Target{Noun: caldicott.Requests, ID: p.request}, deed)
	}
	if err == nil {
		p.document = document
	}
	return &result, err
}

// contentBody gives the body of the deed with its content in place.
func (p *play) contentBody(s Step, content *caldicott.Content) (api.Body, caldicott.Deed, error) {
	if s.Deed == caldicott.Answer {
		b := &api.Answering{}
		if err := p.read(s, b); err != nil {
			return nil, nil, err
		}
		if s.Patch != nil || s.Content != "" {
			b.Content = content
		}
		return b, b.Deed(), nil
	}
	var frame struct {
		DisclosedAt string `json:"disclosed_at"`
		ApprovedBy  string `json:"approved_by"`
		api.Confirming
	}
	if err := p.read(s, &frame); err != nil {
		return nil, nil, err
	}
	if frame.DisclosedAt != "" {
		content.DisclosedAt = frame.DisclosedAt
	}
	if frame.ApprovedBy != "" {
		content.ApprovedBy = frame.ApprovedBy
	}
	var body api.Body
	switch s.Deed {
	case caldicott.Draft:
		body = &api.Drafting{Content: *content, Confirming: frame.Confirming}
	case caldicott.RecordEmergency:
		body = &api.RecordingEmergency{Content: *content, Confirming: frame.Confirming}
	case caldicott.Amend:
		body = &api.Amending{Content: *content, Confirming: frame.Confirming}
	default:
		body = &api.Resubmitting{Content: content, Confirming: frame.Confirming}
	}
	return body, body.Deed(), nil
}

// patch applies a JSON Patch (RFC 6902).
func patch(document, operations json.RawMessage) (json.RawMessage, error) {
	p, err := jsonpatch.DecodePatch(operations)
	if err != nil {
		return nil, fmt.Errorf("patch: %w", err)
	}
	patched, err := p.Apply(document)
	if err != nil {
		return nil, fmt.Errorf("patch: %w", err)
	}
	return patched, nil
}

// office does the deeds on people.
func (p *play) office(ctx context.Context, call casework.Call, s Step) error {
	var r casework.DirectoryResult
	var err error
	switch s.Deed {
	case caldicott.Enrol:
		var b api.Enrolling
		if err = p.read(s, &b); err == nil {
			call.Invalid = api.Check(&b)
			_, err = p.service.Enrol(ctx, call, nil, b.Enrolled())
		}
	case caldicott.Appoint:
		var b api.Appointing
		if err = p.read(s, &b); err == nil {
			call.Invalid = api.Check(&b)
			r, err = p.service.Appoint(ctx, call, nil, b.Appointed())
			p.appointments[s.Named] = r.Appointment.ID
		}
	case caldicott.ConfirmAppointment, caldicott.EndAppointment:
		return p.onAppointment(ctx, call, s)
	case caldicott.Delegate:
		var b api.Delegating
		if err = p.read(s, &b); err == nil {
			call.Invalid = api.Check(&b)
			r, err = p.service.Delegate(ctx, call, nil, b.Delegated())
			p.delegations[s.Named] = r.Delegation.ID
		}
	case caldicott.AcceptDelegation, caldicott.RevokeDelegation:
		return p.onDelegation(ctx, call, s)
	}
	return err
}

func (p *play) onAppointment(ctx context.Context, call casework.Call, s Step) error {
	id := p.appointments[s.Appointed]
	a, err := p.store.AppointmentByID(ctx, id)
	if err != nil {
		return err
	}
	call.IfMatch = a.Revision
	if s.Deed == caldicott.ConfirmAppointment {
		_, err = p.service.ConfirmAppointment(ctx, call, nil, id)
		return err
	}
	var b api.EndingAppointment
	if err := p.read(s, &b); err != nil {
		return err
	}
	call.Invalid = api.Check(&b)
	_, err = p.service.EndAppointment(ctx, call, nil, id, b.Reason, b.On)
	return err
}

func (p *play) onDelegation(ctx context.Context, call casework.Call, s Step) error {
	id := p.delegations[s.Delegation]
	d, err := p.store.DelegationByID(ctx, id)
	if err != nil {
		return err
	}
	call.IfMatch = d.Revision
	if s.Deed == caldicott.AcceptDelegation {
		_, err = p.service.AcceptDelegation(ctx, call, nil, id)
		return err
	}
	var b api.RevokingDelegation
	s.Delegation = ""
	if err := p.read(s, &b); err != nil {
		return err
	}
	call.Invalid = api.Check(&b)
	_, err = p.service.RevokeDelegation(ctx, call, nil, id, b.Reason)
	return err
}
