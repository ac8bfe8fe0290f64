package casework

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Erasure is a proposal to erase the words of entries of the trail, and what became of it.
type Erasure struct {
	ID, OrgCode string
	Request     string // "" where the entries are of the organisation's own chain
	Entries     []int64
	Ground      vocabulary.ErasureGround
	Reason, By  string
	At          time.Time
	State       vocabulary.ErasureState
	EndedBy     string // who confirmed or refused; "" while it waits
	EndReason   string
	EndedAt     time.Time
	Erased      []Erased
}

// Revision counts what was done to it.
func (x Erasure) Revision() int { return revisionOf(x.EndedAt) }

func revisionOf(ended time.Time) int {
	if ended.IsZero() {
		return 1
	}
	return 2
}

// Erased says of an entry when its words were erased, and by which entry that is recorded.
type Erased struct {
	Entry, By int64
	At        time.Time
}

// LegalHold keeps everything of a request, or of the organisation, from being erased.
type LegalHold struct {
	ID, OrgCode string
	Request     string // "" for everything
	Ground      vocabulary.HoldGround
	Reason, By  string
	At          time.Time
	EndedBy     string
	EndReason   string
	EndedAt     time.Time // zero while it is in force
}

// Revision counts what was done to it.
func (x LegalHold) Revision() int { return revisionOf(x.EndedAt) }

// proposing, ending, erasing and holding are the bodies of their records.
type proposing struct {
	Entries []int64                  `json:"entries"`
	Ground  vocabulary.ErasureGround `json:"ground"`
	Reason  string                   `json:"reason"`
	Request string                   `json:"request,omitempty"`
}

type ending struct {
	Outcome vocabulary.ErasureState `json:"outcome,omitempty"` // of an erasure
	Reason  string                  `json:"reason,omitempty"`
}

type erasing struct {
	Proposal string `json:"proposal"`
}

type holding struct {
	Ground  vocabulary.HoldGround `json:"ground"`
	Reason  string                `json:"reason"`
	Request string                `json:"request,omitempty"`
}

// MostErasedAtOnce bounds what one proposal names: every entry is one of the trail's own.
const MostErasedAtOnce = 100

// fold reads an organisation's records of a kind and hands each to keep, with its body read.
func fold[B any](ctx context.Context, store records, organisationID string, kind caldicott.LedgerKind, keep func(caldicott.LedgerRow, B)) error {
	rows, err := store.Ledger(ctx, organisationID, kind, "")
	if err != nil {
		return err
	}
	for _, r := range rows {
		var body B
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		keep(r, body)
	}
	return nil
}

// erasuresOf folds an organisation's erasures, oldest first.
func erasuresOf(ctx context.Context, store records, organisationID, orgCode string) ([]Erasure, error) {
	var all []Erasure
	at := func(id string, change func(*Erasure)) {
		if i := slices.IndexFunc(all, func(x Erasure) bool { return x.ID == id }); i >= 0 {
			change(&all[i])
		}
	}
	err := fold(ctx, store, organisationID, caldicott.LedgerErasure, func(r caldicott.LedgerRow, b proposing) {
		all = append(all, Erasure{
			ID: r.ID, OrgCode: orgCode, Request: b.Request, Entries: b.Entries, Ground: b.Ground, Reason: b.Reason, By: r.By, At: r.At,
			State: vocabulary.ErasureStateProposed,
		})
	})
	if err != nil {
		return nil, err
	}
	err = fold(ctx, store, organisationID, caldicott.LedgerErasureEnd, func(r caldicott.LedgerRow, b ending) {
		at(r.Subject, func(x *Erasure) { x.State, x.EndedBy, x.EndReason, x.EndedAt = b.Outcome, r.By, b.Reason, r.At })
	})
	if err != nil {
		return nil, err
	}
	var wrong error
	err = fold(ctx, store, organisationID, caldicott.LedgerErased, func(r caldicott.LedgerRow, b erasing) {
		entry, err := strconv.ParseInt(r.Subject, 10, 64)
		if err != nil {
			wrong = fmt.Errorf("erased entry: %w", err)
		}
		at(b.Proposal, func(x *Erasure) { x.Erased = append(x.Erased, Erased{entry, r.Entry, r.At}) })
	})
	if err == nil {
		err = wrong
	}
	return all, err
}

