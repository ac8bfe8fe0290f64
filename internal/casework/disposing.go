package casework

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Disposal is a proposal to dispose of what has been kept long enough, and, once it is confirmed, its certificate.
type Disposal struct {
	ID, OrgCode string
	disposing
	By          string
	At          time.Time
	State       vocabulary.DisposalState
	EndedBy     string
	EndReason   string
	EndedAt     time.Time
	Certificate int64 // the entry that certifies it; 0 before
}

// Revision counts what was done to it.
func (x Disposal) Revision() int { return revisionOf(x.EndedAt) }

// disposing is the body of a proposal: what falls under it. Digest is SHA-256 over the numbers of the entries in order, one a
// line.
type disposing struct {
	Kind      vocabulary.Kind `json:"kind"`
	Before    time.Time       `json:"before"`
	Authority string          `json:"authority"`
	Requests  int             `json:"requests"`
	Count     int             `json:"count"`
	First     int64           `json:"first"`
	Last      int64           `json:"last"`
	Digest    string          `json:"digest"`
	Reason    string          `json:"reason"`
}

// disposalEnd is the body of its end.
type disposalEnd struct {
	Outcome vocabulary.DisposalState `json:"outcome"`
	Reason  string                   `json:"reason,omitempty"`
}

// of fills in what falls under it now.
func (b *disposing) of(list []caldicott.Disposable) {
	sum, requests := sha256.New(), map[string]bool{}
	for _, x := range list {
		sum.Write([]byte(strconv.FormatInt(x.Entry, 10) + "\n"))
		requests[x.Request] = true
	}
	b.Count, b.Requests, b.Digest = len(list), len(requests), hex.EncodeToString(sum.Sum(nil))
	if len(list) > 0 {
		b.First, b.Last = list[0].Entry, list[len(list)-1].Entry
	}
}

// disposalsOf folds an organisation's disposals, oldest first.
func disposalsOf(ctx context.Context, store records, organisationID, orgCode string) ([]Disposal, error) {
	var all []Disposal
	at := func(id string, change func(*Disposal)) {
		if i := slices.IndexFunc(all, func(x Disposal) bool { return x.ID == id }); i >= 0 {
			change(&all[i])
		}
	}
	err := fold(ctx, store, organisationID, caldicott.LedgerDisposal, func(r caldicott.LedgerRow, b disposing) {
		all = append(all, Disposal{ID: r.ID, OrgCode: orgCode, disposing: b, By: r.By, At: r.At, State: vocabulary.DisposalStateProposed})
	})
	if err != nil {
		return nil, err
	}
	err = fold(ctx, store, organisationID, caldicott.LedgerDisposalEnd, func(r caldicott.LedgerRow, b disposalEnd) {
		at(r.Subject, func(x *Disposal) { x.State, x.EndedBy, x.EndReason, x.EndedAt = b.Outcome, r.By, b.Reason, r.At })
	})
	if err != nil {
		return nil, err
	}
	err = fold(ctx, store, organisationID, caldicott.LedgerDisposed, func(r caldicott.LedgerRow, _ erasing) {
		at(r.Subject, func(x *Disposal) { x.Certificate = r.Entry })
	})
	return all, err
}

// Disposals gives the disposals of the person's organisation, oldest first.
func (s *Service) Disposals(ctx context.Context, by caldicott.Actor) ([]Disposal, error) {
	if err := s.mayRead(by, caldicott.LookUpErasures, "disposals"); err != nil {
		return nil, err
	}
	return disposalsOf(ctx, s.Store, by.OrganisationID, by.OrgCode)
}

// LookUpDisposal finds one: its certificate, once it was confirmed.
func (s *Service) LookUpDisposal(ctx context.Context, by caldicott.Actor, id string) (Disposal, error) {
	all, err := s.Disposals(ctx, by)
	return one(all, err, func(x Disposal) bool { return x.ID == id })
}

