package rest

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Auditor answers the auditors' questions.
type Auditor interface {
	Controls(ctx context.Context, asked caldicott.ControlAsked) ([]caldicott.ControlResult, error)
	Control(ctx context.Context, n int, asked caldicott.ControlAsked) (caldicott.ControlResult, error)
	ControlRows(ctx context.Context, n int, asked caldicott.ControlAsked, page caldicott.ControlPage) ([]caldicott.ControlRow, error)
}

// The parameters of the auditors' questions.
var (
	firstDay   = param{"from", "must be a day, such as 2026-09-07", isDay}
	lastDay    = param{"to", "must be a day, such as 2026-09-07", isDay}
	recordedBy = param{"as_at", "must be an instant, such as 2026-09-07T08:12:00Z", isInstant}
	forPurpose = coded("purpose", "log_purpose")
	likeness   = param{"system", "must be 16 hexadecimal digits", regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString}
	basis      = coded("basis", "cldc_basis")
	capacity   = coded("acting_as", "role")
	onlyMarked = param{"marked", "must be true or false", whether.form}
	aControl   = regexp.MustCompile(`^[1-9][0-9]?$`).MatchString

	controlFilters = []param{
		coded("kind", "request_kind"), coded("urgency", "urgency"), coded("identifiability", "identifiability"), basis, receiver, likeness,
		coded("outcome", "decision_outcome"), person("decided_by"), capacity,
	}
	controlPeriod  = []param{firstDay, lastDay, recordedBy, forPurpose}
	controlRowList = list{name: "rows of a control", key: isNumber, id: isSubject, filters: slices.Concat(controlPeriod, controlFilters, []param{onlyMarked})}
)

func isDay(s string) bool {
	_, err := caldicott.StartOfDay(s)
	return err == nil && s >= "1900-01-01" && s < "9999-12-31"
}

// isSubject is what a row can be about besides its entry: an id or a code, "-" for nothing.
var isSubject = regexp.MustCompile(`^-[ -~]{0,200}$`).MatchString

// ofControl reads period and filters. To is the last day of the period, and is in it.
func (q query) ofControl() (caldicott.ControlAsked, error) {
	first, err := q.need(firstDay)
	if err != nil {
		return caldicott.ControlAsked{}, err
	}
	last, err := q.need(lastDay)
	if err != nil {
		return caldicott.ControlAsked{}, err
	}
	if _, err := q.need(forPurpose); err != nil {
		return caldicott.ControlAsked{}, err
	}
	if last < first {
		return caldicott.ControlAsked{}, unreadable(lastDay.name, "must not be before from")
	}
	asked := caldicott.ControlAsked{AsAt: q.instant(recordedBy), Filter: caldicott.ControlFilter{
		Kind: q["kind"], Urgency: q["urgency"], Identifiability: q["identifiability"], Basis: q[basis.name], Recipient: q[receiver.name],
		System: q[likeness.name], Outcome: q["outcome"], DecidedBy: q["decided_by"], ActingAs: q[capacity.name],
	}}
	if asked.From, err = caldicott.StartOfDay(first); err != nil {
		return caldicott.ControlAsked{}, fmt.Errorf("from: %w", err)
	}
	asked.To, err = caldicott.EndOfDay(last)
	return asked, err
}

// audit puts the asking on the record, and says of which organisation and as of which instant it is.
func (s *service) audit(r *http.Request, a caldicott.Action, number string, given query) (caldicott.ControlAsked, error) {
	asked, err := given.ofControl()
	if err != nil {
		return asked, err
	}
	facts := map[string]string{"noun": "controls", "control": number, "from": given[firstDay.name], "to": given[lastDay.name]}
	if v, ok := given[recordedBy.name]; ok {
		facts["as_at"] = v
	}
	for _, f := range controlFilters {
		if _, ok := given[f.name]; ok {
			facts["filter_"+f.name] = "given"
		}
	}
	asked.Organisation, err = s.Work.Audit(r.Context(), actorOf(r.Context()), a, vocabulary.LogPurpose(given[forPurpose.name]), facts)
	asked.Now = s.Work.Now()
	return asked, err
}

