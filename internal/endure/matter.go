package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
)

//go:embed case.json
var content string

// matter is one case on a desk.
type matter struct {
	*desk
	requester     string
	id            string
	authorisation string
	conditions    map[string]string // ids by label
}

// errOver says that the case has come to an end before its last step.
var errOver = errors.New("over")

// play works through a case. Chance decides which of the ways it takes, so that every deed is at some desk at any time.
func (d *desk) play(ctx context.Context) error {
	m := &matter{desk: d, requester: requesters[(d.number+d.cases)%len(requesters)], conditions: map[string]string{}}
	for _, step := range []func(context.Context) error{
		m.draft, m.submit, m.takeUp, m.consult, m.decide, m.fulfil, m.goWrong, m.review, m.end,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// chanceOf is true in so many of a hundred cases.
func (d *desk) chanceOf(percent int) bool { return d.chance.IntN(100) < percent }

// on does a deed on the request. read says that it needs an If-Match.
func (m *matter) on(ctx context.Context, who, deed, path string, read bool, body any) (reply, error) {
	return m.to(ctx, who, deed, "/requests/"+m.id, path, read, body)
}

// to does a deed on something of the case.
func (m *matter) to(ctx context.Context, who, deed, thing, path string, read bool, body any) (reply, error) {
	q := question{who: who, deed: deed, path: thing + path, kind: "application/json"}
	if read {
		q.match = thing
	}
	var err error
	if q.body, err = json.Marshal(body); err != nil {
		return reply{}, err
	}
	return m.do(ctx, q, m.id)
}

// nothing is the body of a deed that has nothing to say.
type nothing struct{}

// fields are a body.
type fields map[string]any

// day is so many days from today, in London as everywhere in the house.
func day(n int) string {
	today, err := time.Parse(time.DateOnly, caldicott.Today(time.Now()))
	if err != nil {
		panic(err) // the house's own form
	}
	return today.AddDate(0, 0, n).Format(time.DateOnly)
}

func (m *matter) draft(ctx context.Context) error {
	body := strings.NewReplacer("{{granted}}", day(-90), "{{support}}", day(240)).Replace(content)
	r, err := m.do(ctx, question{who: m.requester, deed: "draft", path: "/requests", kind: "application/json", body: []byte(body)}, "")
	if err != nil {
		return err
	}
	m.id, err = idIn(r.body)
	if err != nil || !m.chanceOf(30) {
		return err
	}
	return m.attach(ctx)
}

// attach adds a paper whose bytes nobody else's has.
func (m *matter) attach(ctx context.Context) error {
	paper := fmt.Appendf(nil, "Synthetic paper of desk %d, case %d.\n%s", m.number, m.cases, strings.Repeat("Nothing in particular. ", m.chance.IntN(2000)))
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "protocol.txt")
	if err == nil {
		_, err = part.Write(paper)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	r, err := m.do(ctx, question{
		who: m.requester, deed: "attach", path: "/requests/" + m.id + "/documents", kind: w.FormDataContentType(), body: form.Bytes(),
	}, m.id)
	if err != nil {
		return err
	}
	id, err := idIn(r.body)
	if err == nil {
		m.promises.file(document{id: id, reader: m.requester, content: paper})
	}
	return err
}

func (m *matter) submit(ctx context.Context) error {
	if _, err := m.on(ctx, m.requester, "submit", "/submission", true, nothing{}); err != nil {
		return err
	}
	return m.perhapsWithdraw(ctx, m.requester, 10)
}

func (m *matter) perhapsWithdraw(ctx context.Context, who string, percent int) error {
	if !m.chanceOf(percent) {
		return nil
	}
	if _, err := m.on(ctx, who, "withdraw", "/withdrawal", true, fields{"reason": "No longer needed."}); err != nil {
		return err
	}
	return errOver
}

// takeUp is triage, with a remark and a question now and then.
func (m *matter) takeUp(ctx context.Context) error {
	if _, err := m.on(ctx, officer1, "triage", "/triage", true, nothing{}); err != nil {
		return err
	}
	if m.chanceOf(40) {
		if _, err := m.on(ctx, officer2, "comment", "/comments", false, fields{"text": "Looks complete."}); err != nil {
			return err
		}
	}
	if !m.chanceOf(30) {
		return nil
	}
	asked := fields{"questions": []fields{{"text": "Why so many years?"}}}
	if _, err := m.on(ctx, officer1, "ask", "/questions", true, asked); err != nil {
		return err
	}
	answered := fields{"answers": []fields{{"question": 1, "text": "The disease is slow."}}}
	_, err := m.on(ctx, m.requester, "answer", "/answers", true, answered)
	return err
}

func (m *matter) consult(ctx context.Context) error {
	asked := fields{"consultees": []string{"RESEARCH_OFFICE", "DPO", "IAO"}}
	if _, err := m.on(ctx, officer1, "consult", "/consultations", true, asked); err != nil {
		return err
	}
	for _, c := range []struct{ who, role string }{{rd, "RESEARCH_OFFICE"}, {dpo, "DPO"}, {iao, "IAO"}} {
		said := fields{"role": c.role, "view": "SUPPORT", "text": "No objection."}
		if _, err := m.on(ctx, c.who, "advise", "/advice", false, said); err != nil {
			return err
		}
	}
	if err := m.perhapsWithdraw(ctx, lead, 8); err != nil {
		return err
	}
	_, err := m.on(ctx, lead, "put_forward", "/readiness", true, fields{"recommendation": "Supported."})
	return err
}
