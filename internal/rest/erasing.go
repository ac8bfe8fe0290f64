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
	return shown(api.Erasures{Items: api.FromList(list, "", erasureView).Items}, 0)
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
	return shown(api.Holds{Items: api.FromList(list, "", holdView).Items}, 0)
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

func disposalView(x casework.Disposal) api.DisposalView {
	return api.DisposalView{
		ID: x.ID, OrgCode: x.OrgCode, Kind: x.Kind, Before: x.Before, Authority: x.Authority, Requests: x.Requests, Count: x.Count,
		First: x.First, Last: x.Last, Digest: x.Digest, Reason: x.Reason, By: x.By, At: x.At, State: x.State,
		EndedBy: x.EndedBy, EndReason: x.EndReason, EndedAt: x.EndedAt, Certificate: x.Certificate, Revision: x.Revision(),
	}
}

func (s *service) disposals(ctx context.Context, by caldicott.Actor, _ string) ([]casework.Disposal, error) {
	return s.Work.Disposals(ctx, by)
}

func showDisposals(_ caldicott.Actor, list []casework.Disposal) answer {
	return shown(api.Disposals{Items: api.FromList(list, "", disposalView).Items}, 0)
}

func showDisposal(_ caldicott.Actor, x casework.Disposal) answer {
	return shown(disposalView(x), x.Revision())
}

func disposalProposed(d casework.DirectoryResult) (answer, error) {
	return created(disposalView(d.Disposal), d.Disposal.Revision(), "/audit/disposals/"+d.Disposal.ID), nil
}

func disposalEnded(d casework.DirectoryResult) (answer, error) {
	return shown(disposalView(d.Disposal), d.Disposal.Revision()), nil
}

func (s *service) proposeDisposal(e entry, b *api.ProposingDisposal) (casework.DirectoryResult, error) {
	return s.Work.ProposeDisposal(e, e.call, e.encode, b.Kind, b.Reason)
}

func (s *service) dispose(e entry, _ *api.ConfirmingErasure) (casework.DirectoryResult, error) {
	return s.Work.Dispose(e, e.call, e.encode, e.name)
}

func (s *service) refuseDisposal(e entry, b *api.RefusingDisposal) (casework.DirectoryResult, error) {
	return s.Work.RefuseDisposal(e, e.call, e.encode, e.name, b.Reason)
}
