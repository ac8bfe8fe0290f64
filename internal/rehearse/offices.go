package rehearse

import (
	"context"
	"encoding/json"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// record does the deeds by which an organisation puts something on record besides its directory.
func (p *play) record(ctx context.Context, call casework.Call, s Step) error {
	switch s.Deed {
	case caldicott.RecordAssurance:
		return p.recordAssurance(ctx, call, s)
	case caldicott.Roster:
		var b api.Rostering
		if err := p.read(s, &b); err != nil {
			return err
		}
		call.Invalid = api.Check(&b)
		from, to := b.Times()
		r, err := p.service.Roster(ctx, call, nil, b.Person, from, to)
		p.shift = r.Shift.ID
		return err
	case caldicott.EndShift:
		var b api.EndingShift
		if err := p.read(s, &b); err != nil {
			return err
		}
		call.Invalid = api.Check(&b)
		_, err := p.service.EndShift(ctx, call, nil, p.shift, b.Reason)
		return err
	case caldicott.Prefer:
		var b api.Preferring
		if err := p.read(s, &b); err != nil {
			return err
		}
		call.IfMatch, call.Invalid = call.By.Revision, api.Check(&b)
		_, err := p.service.Prefer(ctx, call, nil, b.Mail)
		return err
	}
	return p.sampled(ctx, call, s)
}

// recordAssurance takes the organisation's code from the step: it stands in the path, not in the body.
func (p *play) recordAssurance(ctx context.Context, call casework.Call, s Step) error {
	var code string
	if err := json.Unmarshal(s.Body["org_code"], &code); err != nil {
		return err
	}
	delete(s.Body, "org_code")
	var b api.RecordingAssurance
	if err := p.read(s, &b); err != nil {
		return err
	}
	call.Invalid = api.Check(&b)
	_, err := p.service.RecordAssurance(ctx, call, nil, code, b.Status, b.ValidTo)
	return err
}

// sampled does the deeds on samples: the guardian's word on the case's own newest decision, and on a standing rule.
func (p *play) sampled(ctx context.Context, call casework.Call, s Step) error {
	if s.Deed == caldicott.ReviewStandingRule {
		var kind vocabulary.Kind
		if err := json.Unmarshal(s.Body["kind"], &kind); err != nil {
			return err
		}
		delete(s.Body, "kind")
		var b api.ReviewingStandingRule
		if err := p.read(s, &b); err != nil {
			return err
		}
		call.Invalid = api.Check(&b)
		_, err := p.service.ReviewStandingRule(ctx, call, nil, kind, b.Reason)
		return err
	}
	samples, err := p.service.Samples(ctx, call.By)
	if err != nil {
		return err
	}
	d, _ := p.last.Decision()
	s.Body["decision"] = quoted(d.ID)
	var b api.JudgingSample
	if err := p.read(s, &b); err != nil {
		return err
	}
	id := ""
	if len(samples) > 0 {
		id = samples[len(samples)-1].ID
	}
	call.Invalid = api.Check(&b)
	_, err = p.service.JudgeSample(ctx, call, nil, id, b.Decision, b.Agrees, b.Reason)
	return err
}
