package casework_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/housetest"
)

// seal seals everything that is waiting, and sweeps the log.
func (s *stage) seal() {
	s.t.Helper()
	office := housetest.NewOffice(s.t, s.house.Database)
	office.Seal(s.t)
	if err := office.Sealer.Sweep(s.ctx); err != nil {
		s.t.Fatal(err)
	}
}

// withdrawn is a request about the mark that came to nothing.
func (s *stage) withdrawn() *scene {
	content := sound()
	content.Title = mark
	return s.scene("", content).by("u-asks", caldicott.Submitting{}).by("u-officer", caldicott.Triaging{}, caldicott.Commenting{Text: mark}).
		by("u-asks", caldicott.Withdrawing{Reason: "Not for " + mark})
}

func (s *stage) proposeDisposal(by string) (casework.Disposal, error) {
	r, err := s.service.ProposeDisposal(s.ctx, casework.Call{By: s.people[by]}, nil, vocabulary.KindServiceEvaluation, "The time of keeping is over.")
	return r.Disposal, err
}

func (s *stage) dispose(by string, x casework.Disposal) (casework.Disposal, error) {
	r, err := s.service.Dispose(s.ctx, casework.Call{By: s.people[by]}, nil, x.ID)
	return r.Disposal, err
}

func TestWhatWasKeptLongEnoughIsDisposedOfByCertificateAndTheTrailIsSound(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	over, db := s.withdrawn(), s.superuser()
	entries := s.entriesOf(db, over.c)
	s.clock.Put(monday.AddDate(9, 0, 0)) // the schedule says 8 years
	if _, err := s.proposeDisposal("u-lead"); code(err) != caldicott.CodeField {
		t.Errorf("what is not sealed yet: %v", whole(err))
	}
	s.seal()
	s.clock.Put(monday.AddDate(7, 11, 0))
	if _, err := s.proposeDisposal("u-lead"); code(err) != caldicott.CodeField {
		t.Errorf("what is to be kept: %v", whole(err))
	}
	s.clock.Put(monday.AddDate(9, 0, 0))
	x, err := s.proposeDisposal("u-lead")
	if err != nil {
		t.Fatal(whole(err))
	}
	var lines string
	for _, e := range entries {
		lines += fmt.Sprintln(e)
	}
	if sum := sha256.Sum256([]byte(lines)); x.Digest != hex.EncodeToString(sum[:]) || x.Count != len(entries) || x.Requests != 1 || x.First != entries[0] || x.Last != entries[len(entries)-1] {
		t.Errorf("proposed %+v", x)
	}
	leaves := leavesOf(t, db)
	for by, want := range map[string]string{"u-lead": "SD13", "u-officer": caldicott.CodePolicy} {
		if _, err := s.dispose(by, x); code(err) != want {
			t.Errorf("%s disposes: %v", by, whole(err))
		}
	}
	done, err := s.dispose("u-dpo", x)
	if err != nil {
		t.Fatal(whole(err))
	}
	if told := tellers(t, db, mark); len(told) > 0 {
		t.Errorf("the word stands in %q", told)
	}
	certificate := written(t, db, caldicott.Disposed, "done")
	if len(certificate) != 1 || certificate[0].Facts["digest"] != x.Digest || certificate[0].Facts["count"] != fmt.Sprint(x.Count) || certificate[0].Subject != x.ID || done.Certificate == 0 {
		t.Errorf("the certificate: %+v, %+v", certificate, done)
	}
	if n := count(t, db, `SELECT count(*) FROM audit.entries e JOIN audit.disposals d ON d.entry_id = e.id
		WHERE canon IS NULL AND actor_id IS NULL AND certificate_entry = $1`, done.Certificate); n != len(entries) {
		t.Errorf("%d of %d are disposed of", n, len(entries))
	}
	if !slices.Equal(leaves, leavesOf(t, db)) {
		t.Error("a hash changed")
	}
	if sum := s.verified(); sum.Disposed != int64(len(entries)) {
		t.Errorf("the verifier saw %d disposals", sum.Disposed)
	}
	s.seal() // the sealer and its sweep find nothing either
	if _, err := s.dispose("u-guardian", x); code(err) != caldicott.CodeState {
		t.Errorf("disposed twice: %v", whole(err))
	}
	if listed, err := s.service.Disposals(s.ctx, s.people["u-auditor"]); err != nil || len(listed) != 1 || listed[0].Certificate != done.Certificate || listed[0].EndedBy != "u-dpo" {
		t.Errorf("an auditor reads %+v: %v", listed, whole(err))
	}
	if c := s.read(over.c); c.Request.State != vocabulary.StateWithdrawn || c.Current.Content.Title != "[erased]" || len(c.Done) != len(over.c.Done) {
		t.Errorf("the case reads %+v", c.Request)
	}
}

