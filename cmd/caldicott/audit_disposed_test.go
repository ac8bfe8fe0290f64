package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/housetest"
)

func (s sealed) call(t *testing.T, user string) casework.Call {
	t.Helper()
	by, err := s.house.DB.ActorByUserID(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return casework.Call{By: by}
}

// withdrawn is a request that is over.
func (s sealed) withdrawn(t *testing.T, kind vocabulary.Kind) caldicott.Case {
	t.Helper()
	call := s.call(t, "u-req-research")
	r, err := s.house.Service.Begin(t.Context(), call, caldicott.Drafting{Content: caldicott.Content{Title: "Kidney cohort", Kind: kind}})
	if err != nil {
		t.Fatal(err)
	}
	call.IfMatch = casework.Revision(&r.Case, caldicott.Withdraw, "")
	r, err = s.house.Service.Do(t.Context(), call, casework.Target{Noun: caldicott.Requests, ID: r.Case.Request.ID}, caldicott.Withdrawing{Reason: "Not needed."})
	if err != nil {
		t.Fatal(err)
	}
	return r.Case
}

// Whoever audits with the command tells what was erased and what was disposed of from what was tampered with.
func TestWhatWasErasedOrDisposedOfIsExplainedProvedExportedAndVerified(t *testing.T) {
	t.Parallel()
	s := sealable(t, housetest.New(t))
	s.house.Enrol(t)
	blanked, over := s.withdrawn(t, vocabulary.KindClinicalAudit), s.withdrawn(t, vocabulary.KindResearch)
	anchor := s.seal()
	var entries, gone []int64
	if err := s.superuser.Select(&entries, `SELECT id FROM audit.entries WHERE stream = 'request:' || $1 ORDER BY id`, blanked.Request.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.superuser.Select(&gone, `SELECT id FROM audit.entries WHERE stream = 'request:' || $1 ORDER BY id`, over.Request.ID); err != nil {
		t.Fatal(err)
	}
	erasing, err := s.house.Service.ProposeErasure(t.Context(), s.call(t, "u-dpo"), nil, entries, vocabulary.ErasureGroundArt171D, "Not ours to keep.")
	if err == nil {
		_, err = s.house.Service.ConfirmErasure(t.Context(), s.call(t, "u-guardian"), nil, erasing.Erasure.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.house.Clock.Put(s.house.Clock.At().AddDate(21, 0, 0)) // research is kept for 20
	disposing, err := s.house.Service.ProposeDisposal(t.Context(), s.call(t, "u-iglead"), nil, vocabulary.KindResearch, "Over.")
	if err == nil {
		disposing, err = s.house.Service.Dispose(t.Context(), s.call(t, "u-dpo"), nil, disposing.Disposal.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.seal()

	export, proofs := filepath.Join(s.folder, "export"), filepath.Join(s.folder, "proofs")
	live := s.require(t, s.environ, exitOK, fmt.Sprintf("%d disposed of", len(gone)), "verify", "--keys", s.keys, "--anchor", anchor)
	if !strings.Contains(live.out, fmt.Sprintf("(%d erased)", len(entries))) {
		t.Errorf("verify says %s", live.out)
	}
	s.require(t, s.environ, exitOK, "words erased", "explain", "--request", blanked.Request.ID, "--keys", s.keys)
	told := s.require(t, s.environ, exitOK, fmt.Sprintf("entry %d was disposed of under certificate %d", gone[0], disposing.Disposal.Certificate), "explain", "--request", over.Request.ID, "--keys", s.keys)
	if strings.Count(told.out, "✓ leaf ") != len(gone) || strings.Contains(told.out, "✗") {
		t.Errorf("of what was disposed of is told %s", told.out)
	}
	s.require(t, s.environ, exitOK, fmt.Sprintf("entry-%d.json", entries[0]), "prove", "--entry", fmt.Sprint(entries[0]), "--to", proofs)
	s.require(t, s.environ, exitUnknown, "its bytes were disposed of", "prove", "--entry", fmt.Sprint(gone[0]), "--to", proofs)
	s.require(t, s.environ, exitUnknown, fmt.Sprintf("entry %d: its bytes were disposed of", gone[0]), "prove", "--request", over.Request.ID, "--to", proofs)
	s.require(t, s.environ, exitOK, fmt.Sprintf("%d of them disposed of", len(gone)), "export", "--to", export)
	s.require(t, nil, exitOK, "The trail holds", "verify", "--directory", export, "--keys", s.keys, "--anchor", anchor)
}
