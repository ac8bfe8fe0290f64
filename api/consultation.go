package api

import (
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// QuestionView is a question that was asked of the requester, with the newest answer to it.
type QuestionView struct {
	N       int         `json:"n"`
	Field   string      `json:"field,omitempty"`
	Text    string      `json:"text"`
	AskedBy string      `json:"asked_by"`
	AskedAt time.Time   `json:"asked_at"`
	Answer  *AnswerView `json:"answer,omitempty"`
}

// AnswerView is the requester's answer.
type AnswerView struct {
	Text string    `json:"text"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// FromQuestions writes the questions of a case, answered or not, by their numbers.
func FromQuestions(c *caldicott.Case) []QuestionView {
	views := []QuestionView{}
	for _, d := range c.Done {
		for _, q := range d.Details.Questions {
			views = append(views, QuestionView{N: q.N, Field: q.Field, Text: q.Text, AskedBy: d.By, AskedAt: d.At})
		}
		for _, a := range d.Details.Answers {
			for i := range views {
				if views[i].N == a.Question {
					views[i].Answer = &AnswerView{Text: a.Text, By: d.By, At: d.At}
				}
			}
		}
	}
	return views
}

// ConsultationView is a role that was asked for its view, with all that it said.
type ConsultationView struct {
	Role      vocabulary.Role `json:"role"`
	Mandatory bool            `json:"mandatory"`
	Due       string          `json:"due,omitempty"`
	AskedBy   string          `json:"asked_by,omitempty"`
	AskedAt   time.Time       `json:"asked_at,omitzero"`
	Advice    []AdviceView    `json:"advice"`
	Waived    *WaivedView     `json:"waived,omitempty"`
}

// AdviceView is a consultee's view, on the version that it names.
type AdviceView struct {
	View    vocabulary.View `json:"view"`
	Text    string          `json:"text"`
	Version int             `json:"version"`
	By      string          `json:"by"`
	At      time.Time       `json:"at"`
}

// WaivedView says that the service goes on without the role's view, and why.
type WaivedView struct {
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// FromConsultations writes whom the case was put to. A mandatory role may have been waived without ever being asked.
func FromConsultations(c *caldicott.Case) []ConsultationView {
	views := listed(c.Consultations, func(x caldicott.Consultation) ConsultationView {
		return ConsultationView{
			Role: x.Role, Mandatory: x.Mandatory, Due: x.Due, AskedBy: x.By, AskedAt: x.At, Advice: adviceOf(c, x.Role),
		}
	})
	for _, w := range c.Waivers {
		waived := &WaivedView{Reason: w.Reason, By: w.By, At: w.At}
		asked := false
		for i := range views {
			if views[i].Role == w.Role {
				views[i].Waived, asked = waived, true
			}
		}
		if !asked {
			views = append(views, ConsultationView{Role: w.Role, Mandatory: true, Advice: []AdviceView{}, Waived: waived})
		}
	}
	return views
}

func adviceOf(c *caldicott.Case, role vocabulary.Role) []AdviceView {
	views := []AdviceView{}
	for _, a := range c.Advice {
		if a.Role == role {
			views = append(views, AdviceView{View: a.View, Text: a.Text, Version: a.Version, By: a.By, At: a.At})
		}
	}
	return views
}

// CommentView is a remark, private to those who handle the request.
type CommentView struct {
	ID      string    `json:"id"`
	Request string    `json:"request"`
	By      string    `json:"by"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
}

// FromComment writes a remark on the request.
func FromComment(request string, r caldicott.Remark) CommentView {
	return CommentView{ID: r.ID, Request: request, By: r.By, Text: r.Text, At: r.At}
}
