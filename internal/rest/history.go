package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
)

var historyList = list{name: "history", key: noKey, id: isNumber}

// history shows the entries of the trail about a request, the newest first.
func (s *service) history(w http.ResponseWriter, r *http.Request) error {
	p, err := historyList.page(r)
	if err != nil {
		return err
	}
	result, err := s.see(r, caldicott.Requests)
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(p.after.ID, 10, 64) //nolint:errcheck // its form was checked; absent is 0
	rows, err := s.History.History(r.Context(), HistoryAsked{
		Request: result.Case.Request.ID, Before: before, Limit: p.limit + 1, Told: s.Work.Handles(result), Kept: kept, Reader: result.By.ID,
	})
	if err != nil {
		return err
	}
	place := func(e HistoryRow) (string, string) { return "", strconv.FormatInt(e.Entry, 10) }
	return writePage(w, r, p, rows, place, historyEntry)
}

// kept is what only those who handle the case are told of: comments, dissent, incidents and
// risks, which are private to them, legal holds, and who looked.
var kept = []string{
	string(caldicott.Comment), string(caldicott.Viewed), string(caldicott.View), string(caldicott.ViewComments), string(caldicott.GuardFired),
	string(caldicott.RecordDissent), string(caldicott.AnswerDissent), string(caldicott.RecordNotFollowed), string(caldicott.LinkIncident),
	string(caldicott.UpdateIncident), string(caldicott.LinkRisk), string(caldicott.Hold), string(caldicott.ReleaseHold),
}

// historyEntry writes an entry. The trail keeps states in lower case; the contract knows them as the vocabulary does.
func historyEntry(e HistoryRow) api.HistoryEntry {
	if e.Disposed != 0 {
		return api.HistoryEntry{Entry: e.Entry, Seq: e.Seq, Disposed: e.Disposed}
	}
	return api.FromEvent(e.Entry, e.Seq, caldicott.Event{
		Action: caldicott.Action(e.Action), Outcome: e.Outcome, Rule: e.Rule, At: e.At, ActingAs: e.Acting,
		From: stateOf(e.From), To: stateOf(e.To), Version: e.Version, PolicyLine: e.Line,
	}, e.Actor)
}

func stateOf(s string) caldicott.State { return caldicott.State(strings.ToUpper(s)) }
