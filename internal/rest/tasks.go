package rest

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
)

var (
	taskList        = list{name: "tasks", key: isDue, id: api.IsID}
	noticeList      = list{name: "notices", key: noKey, id: api.IsID}
	undeliveredList = list{name: "undelivered notices", key: noKey, id: api.IsID}
)

// isDue is the form of a task's key: when it is due, as the database writes it, or never.
var isDue = regexp.MustCompile(`^(infinity|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d)?)$`).MatchString

// clock says who has the ball of a request, until when, and what is left: of what waits now, the soonest.
func (s *service) clock(r casework.Result) api.ClockView {
	var with []api.HolderView
	var first caldicott.Task
	tasks := s.Work.House.Tasks(&r.Case, r.At)
	tasks = slices.DeleteFunc(tasks, func(t caldicott.Task) bool { return t.From.After(r.At) })
	slices.SortStableFunc(tasks, soonest)
	for i, t := range tasks {
		if i == 0 {
			first = t
		}
		if t.Name != first.Name || t.Subject != first.Subject {
			continue
		}
		if t.Person != "" {
			with = append(with, api.HolderView{Person: t.Person})
		}
		for _, role := range t.Roles {
			with = append(with, api.HolderView{Role: role})
		}
	}
	content := r.Case.Content()
	paused := slices.ContainsFunc(s.Work.House.Running(&r.Case, r.At), func(x caldicott.Running) bool { return x.Paused })
	return api.FromClock(with, first, s.left(first, content.Urgency, r.At), paused, paceView(r.Pace))
}

// soonest orders tasks by their limits; what has none comes last.
func soonest(a, b caldicott.Task) int {
	switch {
	case a.Due.IsZero() && b.Due.IsZero():
		return 0
	case a.Due.IsZero():
		return 1
	case b.Due.IsZero():
		return -1
	}
	return a.Due.Compare(b.Due)
}

// left is what is left of a task's limit; nil where it has none.
func (s *service) left(t caldicott.Task, urgency vocabulary.Urgency, now time.Time) *caldicott.Left {
	if t.Due.IsZero() {
		return nil
	}
	left := s.Work.House.Left(t.Limit, urgency, now, t.Due)
	return &left
}

// paceView is the house's own history for a kind; nil while there is too little of it.
func paceView(p *casework.Pace) *api.PaceView {
	if p == nil {
		return nil
	}
	return &api.PaceView{Requests: p.Requests, MedianWorkingDays: p.Median, P80WorkingDays: p.P80}
}

// listTasks shows what waits for the caller.
func (s *service) listTasks(w http.ResponseWriter, r *http.Request) error {
	p, err := taskList.page(r)
	if err != nil {
		return err
	}
	rows, err := s.Work.Tasks(r.Context(), actorOf(r.Context()), p.after.Key, p.after.ID, p.limit+1)
	if err != nil {
		return err
	}
	now := s.Work.Now()
	paces, err := s.paces(r.Context(), rows)
	if err != nil {
		return err
	}
	view := func(t caldicott.TaskRow) api.TaskView {
		return api.FromTask(t, s.left(t.Task, t.Urgency, now), paces[paceOf(t)])
	}
	return writePage(w, r, p, rows, func(t caldicott.TaskRow) (string, string) { return t.Key, t.ID }, view)
}

// paceOf is whose history a task is shown with: that of its organisation and kind.
func paceOf(t caldicott.TaskRow) [2]string {
	return [2]string{t.Request.OrganisationID, string(t.Kind)}
}

// paces reads the histories that the tasks are shown with, each once.
func (s *service) paces(ctx context.Context, rows []caldicott.TaskRow) (map[[2]string]*api.PaceView, error) {
	paces := map[[2]string]*api.PaceView{}
	for _, t := range rows {
		of := paceOf(t)
		if _, known := paces[of]; known || t.Kind == "" {
			continue
		}
		p, enough, err := s.Work.Pace(ctx, of[0], t.Kind)
		if err != nil {
			return nil, err
		}
		if paces[of] = nil; enough {
			paces[of] = paceView(&p)
		}
	}
	return paces, nil
}

func noticePlace(n caldicott.Notice) (key, id string) { return "", n.ID }

// listNotices shows what the caller was told.
func (s *service) listNotices(w http.ResponseWriter, r *http.Request) error {
	p, err := noticeList.page(r)
	if err != nil {
		return err
	}
	rows, err := s.Work.Notices(r.Context(), actorOf(r.Context()), p.after.ID, p.limit+1)
	if err != nil {
		return err
	}
	return writePage(w, r, p, rows, noticePlace, api.FromNotice)
}

// listUndelivered shows an administrator what could not be delivered.
func (s *service) listUndelivered(w http.ResponseWriter, r *http.Request) error {
	p, err := undeliveredList.page(r)
	if err != nil {
		return err
	}
	rows, err := s.Work.Undelivered(r.Context(), actorOf(r.Context()), p.after.ID, p.limit+1)
	if err != nil {
		return err
	}
	return writePage(w, r, p, rows, noticePlace, api.FromNotice)
}

func noticeResent(d casework.DirectoryResult) (answer, error) {
	return shown(api.FromNotice(d.Notice), 1), nil
}

func (s *service) resendNotice(e entry, _ *api.ResendingNotice) (casework.DirectoryResult, error) {
	return s.Work.ResendNotice(e, e.call, e.encode, e.name)
}
