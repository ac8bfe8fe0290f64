package rest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
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
	rows, err := s.History.History(r.Context(), result.Case.Request.ID)
	if err != nil {
		return err
	}
	after, _ := strconv.ParseInt(p.after.ID, 10, 64) //nolint:errcheck // its form was checked; absent is 0
	rows = slices.DeleteFunc(slices.Clone(rows), func(e HistoryRow) bool {
		return after != 0 && e.Entry >= after || !s.tells(result, e)
	})
	slices.SortFunc(rows, func(a, b HistoryRow) int { return cmp.Compare(b.Entry, a.Entry) })
	place := func(e HistoryRow) (string, string) { return "", strconv.FormatInt(e.Entry, 10) }
	return writePage(w, r, p, rows, place, historyEntry)
}

// tells says whether the reader may see the entry. Those who handle the case see all of them; the others what was done,
// but for comments, which are private to the first, and what they themselves tried or read.
func (s *service) tells(r casework.Result, e HistoryRow) bool {
	if s.Work.Handles(r) || e.Actor == r.By.UserID {
		return true
	}
	switch caldicott.Action(e.Action) {
	case caldicott.Comment, caldicott.Viewed, caldicott.View, caldicott.ViewComments, caldicott.GuardFired:
		return false
	}
	return e.Outcome == caldicott.OutcomeDone
}

// historyEntry writes an entry. The trail keeps states in lower case; the contract knows them as the vocabulary does.
func historyEntry(e HistoryRow) api.HistoryEntry {
	return api.FromEvent(e.Entry, e.Seq, caldicott.Event{
		Action: caldicott.Action(e.Action), Outcome: e.Outcome, Rule: e.Rule, At: e.At, ActingAs: e.Acting,
		From: stateOf(e.From), To: stateOf(e.To), Version: e.Version, PolicyLine: e.Line,
	}, e.Actor)
}

func stateOf(s string) caldicott.State { return caldicott.State(strings.ToUpper(s)) }