func leavesOf(t testing.TB, db *sqlx.DB) []string {
	t.Helper()
	var all []string
	if err := db.Select(&all, `SELECT encode(leaf_hash, 'hex') FROM audit.entries WHERE id <= (SELECT max(entry_id) FROM audit.leaves) ORDER BY id`); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestNothingIsDisposedOfThatIsHeldOpenOrHasADocument(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	over, held, open := s.withdrawn(), s.withdrawn(), s.scene("", sound())
	papers := s.scene("", sound()).by("u-asks", caldicott.Submitting{}, attaching(), caldicott.Withdrawing{Reason: "Not needed."})
	s.seal()
	s.clock.Put(monday.AddDate(9, 0, 0))
	if _, err := s.hold("u-legal", held.c.Request.ID); err != nil {
		t.Fatal(whole(err))
	}
	x, err := s.proposeDisposal("u-dpo")
	if err != nil || x.Requests != 1 || x.Count != len(s.entriesOf(s.superuser(), over.c)) {
		t.Fatalf("proposed %+v: %v", x, whole(err))
	}
	h, err := s.hold("u-legal", "")
	if err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.dispose("u-lead", x); code(err) != caldicott.CodeState {
		t.Errorf("under a hold on everything: %v", whole(err))
	}
	if _, err := s.service.ReleaseHold(s.ctx, casework.Call{By: s.people["u-dpo"]}, nil, h.ID, "Settled."); err != nil {
		t.Fatal(whole(err))
	}
	if _, err := s.dispose("u-lead", x); err != nil {
		t.Fatal(whole(err))
	}
	for _, sc := range []*scene{held, open, papers} {
		if c := s.read(sc.c); c.Current.Content.Title == "[erased]" {
			t.Errorf("%s was disposed of", c.Request.Reference)
		}
	}
	y, err := s.service.RefuseDisposal(s.ctx, casework.Call{By: s.people["u-lead"]}, nil, x.ID, "Too late.")
	if code(err) != caldicott.CodeState {
		t.Errorf("refused afterwards: %+v, %v", y.Disposal, whole(err))
	}
	s.verified()
}

func TestTheDatabaseDisposesOfNothingWithoutACertificate(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	s.withdrawn()
	s.seal()
	s.clock.Put(monday.AddDate(9, 0, 0))
	x, err := s.proposeDisposal("u-dpo")
	if err != nil {
		t.Fatal(whole(err))
	}
	err = s.store.InTx(s.ctx, func(tx caldicott.Tx) error { return tx.Dispose(s.ctx, x.ID) })
	if stateOf(err) != "CG008" {
		t.Errorf("without a certificate: %v", err)
	}
	if _, err := s.service.RefuseDisposal(s.ctx, casework.Call{By: s.people["u-lead"]}, nil, x.ID, "We keep it."); err != nil {
		t.Fatal(whole(err))
	}
	err = s.store.InTx(s.ctx, func(tx caldicott.Tx) error { // somebody certifies what was refused
		by := s.people["u-guardian"]
		if _, err := tx.LockOrganisation(s.ctx, by.OrgCode); err != nil {
			return err
		}
		e := caldicott.Event{
			Stream: caldicott.OrganisationStream(s.trust), Chained: true, Action: caldicott.Disposed, Outcome: caldicott.OutcomeDone, At: s.clock.Now(),
			Actor: by.ID, Organisation: s.trust, PolicyDigest: s.service.Policy.Digest(), Facts: map[string]string{"digest": x.Digest},
		}
		err := tx.SaveDirectory(s.ctx, e, caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{{
			ID: s.service.NewID(), OrganisationID: s.trust, Kind: caldicott.LedgerDisposed, Subject: x.ID, By: by.UserID, Body: []byte(`{}`), At: s.clock.Now(),
		}}})
		if err != nil {
			return err
		}
		return tx.Dispose(s.ctx, x.ID)
	})
	if stateOf(err) != "CG008" {
		t.Errorf("after a refusal: %v", err)
	}
	db := s.superuser()
	for _, change := range []string{
		`INSERT INTO casework.versions (request_id, n, content, digest, made_by, at, confirmed, erased_entry, entry_id)
			SELECT request_id, n + 1, '{}', digest, made_by, at, confirmed, entry_id, entry_id FROM casework.versions`,
		`UPDATE audit.entries SET canon = NULL`, `UPDATE audit.entries SET actor_id = NULL`, `DELETE FROM audit.entries`, `DELETE FROM audit.details`,
		`INSERT INTO audit.disposals SELECT id, (SELECT min(id) FROM audit.entries) FROM audit.entries; UPDATE audit.entries SET canon = NULL`,
	} {
		if _, err := db.ExecContext(s.ctx, change); stateOf(err) != "CG004" {
			t.Errorf("%s: %v", change, err)
		}
	}
	if s.verified(); count(t, db, `SELECT count(*) FROM audit.disposals`) != 0 {
		t.Error("something was disposed of")
	}
}
