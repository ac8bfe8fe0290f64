package api

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// ControlView is one of the auditors' questions with its answer.
type ControlView struct {
	N        int          `json:"n"`
	Title    string       `json:"title"`
	Question string       `json:"question"`
	Counts   string       `json:"counts"`
	Rule     string       `json:"rule"`
	Standing bool         `json:"standing"`
	RestsOn  string       `json:"rests_on"`
	Verdict  string       `json:"verdict"`
	Rows     int64        `json:"rows"`
	Marked   int64        `json:"marked"`
	Figures  []FigureView `json:"figures"`
	Trend    []TrendView  `json:"trend,omitempty"`
	Last     int64        `json:"last_entry"`
	AsAt     time.Time    `json:"as_at,omitzero"`
}

// FigureView is one number.
type FigureView struct {
	Item  string  `json:"item"`
	Part  string  `json:"part,omitempty"`
	Value float64 `json:"value"`
}

// TrendView counts the rows of a month.
type TrendView struct {
	Month  string `json:"month"`
	Rows   int64  `json:"rows"`
	Marked int64  `json:"marked"`
}

// Controls are all of them.
type Controls struct {
	Items []ControlView `json:"items"`
}

// ControlRowView is one thing that a control found. Entry leads to the trail.
type ControlRowView struct {
	Entry     int64     `json:"entry,omitempty"`
	Request   string    `json:"request,omitempty"`
	Reference string    `json:"reference,omitempty"`
	Version   int       `json:"version,omitempty"`
	Decision  string    `json:"decision,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	At        time.Time `json:"at"`
	Marked    bool      `json:"marked"`
	Facts     any       `json:"facts"`
}

// FromControl writes an answer.
func FromControl(r caldicott.ControlResult, asAt time.Time) ControlView {
	return ControlView{
		N: r.N, Title: r.Title, Question: r.Question, Counts: r.Counts, Rule: r.Rule, Standing: r.Standing, RestsOn: r.RestsOn,
		Verdict: r.Verdict(), Rows: r.Rows, Marked: r.Marked, Last: r.LastEntry, AsAt: asAt,
		Figures: listed(r.Figures, func(f caldicott.ControlFigure) FigureView { return FigureView(f) }),
		Trend:   listed(r.Trend, func(m caldicott.ControlMonth) TrendView { return TrendView(m) }),
	}
}

// FromControlRow writes a row. Facts that are absent are left out.
func FromControlRow(r caldicott.ControlRow) (ControlRowView, error) {
	v := ControlRowView{
		Entry: r.Entry, Request: r.Request, Reference: r.Reference, Version: r.Version, Decision: r.Decision, Subject: r.Subject,
		At: r.At.UTC(), Marked: r.Marked,
	}
	facts := map[string]any{}
	if err := json.Unmarshal(r.Facts, &facts); err != nil {
		return ControlRowView{}, err
	}
	maps.DeleteFunc(facts, func(_ string, fact any) bool { return fact == nil })
	v.Facts = facts
	return v, nil
}
