package caldicott

import (
	"encoding/json"
	"time"
)

// Control is one of the auditors' questions, saved as a query. A test passes or fails; any other control only gives figures,
// and marks what deserves a look.
type Control struct {
	N        int
	Title    string
	Question string
	Counts   string // what one row stands for
	Rule     string // of a test: what fails it; else what the figures are
	Test     bool
	Standing bool // its rows are what stands at the end of the period, not what happened in it
	RestsOn  string
}

// ControlAsked is about which organisation and which period (From included, To not) a control is asked, and as of when: with
// AsAt, only entries count that the database had recorded by then. Now is the service's clock: what stands is never asked of
// the future.
type ControlAsked struct {
	Organisation   string
	From, To, AsAt time.Time
	Now            time.Time
	Filter         ControlFilter
}

// ControlFilter narrows a control. The first six are about the version that a row names, the others about its decision; a row
// without one is left out.
type ControlFilter struct {
	Kind, Urgency, Identifiability, Basis, Recipient, System string
	Outcome, DecidedBy, ActingAs                             string
}

// ControlResult is what a control found.
type ControlResult struct {
	Control
	Rows, Marked int64
	Figures      []ControlFigure
	Trend        []ControlMonth // the twelve months up to To; nil where it was not asked for
	LastEntry    int64          // the newest entry that counted
}

// Verdict is pass or fail for a test, figures for any other control.
func (r ControlResult) Verdict() string {
	switch {
	case !r.Test:
		return "figures"
	case r.Marked > 0:
		return "fail"
	}
	return "pass"
}

// ControlFigure is one number: of what, and of which part of it ("" for all).
type ControlFigure struct {
	Item, Part string
	Value      float64
}

// ControlMonth counts the rows of one month in London ("2026-09").
type ControlMonth struct {
	Month        string
	Rows, Marked int64
}

// ControlRow is one thing that a control found, with the entry of the trail behind it (0 for none). Facts are a JSON object of
// codes, numbers, days and user ids.
type ControlRow struct {
	Entry              int64
	Request, Reference string
	Version            int
	Decision, Subject  string
	At                 time.Time
	Marked             bool
	Facts              json.RawMessage
}

// ControlPage is which rows are asked for: those after an entry's subject, so many, and perhaps only the marked.
type ControlPage struct {
	AfterEntry   int64
	AfterSubject string
	Limit        int
	MarkedOnly   bool
}
