package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// PaceView is how long requests of a kind took here, in working days from submission to decision.
type PaceView struct {
	Requests          int     `json:"requests"`
	MedianWorkingDays float64 `json:"median_working_days"`
	P80WorkingDays    float64 `json:"p80_working_days"`
}

// HolderView is a person, or whoever holds a role.
type HolderView struct {
	Person string          `json:"person,omitempty"`
	Role   vocabulary.Role `json:"role,omitempty"`
}

// ClockView says who has the ball, until when, and what is left.
type ClockView struct {
	With            []HolderView     `json:"with"`
	Limit           vocabulary.Limit `json:"limit,omitempty"`
	Due             time.Time        `json:"due,omitzero"`
	LeftMinutes     *int64           `json:"left_minutes,omitempty"`
	LeftWorkingDays *int             `json:"left_working_days,omitempty"`
	Paused          bool             `json:"paused"`
	History         *PaceView        `json:"history,omitempty"`
}

// TaskView is something that waits for the reader.
type TaskView struct {
	ID              string             `json:"id"`
	Task            vocabulary.Task    `json:"task"`
	Organisation    string             `json:"organisation"`
	Request         string             `json:"request,omitempty"`
	Reference       string             `json:"reference,omitempty"`
	Title           string             `json:"title,omitempty"`
	Kind            vocabulary.Kind    `json:"kind,omitempty"`
	Urgency         vocabulary.Urgency `json:"urgency,omitempty"`
	State           vocabulary.State   `json:"state,omitempty"`
	Subject         string             `json:"subject,omitempty"`
	Limit           vocabulary.Limit   `json:"limit,omitempty"`
	From            time.Time          `json:"from"`
	Due             time.Time          `json:"due,omitzero"`
	LeftMinutes     *int64             `json:"left_minutes,omitempty"`
	LeftWorkingDays *int               `json:"left_working_days,omitempty"`
	History         *PaceView          `json:"history,omitempty"`
}

// FromClock writes it; a limit that is not there leaves its members out.
func FromClock(with []HolderView, t caldicott.Task, left *caldicott.Left, paused bool, pace *PaceView) ClockView {
	v := ClockView{With: same(with), Limit: t.Limit, Due: t.Due, Paused: paused, History: pace}
	if left != nil {
		v.LeftMinutes, v.LeftWorkingDays = &left.Minutes, &left.WorkingDays
	}
	return v
}

// FromTask writes a task with what is left of its limit; left and pace nil where there is none.
func FromTask(t caldicott.TaskRow, left *caldicott.Left, pace *PaceView) TaskView {
	v := TaskView{
		ID: t.ID, Task: t.Name, Organisation: t.OrgCode, Request: t.Request.ID, Reference: t.Request.Reference, Title: t.Title,
		Kind: t.Kind, Urgency: t.Urgency, State: t.Request.State, Subject: t.Subject, Limit: t.Limit, From: t.From, Due: t.Due,
		History: pace,
	}
	if left != nil {
		v.LeftMinutes, v.LeftWorkingDays = &left.Minutes, &left.WorkingDays
	}
	return v
}

// NoticeView is what somebody was told: codes and dates, no word of any request.
type NoticeView struct {
	ID        string            `json:"id"`
	Event     vocabulary.Notice `json:"event"`
	Wanted    vocabulary.Task   `json:"wanted,omitempty"`
	Request   string            `json:"request,omitempty"`
	Reference string            `json:"reference,omitempty"`
	State     string            `json:"state"`
	Subject   string            `json:"subject,omitempty"`
	Recipient string            `json:"recipient,omitempty"`
	Endpoint  string            `json:"endpoint,omitempty"`
	Due       time.Time         `json:"due,omitzero"`
	At        time.Time         `json:"at"`
	Status    string            `json:"status"`
	Attempts  int               `json:"attempts"`
	SettledAt time.Time         `json:"settled_at,omitzero"`
	Fault     string            `json:"fault,omitempty"`
}

// FromNotice writes a notice.
func FromNotice(n caldicott.Notice) NoticeView {
	return NoticeView{
		ID: n.ID, Event: n.Event, Wanted: n.Wanted, Request: n.RequestID, Reference: n.Reference, State: n.State,
		Subject: n.Subject, Recipient: n.Recipient, Endpoint: n.Endpoint, Due: n.Due, At: n.At, Status: n.Status,
		Attempts: n.Attempts, SettledAt: n.SettledAt, Fault: n.Fault,
	}
}