// holdsOf folds an organisation's legal holds, oldest first.
func holdsOf(ctx context.Context, store records, organisationID, orgCode string) ([]LegalHold, error) {
	var all []LegalHold
	err := fold(ctx, store, organisationID, caldicott.LedgerHold, func(r caldicott.LedgerRow, b holding) {
		all = append(all, LegalHold{
			ID: r.ID, OrgCode: orgCode, Request: b.Request, Ground: b.Ground, Reason: b.Reason, By: r.By, At: r.At,
		})
	})
	if err != nil {
		return nil, err
	}
	err = fold(ctx, store, organisationID, caldicott.LedgerHoldEnd, func(r caldicott.LedgerRow, b ending) {
		if i := slices.IndexFunc(all, func(x LegalHold) bool { return x.ID == r.Subject }); i >= 0 {
			all[i].EndedBy, all[i].EndReason, all[i].EndedAt = r.By, b.Reason, r.At
		}
	})
	return all, err
}

// one finds what the path names among all of the organisation's.
func one[T any](all []T, err error, is func(T) bool) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], nil
	}
	return none, notFound()
}

// Erasures gives the erasures of the person's organisation, oldest first.
func (s *Service) Erasures(ctx context.Context, by caldicott.Actor) ([]Erasure, error) {
	if err := s.mayRead(by, caldicott.LookUpErasures, "erasures"); err != nil {
		return nil, err
	}
	return erasuresOf(ctx, s.Store, by.OrganisationID, by.OrgCode)
}

// LookUpErasure finds one.
func (s *Service) LookUpErasure(ctx context.Context, by caldicott.Actor, id string) (Erasure, error) {
	all, err := s.Erasures(ctx, by)
	return one(all, err, func(x Erasure) bool { return x.ID == id })
}

// Holds gives the legal holds of the person's organisation, oldest first.
func (s *Service) Holds(ctx context.Context, by caldicott.Actor) ([]LegalHold, error) {
	if err := s.mayRead(by, caldicott.LookUpErasures, "legal holds"); err != nil {
		return nil, err
	}
	return holdsOf(ctx, s.Store, by.OrganisationID, by.OrgCode)
}

// LookUpHold finds one.
func (s *Service) LookUpHold(ctx context.Context, by caldicott.Actor, id string) (LegalHold, error) {
	all, err := s.Holds(ctx, by)
	return one(all, err, func(x LegalHold) bool { return x.ID == id })
}

// ProposeErasure asks that the words of entries be erased: of one request, or of the organisation's own chain. Nothing is
// erased before somebody else confirms it.
func (s *Service) ProposeErasure(ctx context.Context, call Call, encode DirectoryRetry, entries []int64, ground vocabulary.ErasureGround, reason string) (DirectoryResult, error) {
	entries = slices.Compact(slices.Sorted(slices.Values(entries)))
	body := &proposing{Entries: entries, Ground: ground, Reason: reason}
	said := &written{Body: body}
	var words []caldicott.Wording
	return s.run(ctx, call, encode, office{
		action: caldicott.ProposeErasure, organisation: call.By.OrgCode, said: said,
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			words, err = tx.Wordings(ctx, entries)
			if err == nil && len(words) > 0 && words[0].Organisation == d.organisation.ID {
				body.Request, said.Subject = words[0].Request, words[0].Request
			}
			return err
		},
		about: func() string { return body.Request },
		held:  true,
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			wrong := erasable(d, entries, words)
			wrong = append(wrong, required(field{"ground", string(ground)}, field{"reason", reason})...)
			row := ledgerRow(d, caldicott.LedgerErasure, body.Request, body)
			d.result.Erasure = Erasure{
				ID: row.ID, OrgCode: d.organisation.Code, Request: body.Request, Entries: entries, Ground: ground, Reason: reason,
				By: d.by.UserID, At: d.now, State: vocabulary.ErasureStateProposed,
			}
			return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{row}}, wrong
		},
	})
}

