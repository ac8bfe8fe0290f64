package controls_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

// erase erases the words of all that was done to the case, by two people.
func (s *scene) erase(c caldicott.Case) {
	s.t.Helper()
	var entries []int64
	if err := s.hostile.Select(&entries, `SELECT id FROM audit.entries WHERE stream = 'request:' || $1 ORDER BY id`, c.Request.ID); err != nil {
		s.t.Fatal(err)
	}
	r, err := s.Service.ProposeErasure(s.t.Context(), casework.Call{By: s.who("u-dpo")}, nil, entries, vocabulary.ErasureGroundArt171D, "Not ours to keep.")
	if err == nil {
		_, err = s.Service.ConfirmErasure(s.t.Context(), casework.Call{By: s.who("u-guardian")}, nil, r.Erasure.ID)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// dispose disposes of what is over, and gives the certificate.
func (s *scene) dispose(kind vocabulary.Kind) casework.Disposal {
	s.t.Helper()
	r, err := s.Service.ProposeDisposal(s.t.Context(), casework.Call{By: s.who("u-iglead")}, nil, kind, "Kept long enough.")
	if err == nil {
		r, err = s.Service.Dispose(s.t.Context(), casework.Call{By: s.who("u-dpo")}, nil, r.Disposal.ID)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Disposal
}

// Erasing and disposing are no faults: every question finds afterwards what it found before, but for the one on erasure.
func TestWhatWasErasedOrDisposedOfChangesNoAnswer(t *testing.T) {
	t.Parallel()
	s := open(t)
	refused := sound()
	refused.Title, refused.Kind, refused.Recipients[0].OrgCode = "Counts of beds", vocabulary.KindClinicalAudit, "TST03"
	over := s.decided(refused, decision(vocabulary.OutcomeRefuse))
	over = s.on(over, "u-ig1", caldicott.Commenting{Text: "Mrs Brown rang, date of birth 01/02/1960."}) // the guard warns
	over = s.on(over, "u-iglead", caldicott.Closing{Reason: "Refused."})
	if _, err := s.Service.Show(t.Context(), s.who("u-guardian"), casework.Target{Noun: caldicott.Requests, ID: over.Request.ID}, casework.Moment{}); err != nil {
		t.Fatal(err)
	}
	s.later(time.Hour)
	again := refused
	again.Title, again.Recipients = "Counts of chairs", slices.Clone(refused.Recipients)
	again.Recipients[0].OrgCode = "TST05"
	asked := s.ready(again, "u-req-ed")
	s.Clock.Put(s.Clock.At().AddDate(9, 0, 0))
	s.seal()

	asking := s.asked()
	before, err := s.book.Controls(t.Context(), asking)
	if err != nil {
		t.Fatal(err)
	}
	s.erase(s.c)
	s.erase(asked)
	done := s.dispose(vocabulary.KindClinicalAudit)
	s.seal()
	after, err := s.book.Controls(t.Context(), asking)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range after {
		rows := s.rows(r.N, asking)
		if _, err := s.book.Control(t.Context(), r.N, asking); err != nil {
			t.Error(err)
		}
		if r.N != 27 && (r.Rows != before[i].Rows || r.Marked != before[i].Marked) {
			t.Errorf("%d %s: %d rows, %d marked; before %d and %d: %v", r.N, r.Title, r.Rows, r.Marked, before[i].Rows, before[i].Marked, said(rows))
		}
	}
	told := strings.Join(said(s.rows(27, asking)), "\n")
	for _, action := range []string{"propose_erasure", "confirm_erasure", "erased", "propose_disposal", "dispose", "disposed"} {
		if !strings.Contains(told, `"what": "`+action+`"`) {
			t.Errorf("27 does not tell of %s: %s", action, told)
		}
	}
	certificate := fmt.Sprintf(`"disposed": %d`, done.Certificate)
	for _, n := range []int{2, 21, 28} {
		if told := strings.Join(said(s.rows(n, asking)), "\n"); !strings.Contains(told, certificate) {
			t.Errorf("%d does not name the certificate: %s", n, told)
		}
	}
}

func TestAnEntryThatLostItsBytesWithoutACertificateIsAltered(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.seal()
	s.force("audit.entries", `UPDATE audit.entries SET canon = NULL WHERE id = (SELECT max(entry_id) FROM audit.leaves)`)
	if r := s.answer(22, s.asked()); r.Marked != 1 {
		t.Errorf("%d marked: %v", r.Marked, said(s.rows(22, s.asked())))
	}
}

func TestARenewalEndsWhatWasVariedMeanwhileForTheAuditorToo(t *testing.T) {
	t.Parallel()
	s := open(t)
	old := s.c.Authorisations[0]
	s.later(time.Hour)
	s.force("casework.authorisations", `
		INSERT INTO casework.authorisations (id, request_id, decision_id, version, review_date, expiry_date, ratifies, supersedes, at, entry_id)
		SELECT gen_random_uuid(), request_id, decision_id, version, review_date, expiry_date, '', CAST(id AS text), at + interval '1 hour', entry_id
		FROM casework.authorisations WHERE id = $1`, old.ID)
	ended := func() (list []string) {
		err := s.book.DB.Select(&list, `SELECT n.how || ' ' || (SELECT a.supersedes <> '' FROM controls.authorisations a WHERE CAST(a.id AS text) = n.authorisation_id)
			FROM controls.endings n WHERE n.request_id = $1 ORDER BY 1`, s.c.Request.ID)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if got := ended(); !slices.Equal(got, []string{"SUPERSEDED false"}) {
		t.Errorf("once varied: %q", got)
	}
	renewed := s.decided(supported(), approving())
	s.force("casework.authorisations", `UPDATE casework.authorisations SET supersedes = $2 WHERE id = $1`, renewed.Authorisations[0].ID, old.ID)
	if got := ended(); !slices.Equal(got, []string{"SUPERSEDED false", "SUPERSEDED false", "SUPERSEDED true"}) {
		t.Errorf("once renewed: %q", got)
	}
}
