package rest

import (
	"context"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

func erasureView(x casework.Erasure) api.ErasureView {
	v := api.ErasureView{
		ID: x.ID, OrgCode: x.OrgCode, Request: x.Request, Entries: x.Entries, Ground: x.Ground, Reason: x.Reason, By: x.By, At: x.At,
		State: x.State, EndedBy: x.EndedBy, EndReason: x.EndReason, EndedAt: x.EndedAt, Erased: []api.ErasedView{}, Revision: x.Revision(),
	}
	for _, e := range x.Erased {
		v.Erased = append(v.Erased, api.ErasedView{Entry: e.Entry, ErasureBy: e.By, At: e.At})
	}
	return v
}

func (s *service) erasures(ctx context.Context, by caldicott.Actor, _ string) ([]casework.Erasure, error) {
	return s.Work.Erasures(ctx, by)
}

func showErasures(_ caldicott.Actor, list []casework.Erasure) answer {
	all := api.Erasures{Items: []api.ErasureView{}}
	for _, x := range list {
		all.Items = append(all.Items, erasureView(x))
	}
	return shown(all, 0)
}

func showErasure(_ caldicott.Actor, x casework.Erasure) answer {
	return shown(erasureView(x), x.Revision())
}

func erasureProposed(d casework.DirectoryResult) (answer, error) {
	return created(erasureView(d.Erasure), d.Erasure.Revision(), "/audit/erasures/"+d.Erasure.ID), nil
}

func erasureEnded(d casework.DirectoryResult) (answer, error) {
	return shown(erasureView(d.Erasure), d.Erasure.Revision()), nil
}

func (s *service) proposeErasure(e entry, b *api.ProposingErasure) (casework.DirectoryResult, error) {
	return s.Work.ProposeErasure(e, e.call, e.encode, b.Entries, b.Ground, b.Reason)
}

func (s *service) confirmErasure(e entry, _ *api.ConfirmingErasure) (casework.DirectoryResult, error) {
	return s.Work.ConfirmErasure(e, e.call, e.encode, e.name)
}

func (s *service) refuseErasure(e entry, b *api.RefusingErasure) (casework.DirectoryResult, error) {
	return s.Work.RefuseErasure(e, e.call, e.encode, e.name, b.Reason)
}

func holdView(x casework.LegalHold) api.HoldView {
	return api.HoldView{
		ID: x.ID, OrgCode: x.OrgCode, Request: x.Request, Ground: x.Ground, Reason: x.Reason, By: x.By, At: x.At,
		EndedBy: x.EndedBy, EndReason: x.EndReason, EndedAt: x.EndedAt, Revision: x.Revision(),
	}
}

func (s *service) holds(ctx context.Context, by caldicott.Actor, _ string) ([]casework.LegalHold, error) {
	return s.Work.Holds(ctx, by)
}

func showHolds(_ caldicott.Actor, list []casework.LegalHold) answer {
	all := api.Holds{Items: []api.HoldView{}}
	for _, x := range list {
		all.Items = append(all.Items, holdView(x))
	}
	return shown(all, 0)
}

func showHold(_ caldicott.Actor, x casework.LegalHold) answer {
	return shown(holdView(x), x.Revision())
}

func held(d casework.DirectoryResult) (answer, error) {
	return created(holdView(d.Hold), d.Hold.Revision(), "/audit/holds/"+d.Hold.ID), nil
}

func holdReleased(d casework.DirectoryResult) (answer, error) {
	return shown(holdView(d.Hold), d.Hold.Revision()), nil
}

func (s *service) hold(e entry, b *api.Holding) (casework.DirectoryResult, error) {
	return s.Work.Hold(e, e.call, e.encode, b.Request, b.Ground, b.Reason)
}

func (s *service) releaseHold(e entry, b *api.ReleasingHold) (casework.DirectoryResult, error) {
	return s.Work.ReleaseHold(e, e.call, e.encode, e.name, b.Reason)
}