// ProposeDisposal lists what has been kept long enough of a kind of request.
func (s *Service) ProposeDisposal(ctx context.Context, call Call, encode DirectoryRetry, kind vocabulary.Kind, reason string) (DirectoryResult, error) {
	keeping := s.House.Retention.Of(kind)
	body := &disposing{Kind: kind, Authority: keeping.Authority, Reason: reason}
	return s.run(ctx, call, encode, office{
		action: caldicott.ProposeDisposal, organisation: call.By.OrgCode, said: &written{string(kind), body},
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			body.Before = keeping.Limit(s.Now()).UTC().Truncate(time.Microsecond)
			list, err := tx.Disposable(ctx, d.organisation.ID, kind, body.Before)
			body.of(list)
			return err
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			wrong := required(field{"kind", string(kind)}, field{"reason", reason})
			if body.Count == 0 {
				wrong = append(wrong, caldicott.FieldError{Field: "kind", Code: caldicott.CodeField, Message: "has nothing whose time of keeping is over"})
			}
			row := ledgerRow(d, caldicott.LedgerDisposal, string(kind), body)
			d.result.Disposal = Disposal{
				ID: row.ID, OrgCode: d.organisation.Code, disposing: *body, By: d.by.UserID, At: d.now, State: vocabulary.DisposalStateProposed,
			}
			return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{row}}, wrong
		},
	})
}

// onDisposal is an office on a proposal that waits: somebody else's.
func (s *Service) onDisposal(ctx context.Context, call Call, encode DirectoryRetry, id string, o office, outcome vocabulary.DisposalState, reason string) (DirectoryResult, error) {
	body := disposalEnd{outcome, reason}
	var at Disposal
	var now disposing
	o.organisation, o.said = call.By.OrgCode, written{id, body}
	o.texts = []caldicott.Text{{Field: "reason", Value: reason}}
	o.load = func(ctx context.Context, tx caldicott.Tx, d *desk) error {
		all, err := disposalsOf(ctx, tx, d.organisation.ID, d.organisation.Code)
		if at, err = one(all, err, func(x Disposal) bool { return x.ID == id }); err != nil {
			return err
		}
		list, err := tx.Disposable(ctx, d.organisation.ID, at.Kind, at.Before)
		now.of(list)
		return err
	}
	o.check = func(d *desk) error { return caldicott.SeparateSecond(d.by, at.By) }
	o.state = func(*desk) string {
		switch {
		case at.State != vocabulary.DisposalStateProposed:
			return "The disposal waits for nobody any more."
		case outcome == vocabulary.DisposalStateConfirmed && now.Digest != at.Digest:
			return "What falls under it is not what was proposed: something is held, or was disposed of. Propose it anew."
		}
		return ""
	}
	o.make = func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
		at.State, at.EndedBy, at.EndReason, at.EndedAt = outcome, d.by.UserID, reason, d.now
		d.result.Disposal = at
		var wrong []caldicott.FieldError
		if outcome == vocabulary.DisposalStateRefused {
			wrong = required(field{"reason", reason})
		}
		return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{ledgerRow(d, caldicott.LedgerDisposalEnd, id, body)}}, wrong
	}
	return s.run(ctx, call, encode, o)
}

// RefuseDisposal keeps everything.
func (s *Service) RefuseDisposal(ctx context.Context, call Call, encode DirectoryRetry, id, reason string) (DirectoryResult, error) {
	return s.onDisposal(ctx, call, encode, id, office{action: caldicott.RefuseDisposal}, vocabulary.DisposalStateRefused, reason)
}

// Dispose is the second person's word, and puts the certificate on record.
func (s *Service) Dispose(ctx context.Context, call Call, encode DirectoryRetry, id string) (DirectoryResult, error) {
	return s.onDisposal(ctx, call, encode, id, office{
		action: caldicott.Dispose,
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			if err := s.certify(ctx, tx, d, id); err != nil {
				return err
			}
			all, err := disposalsOf(ctx, tx, d.organisation.ID, d.organisation.Code)
			d.result.Disposal, err = one(all, err, func(x Disposal) bool { return x.ID == id })
			return err
		},
	}, vocabulary.DisposalStateConfirmed, "")
}

// certify writes the certificate, and then disposes.
func (s *Service) certify(ctx context.Context, tx caldicott.Tx, d *desk, id string) error {
	x := d.result.Disposal
	err := s.besides(ctx, tx, d, caldicott.LedgerDisposed, written{id, erasing{id}}, office{action: caldicott.Disposed, facts: map[string]string{
		"first": strconv.FormatInt(x.First, 10), "last": strconv.FormatInt(x.Last, 10), "count": strconv.Itoa(x.Count), "digest": x.Digest,
		"requests": strconv.Itoa(x.Requests), "kind": strings.ToUpper(string(x.Kind)), "before": x.Before.UTC().Format(time.RFC3339),
		"authority": x.Authority,
	}})
	if err != nil {
		return err
	}
	return tx.Dispose(ctx, id)
}
