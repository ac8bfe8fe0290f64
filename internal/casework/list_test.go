package casework_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/casework"
	"github.com/caldicott/caldicott/internal/house"
)

// roles are all that the vocabulary knows.
func roles() []vocabulary.Role { return vocabulary.Codes[vocabulary.Role]("role") }

// registry is a house full of requests of two organisations, in which the same few people turn up in every way in which
// one can stand to a request.
func registry(t testing.TB, requests int) (*stage, []string, []caldicott.Case) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var names []string
	var cast []member
	for i := range 9 {
		names = append(names, fmt.Sprintf("u-%d", i))
		cast = append(cast, member{user: names[i], elsewhere: i%3 == 2})
	}
	s := open(t, cast...)
	anybody := func() string { return names[r.IntN(len(names))] }
	sometimes := func() string {
		if r.IntN(3) == 0 {
			return anybody()
		}
		return ""
	}
	var ids []string
	err := s.store.InTx(s.ctx, func(tx caldicott.Tx) error {
		for range requests {
			first, second := oneRequest(s, r, anybody, sometimes)
			ids = append(ids, first.Request.ID)
			if err := tx.SaveCase(s.ctx, first); err != nil {
				return err
			}
			if second.Done.ID == "" {
				continue
			}
			if err := tx.SaveCase(s.ctx, second); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cases := make([]caldicott.Case, len(ids))
	for i, id := range ids {
		if cases[i], err = s.store.ReadCase(s.ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	return s, names, cases
}

// oneRequest is what a request's first deed and, now and then, a hand-over or a review sent to somebody leave in the tables.
func oneRequest(s *stage, r *rand.Rand, anybody, sometimes func() string) (first, second caldicott.Change) {
	organisation, id, by := []string{s.trust, s.other}[r.IntN(2)], house.NewID(), anybody()
	at := monday.Add(time.Duration(r.IntN(20)) * time.Hour) // several at the same instant: pages must not lose one
	event := caldicott.Event{
		Stream: caldicott.RequestStream(id), Chained: true, Action: caldicott.Draft, Outcome: caldicott.OutcomeDone, At: at,
		Actor: s.people[by].ID, Organisation: organisation, Request: id,
	}
	request := caldicott.Request{ID: id, OrganisationID: organisation, Requester: by, State: "DRAFT", Version: 1, Revision: 1, CreatedAt: at}
	first = caldicott.Change{
		Request: request, Moves: true, Event: event,
		Version: &caldicott.Version{N: 1, By: by, At: at, Content: caldicott.Content{Title: "x", Kind: vocabulary.KindResearch, Sponsor: sometimes(), AssetOwner: sometimes()}},
		Done:    caldicott.Done{ID: house.NewID(), Deed: caldicott.Draft, By: by, At: at, To: "DRAFT", Version: 1},
	}
	for _, role := range roles() {
		if caldicott.Consultable(role) && r.IntN(4) == 0 {
			first.Consultations = append(first.Consultations, caldicott.Consultation{ID: house.NewID(), Role: role, By: by, At: at})
		}
	}
	if r.IntN(3) == 0 {
		d := caldicott.Decision{ID: house.NewID(), N: 1, Version: 1, Outcome: "REFUSE", DecidedBy: anybody(), ActingAs: "CALDICOTT_GUARDIAN", At: at}
		first.Decision = &d
		first.Conditions = []caldicott.Condition{{ID: house.NewID(), Label: "C1", Decision: d.ID, Type: "ONGOING", Text: "x", Owner: anybody(), At: at}}
	}
	if r.IntN(2) == 0 {
		deed := []caldicott.Action{caldicott.HandBack, caldicott.RequestReview, caldicott.InviteReviewer}[r.IntN(3)]
		second = caldicott.Change{Request: request, Event: event, Done: caldicott.Done{
			ID: house.NewID(), Deed: deed, By: by, At: at, From: "DRAFT", To: "DRAFT", Version: 1, Target: anybody(),
		}}
		second.Event.Action = deed
	}
	return first, second
}

// somebody is a person with any roles in any organisation, in force, over, ended, yet to come or not yet confirmed.
func somebody(names, organisations []string) *rapid.Generator[caldicott.Actor] {
	days := []string{"2026-10-01", "2026-11-02", "2026-11-03", "2026-12-01"}
	return rapid.Custom(func(t *rapid.T) caldicott.Actor {
		name := rapid.SampledFrom(append([]string{"u-stranger"}, names...)).Draw(t, "user")
		a := caldicott.Actor{Person: caldicott.Person{
			ID: house.NewID(), UserID: name, OrganisationID: rapid.SampledFrom(organisations).Draw(t, "organisation"),
			Active: rapid.IntRange(0, 9).Draw(t, "active") > 0,
		}}
		for range rapid.IntRange(0, 4).Draw(t, "appointments") {
			x := caldicott.Appointment{
				ID: house.NewID(), UserID: name, OrganisationID: rapid.SampledFrom(organisations).Draw(t, "where"),
				Role: rapid.SampledFrom(append(roles(), vocabulary.RoleCaldicottGuardian, vocabulary.RoleCaldicottGuardian)).Draw(t, "role"), ValidFrom: rapid.SampledFrom(days).Draw(t, "from"),
				ValidTo:     rapid.SampledFrom(append([]string{"", "", ""}, days...)).Draw(t, "to"),
				ConfirmedBy: rapid.SampledFrom([]string{"u-x", "u-x", ""}).Draw(t, "confirmed"),
			}
			if rapid.IntRange(0, 4).Draw(t, "ended") == 0 {
				x.Ended = monday.Add(time.Duration(rapid.IntRange(-48, 48).Draw(t, "hours")) * time.Hour)
			}
			a.Appointments = append(a.Appointments, x)
		}
		return a
	})
}

// listed reads all pages of a list.
func listed(ctx context.Context, s *casework.Service, by caldicott.Actor, noun caldicott.Noun, page caldicott.Page) ([]string, error) {
	var ids []string
	for {
		rows, err := s.List(ctx, by, noun, nil, page)
		if err != nil || len(rows) > page.Limit {
			return nil, fmt.Errorf("%d rows on a page of %d: %w", len(rows), page.Limit, err)
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		if len(rows) < page.Limit {
			return ids, nil
		}
		page.AfterKey, page.AfterID = rows[len(rows)-1].Key, rows[len(rows)-1].ID
	}
}

// The architecture's rule 7 for the policy room: a list equals filtering everything by the policy.
func TestAListIsEverythingThatThePolicyLetsThePersonSee(t *testing.T) {
	t.Parallel()
	s, names, cases := registry(t, 90)
	organisations := []string{s.trust, s.other, house.NewID()}
	empty, full, invited := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		by := somebody(names, organisations).Draw(t, "by")
		if rapid.IntRange(0, 3).Draw(t, "only a guardian") == 0 { // who sees another organisation's case by a review alone
			by.Active, by.Appointments = true, []caldicott.Appointment{{
				ID: house.NewID(), UserID: by.UserID, OrganisationID: rapid.SampledFrom(organisations).Draw(t, "of"),
				Role: vocabulary.RoleCaldicottGuardian, ValidFrom: "2026-10-01", ConfirmedBy: "u-x",
			}}
		}
		now := monday.Add(time.Duration(rapid.IntRange(-72, 72).Draw(t, "hour")) * time.Hour)
		noun := rapid.SampledFrom([]caldicott.Noun{caldicott.Requests, caldicott.Requests, caldicott.Decisions, caldicott.Conditions}).Draw(t, "noun")
		page := caldicott.Page{Limit: rapid.IntRange(1, 100).Draw(t, "limit"), Ascending: rapid.Bool().Draw(t, "ascending")}
		service := *s.service
		service.Clock = func() time.Time { return now }
		got, err := listed(s.ctx, &service, by, noun, page)
		if err != nil {
			t.Fatal(err)
		}
		want := visible(&service, by, cases, noun, now)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("the list has %d, the policy lets %d be seen\nlist   %q\npolicy %q\nreach %+v", len(got), len(want), got, want, service.Reach(by, now))
		}
		if len(want) == 0 {
			empty++
		} else if len(want) > 30 {
			full++
		}
		if slices.ContainsFunc(cases, func(c caldicott.Case) bool {
			guards := slices.ContainsFunc(by.Appointments, func(a caldicott.Appointment) bool {
				return a.Role == vocabulary.RoleCaldicottGuardian && a.InForce(now) && a.OrganisationID != c.Request.OrganisationID
			})
			return guards && c.SentTo(by.UserID) && by.Active
		}) {
			invited++
		}
	})
	if empty == 0 || full == 0 || invited == 0 {
		t.Errorf("people saw nothing %d times, much %d times, something as another organisation's guardian %d times: this proves little", empty, full, invited)
	}
}

// visible filters everything by the policy.
func visible(s *casework.Service, by caldicott.Actor, cases []caldicott.Case, noun caldicott.Noun, now time.Time) []string {
	var ids []string
	for i := range cases {
		c := &cases[i]
		if !s.Policy.May(caldicott.View, caldicott.Standings(by, c, "", caldicott.InForceAt(now))).Allowed {
			continue
		}
		switch noun {
		case caldicott.Requests:
			ids = append(ids, c.Request.ID)
		case caldicott.Decisions:
			for _, d := range c.Decisions {
				ids = append(ids, d.ID)
			}
		case caldicott.Conditions:
			for _, x := range c.Conditions {
				ids = append(ids, x.ID)
			}
		}
	}
	return ids
}

// A page follows the other in order, newest first unless asked otherwise.
func TestAListIsInOrderOverAllItsPages(t *testing.T) {
	t.Parallel()
	s, _, cases := registry(t, 40)
	by := caldicott.Actor{Person: caldicott.Person{ID: house.NewID(), UserID: "u-lead", Active: true}}
	for _, organisation := range []string{s.trust, s.other} {
		by.Appointments = append(by.Appointments, caldicott.Appointment{Role: vocabulary.RoleIgLead, OrganisationID: organisation, ValidFrom: "2026-01-01"})
	}
	slices.SortFunc(cases, func(a, b caldicott.Case) int {
		if c := b.Request.CreatedAt.Compare(a.Request.CreatedAt); c != 0 {
			return c
		}
		return -cmpStrings(a.Request.ID, b.Request.ID)
	})
	var want []string
	for _, c := range cases {
		want = append(want, c.Request.ID)
	}
	for _, ascending := range []bool{false, true} {
		got, err := listed(s.ctx, s.service, by, caldicott.Requests, caldicott.Page{Limit: 7, Ascending: ascending})
		if err != nil {
			t.Fatal(err)
		}
		if ascending {
			slices.Reverse(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("ascending %v:\ngot  %q\nwant %q", ascending, got, want)
		}
	}
}

func cmpStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Searches and readings of an auditor, and every opening of a request by anybody, are on the record; a search by others
// is not.
func TestWhatAnAuditorReadsIsOnTheRecord(t *testing.T) {
	t.Parallel()
	s := open(t, everybody()...)
	c := s.answered("", sound()).c
	filter := caldicott.Filter{"state": "READY_FOR_DECISION"}
	for _, by := range []string{"u-auditor", "u-lead"} {
		if rows, err := s.service.List(s.ctx, s.people[by], caldicott.Requests, filter, caldicott.Page{Limit: 5}); err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		if _, err := s.service.Show(s.ctx, s.people[by], casework.Target{Noun: caldicott.Requests, ID: c.Request.ID}, casework.Moment{}); err != nil {
			t.Fatal(err)
		}
	}
	db := s.superuser()
	for action, want := range map[string]map[string]int{"searched": {"u-auditor": 1, "u-lead": 0}, "viewed": {"u-auditor": 1, "u-lead": 1}} {
		for by, n := range want {
			if got := count(t, db, `SELECT count(*) FROM audit.entries WHERE action = $1 AND actor_id = $2 AND seq IS NULL`, action, s.people[by].ID); got != n {
				t.Errorf("%s by %s: %d entries, want %d", action, by, got, n)
			}
		}
	}
	if n := count(t, db, `SELECT count(*) FROM audit.entries WHERE action = 'searched' AND encode(canon, 'escape') LIKE '%READY_FOR_DECISION%'`); n != 0 {
		t.Error("the entry repeats what was searched for")
	}
}