// erasable says what is wrong with the entries. One that is another organisation's is not there.
func erasable(d *desk, entries []int64, words []caldicott.Wording) []caldicott.FieldError {
	var wrong []caldicott.FieldError
	for i, entry := range entries {
		say := func(message string) {
			wrong = append(wrong, caldicott.FieldError{Field: fmt.Sprintf("entries[%d]", i), Code: caldicott.CodeField, Message: message})
		}
		n := slices.IndexFunc(words, func(w caldicott.Wording) bool { return w.Entry == entry && w.Organisation == d.organisation.ID })
		switch {
		case n < 0 || words[n].State == caldicott.WordingNone:
			say("must be the number of an entry of your organisation that has words")
		case words[n].State == caldicott.WordingErased:
			say("was erased already")
		case words[n].State == caldicott.WordingDirectory:
			say("holds what the directory says: amend the directory first")
		case words[n].Request != words[0].Request:
			say("must be about the same request as the others")
		}
	}
	if len(entries) == 0 || len(entries) > MostErasedAtOnce {
		wrong = append(wrong, caldicott.FieldError{Field: "entries", Code: caldicott.CodeField, Message: "must be one to a hundred entries"})
	}
	return wrong
}

// field is a field of a body and what it holds.
type field struct{ name, value string }

func required(fields ...field) []caldicott.FieldError {
	var wrong []caldicott.FieldError
	for _, f := range fields {
		if f.value == "" {
			wrong = append(wrong, caldicott.FieldError{Field: f.name, Code: caldicott.CodeRequired, Message: "must be given"})
		}
	}
	return wrong
}

// onErasure is an office on a proposal that waits: somebody else's.
func (s *Service) onErasure(ctx context.Context, call Call, encode DirectoryRetry, id string, o office, outcome vocabulary.ErasureState, reason string) (DirectoryResult, error) {
	body := ending{outcome, reason}
	var at Erasure
	o.organisation, o.said = call.By.OrgCode, written{id, body}
	o.texts = []caldicott.Text{{Field: "reason", Value: reason}}
	o.load = func(ctx context.Context, tx caldicott.Tx, d *desk) error {
		all, err := erasuresOf(ctx, tx, d.organisation.ID, d.organisation.Code)
		at, err = one(all, err, func(x Erasure) bool { return x.ID == id })
		return err
	}
	o.about = func() string { return at.Request }
	o.check = func(d *desk) error { return caldicott.SeparateSecond(d.by, at.By) }
	o.state = func(*desk) string {
		if at.State != vocabulary.ErasureStateProposed {
			return "The erasure waits for nobody any more."
		}
		return ""
	}
	o.make = func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
		at.State, at.EndedBy, at.EndReason, at.EndedAt = outcome, d.by.UserID, reason, d.now
		d.result.Erasure = at
		var wrong []caldicott.FieldError
		if outcome == vocabulary.ErasureStateRefused {
			wrong = required(field{"reason", reason})
		}
		return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{ledgerRow(d, caldicott.LedgerErasureEnd, id, body)}}, wrong
	}
	return s.run(ctx, call, encode, o)
}

// RefuseErasure leaves the words where they are.
func (s *Service) RefuseErasure(ctx context.Context, call Call, encode DirectoryRetry, id, reason string) (DirectoryResult, error) {
	return s.onErasure(ctx, call, encode, id, office{action: caldicott.RefuseErasure}, vocabulary.ErasureStateRefused, reason)
}