// inTurn asks when its turn has come: whoever looks at many controls at once waits for a moment.
func inTurn[T any](s *service, r *http.Request, ask func(context.Context) (T, error)) (T, error) {
	select {
	case s.controls <- struct{}{}:
		defer func() { <-s.controls }()
		return ask(r.Context())
	case <-r.Context().Done():
		var none T
		return none, caldicott.Errorf(caldicott.Unavailable, caldicott.CodeUnavailable, "Too many questions are being answered; please try again.")
	}
}

// listControls answers every question for the period.
func (s *service) listControls(w http.ResponseWriter, r *http.Request) error {
	given, err := ask(r, slices.Concat(controlPeriod, controlFilters)...)
	if err != nil {
		return err
	}
	asked, err := s.audit(r, caldicott.ReviewControls, "all", given)
	if err != nil {
		return err
	}
	results, err := inTurn(s, r, func(ctx context.Context) ([]caldicott.ControlResult, error) { return s.Controls.Controls(ctx, asked) })
	if err != nil {
		return err
	}
	all := api.Controls{Items: make([]api.ControlView, len(results))}
	for i, result := range results {
		all.Items[i] = api.FromControl(result, asked.AsAt)
	}
	return shown(all, 0).write(w)
}

// numberOf is the number of the control that the path names.
func numberOf(r *http.Request) (string, int, error) {
	number, err := named(r, "n", aControl)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.Atoi(number)
	return number, n, err
}

// showControl answers one question, with the months before.
func (s *service) showControl(w http.ResponseWriter, r *http.Request) error {
	given, err := ask(r, slices.Concat(controlPeriod, controlFilters)...)
	if err != nil {
		return err
	}
	number, n, err := numberOf(r)
	if err != nil {
		return err
	}
	asked, err := s.audit(r, caldicott.ReviewControls, number, given)
	if err != nil {
		return err
	}
	result, err := inTurn(s, r, func(ctx context.Context) (caldicott.ControlResult, error) { return s.Controls.Control(ctx, n, asked) })
	if err != nil {
		return err
	}
	return shown(api.FromControl(result, asked.AsAt), 0).write(w)
}

// listControlRows shows what stands behind an answer, each with its entry of the trail.
func (s *service) listControlRows(w http.ResponseWriter, r *http.Request) error {
	p, err := controlRowList.page(r)
	if err != nil {
		return err
	}
	number, n, err := numberOf(r)
	if err != nil {
		return err
	}
	asked, err := s.audit(r, caldicott.TraceControls, number, p.asked)
	if err != nil {
		return err
	}
	page := caldicott.ControlPage{
		AfterSubject: strings.TrimPrefix(p.after.ID, "-"), Limit: p.limit + 1, MarkedOnly: p.asked[onlyMarked.name] == "true", AfterEntry: -1,
	}
	if p.after.Key != "" {
		if page.AfterEntry, err = strconv.ParseInt(p.after.Key, 10, 64); err != nil {
			return unreadable(cursor.name, strangeCursor)
		}
	}
	rows, err := inTurn(s, r, func(ctx context.Context) ([]caldicott.ControlRow, error) {
		return s.Controls.ControlRows(ctx, n, asked, page)
	})
	if err != nil {
		return err
	}
	views := make([]api.ControlRowView, len(rows))
	for i, row := range rows {
		if views[i], err = api.FromControlRow(row); err != nil {
			return fmt.Errorf("control %d: %w", n, err)
		}
	}
	place := func(v api.ControlRowView) (string, string) { return strconv.FormatInt(v.Entry, 10), "-" + v.Subject }
	return writePage(w, r, p, views, place, func(v api.ControlRowView) api.ControlRowView { return v })
}
