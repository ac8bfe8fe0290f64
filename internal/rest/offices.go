package rest

import (
	"context"
	"net/http"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

func showAssurances(_ caldicott.Actor, list []caldicott.Assurance) answer {
	return shown(api.FromAssurances(list), 0)
}

func assured(d casework.DirectoryResult) (answer, error) {
	return shown(api.FromAssurance(d.Assurance), 1), nil
}

func (s *service) recordAssurance(e entry, b *api.RecordingAssurance) (casework.DirectoryResult, error) {
	if _, err := s.Work.Store.OrganisationByCode(e, e.name); err != nil {
		return casework.DirectoryResult{}, err
	}
	return s.Work.RecordAssurance(e, e.call, e.encode, e.name, b.Status, b.ValidTo)
}

func shiftView(x casework.Shift) api.ShiftView {
	return api.ShiftView{
		ID: x.ID, OrgCode: x.OrgCode, Person: x.UserID, From: x.From, To: x.To, By: x.By, At: x.At, EndedAt: x.Ended, Revision: x.Revision,
	}
}

// listRota shows the shifts of the caller's organisation.
func (s *service) listRota(w http.ResponseWriter, r *http.Request) error {
	asked, err := ask(r, notOver)
	if err != nil {
		return err
	}
	shifts, err := s.Work.Rota(r.Context(), actorOf(r.Context()), asked.instant(notOver))
	if err != nil {
		return err
	}
	rota := api.Rota{Items: []api.ShiftView{}}
	for _, x := range shifts {
		rota.Items = append(rota.Items, shiftView(x))
	}
	return shown(rota, 0).write(w)
}

func showShift(_ caldicott.Actor, x casework.Shift) answer { return shown(shiftView(x), x.Revision) }

func rostered(d casework.DirectoryResult) (answer, error) {
	return created(shiftView(d.Shift), d.Shift.Revision, "/rota/"+d.Shift.ID), nil
}

func shiftChanged(d casework.DirectoryResult) (answer, error) {
	return shown(shiftView(d.Shift), d.Shift.Revision), nil
}

func (s *service) roster(e entry, b *api.Rostering) (casework.DirectoryResult, error) {
	from, to := b.Times()
	return s.Work.Roster(e, e.call, e.encode, b.Person, from, to)
}

func (s *service) endShift(e entry, b *api.EndingShift) (casework.DirectoryResult, error) {
	return s.Work.EndShift(e, e.call, e.encode, e.name, b.Reason)
}

func sampleView(x casework.Sample) api.SampleView {
	v := api.SampleView{
		ID: x.ID, OrgCode: x.OrgCode, Quarter: x.Quarter, Seed: x.Seed, Population: x.Population, Digest: x.Digest, At: x.At,
		Drawn: []api.SampledView{}, Judgements: []api.JudgementView{}, Revision: 1 + len(x.Judgements),
	}
	for _, d := range x.Drawn {
		v.Drawn = append(v.Drawn, api.FromSampled(d))
	}
	for _, j := range x.Judgements {
		v.Judgements = append(v.Judgements, api.JudgementView{Decision: j.Decision, Agrees: j.Agrees, Reason: j.Reason, By: j.By, At: j.At})
	}
	return v
}

func (s *service) samples(ctx context.Context, by caldicott.Actor, _ string) ([]casework.Sample, error) {
	return s.Work.Samples(ctx, by)
}

func showSamples(_ caldicott.Actor, list []casework.Sample) answer {
	samples := api.Samples{Items: []api.SampleView{}}
	for _, x := range list {
		samples.Items = append(samples.Items, sampleView(x))
	}
	return shown(samples, 0)
}

func showSample(_ caldicott.Actor, x casework.Sample) answer {
	v := sampleView(x)
	return shown(v, v.Revision)
}

func sampleJudged(d casework.DirectoryResult) (answer, error) {
	v := sampleView(d.Sample)
	return shown(v, v.Revision), nil
}

func (s *service) judgeSample(e entry, b *api.JudgingSample) (casework.DirectoryResult, error) {
	return s.Work.JudgeSample(e, e.call, e.encode, e.name, b.Decision, b.Agrees, b.Reason)
}

func standingRuleView(r casework.StandingRule) api.StandingRuleView {
	return api.StandingRuleView{Kind: r.Kind, Off: r.Off, Disagreements: r.Disagreements, ReviewedAt: r.Reviewed, ReviewedBy: r.ReviewedBy}
}

func (s *service) standingRules(ctx context.Context, by caldicott.Actor, _ string) ([]casework.StandingRule, error) {
	return s.Work.StandingRules(ctx, by)
}

func showStandingRules(_ caldicott.Actor, list []casework.StandingRule) answer {
	rules := api.StandingRules{Items: []api.StandingRuleView{}}
	for _, r := range list {
		rules.Items = append(rules.Items, standingRuleView(r))
	}
	return shown(rules, 0)
}

func standingRuleReviewed(d casework.DirectoryResult) (answer, error) {
	return shown(standingRuleView(d.StandingRule), 1), nil
}

func (s *service) reviewStandingRule(e entry, b *api.ReviewingStandingRule) (casework.DirectoryResult, error) {
	return s.Work.ReviewStandingRule(e, e.call, e.encode, vocabulary.Kind(e.name), b.Reason)
}