// ConfirmErasure is the second person's word. The words are gone with it: from the trail and from the case, each entry's
// under an entry of its own in the organisation's chain.
func (s *Service) ConfirmErasure(ctx context.Context, call Call, encode DirectoryRetry, id string) (DirectoryResult, error) {
	return s.onErasure(ctx, call, encode, id, office{
		action: caldicott.ConfirmErasure, held: true,
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			for _, entry := range d.result.Erasure.Entries {
				if err := s.erase(ctx, tx, d, entry); err != nil {
					return err
				}
			}
			all, err := erasuresOf(ctx, tx, d.organisation.ID, d.organisation.Code)
			d.result.Erasure, err = one(all, err, func(x Erasure) bool { return x.ID == id })
			return err
		},
	}, vocabulary.ErasureStateConfirmed, "")
}

// erase puts the erasure of one entry's words on record, and then blanks them.
func (s *Service) erase(ctx context.Context, tx caldicott.Tx, d *desk, entry int64) error {
	x, number := d.result.Erasure, strconv.FormatInt(entry, 10)
	err := s.besides(ctx, tx, d, caldicott.LedgerErased, written{number, erasing{x.ID}}, office{
		action: caldicott.Erased, about: func() string { return x.Request },
		facts: map[string]string{"entry": number, "ground": string(x.Ground)},
	})
	if err != nil {
		return err
	}
	return tx.Erase(ctx, entry)
}

// besides puts on record, under a row of its own, what a deed of the desk brings about.
func (s *Service) besides(ctx context.Context, tx caldicott.Tx, d *desk, kind caldicott.LedgerKind, said written, o office) error {
	o.said = said
	row := ledgerRow(d, kind, said.Subject, said.Body)
	return tx.SaveDirectory(ctx, s.doneEvent(o, d, nil), caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{row}})
}

// Hold keeps everything of a request, or with "" of the organisation, as it is until somebody else releases it.
func (s *Service) Hold(ctx context.Context, call Call, encode DirectoryRetry, request string, ground vocabulary.HoldGround, reason string) (DirectoryResult, error) {
	body := holding{ground, reason, request}
	theirs := true
	return s.run(ctx, call, encode, office{
		action: caldicott.Hold, organisation: call.By.OrgCode, said: written{request, body},
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			if request == "" {
				return nil
			}
			c, err := tx.ReadCase(ctx, request)
			if caldicott.KindOf(err) == caldicott.NotFound {
				theirs = false
				return nil // answered in its turn, by make
			}
			theirs = c.Request.OrganisationID == d.organisation.ID
			return err
		},
		about: func() string { // what is not there, or another's, is not named in the trail
			if theirs {
				return request
			}
			return ""
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			wrong := required(field{"ground", string(ground)}, field{"reason", reason})
			if !theirs {
				wrong = append(wrong, caldicott.FieldError{Field: "request", Code: caldicott.CodeField, Message: "must name a request of your organisation"})
			}
			row := ledgerRow(d, caldicott.LedgerHold, request, body)
			d.result.Hold = LegalHold{
				ID: row.ID, OrgCode: d.organisation.Code, Request: request, Ground: ground, Reason: reason, By: d.by.UserID, At: d.now,
			}
			return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{row}}, wrong
		},
	})
}

// ReleaseHold ends a hold; whoever placed it needs somebody else for that.
func (s *Service) ReleaseHold(ctx context.Context, call Call, encode DirectoryRetry, id, reason string) (DirectoryResult, error) {
	body := ending{Reason: reason}
	var at LegalHold
	return s.run(ctx, call, encode, office{
		action: caldicott.ReleaseHold, organisation: call.By.OrgCode, said: written{id, body},
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			all, err := holdsOf(ctx, tx, d.organisation.ID, d.organisation.Code)
			at, err = one(all, err, func(x LegalHold) bool { return x.ID == id })
			return err
		},
		about: func() string { return at.Request },
		check: func(d *desk) error { return caldicott.SeparateSecond(d.by, at.By) },
		state: func(*desk) string {
			if !at.EndedAt.IsZero() {
				return "The hold was released already."
			}
			return ""
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			at.EndedBy, at.EndReason, at.EndedAt = d.by.UserID, reason, d.now
			d.result.Hold = at
			return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{ledgerRow(d, caldicott.LedgerHoldEnd, id, body)}},
				required(field{"reason", reason})
		},
	})
}
