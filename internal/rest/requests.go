package rest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// show reads the thing that the path names and shows it; the reading is on the record.
func (s *service) show(noun caldicott.Noun, show shows) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := ask(r); err != nil {
			return err
		}
		result, err := s.see(r, noun)
		if err != nil {
			return err
		}
		a, err := show(result)
		if err != nil {
			return err
		}
		return a.write(w)
	}
}

// see reads the case of the thing that the path names.
func (s *service) see(r *http.Request, noun caldicott.Noun) (casework.Result, error) {
	id, err := idOf(r)
	if err != nil {
		return casework.Result{}, err
	}
	return s.Work.Show(r.Context(), actorOf(r.Context()), casework.Target{Noun: noun, ID: id}, casework.Moment{})
}

// look reads it for an answer that shows no content, and leaves no reading behind.
func (s *service) look(r *http.Request, noun caldicott.Noun) (casework.Result, error) {
	id, err := idOf(r)
	if err != nil {
		return casework.Result{}, err
	}
	return s.Work.Look(r.Context(), actorOf(r.Context()), casework.Target{Noun: noun, ID: id})
}

// showRequest shows a request as it stands, or as it stood: then nothing can be done to it, and no revision is given that
// somebody could do it with.
func (s *service) showRequest(w http.ResponseWriter, r *http.Request) error {
	moment, err := s.moment(r)
	if err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	result, err := s.Work.Show(r.Context(), actorOf(r.Context()), casework.Target{Noun: caldicott.Requests, ID: id}, moment)
	if err != nil {
		return err
	}
	if moment != (casework.Moment{}) {
		return shown(s.requestView(result, nil), 0).write(w)
	}
	return s.request(result).write(w)
}

// moment reads as of when, or in which version, a request is to be shown.
func (s *service) moment(r *http.Request) (casework.Moment, error) {
	asked, err := ask(r, asOf, version)
	if err != nil {
		return casework.Moment{}, err
	}
	moment := casework.Moment{AsOf: asked.instant(asOf)}
	if err := s.past(moment.AsOf); err != nil {
		return casework.Moment{}, err
	}
	moment.Version, _ = strconv.Atoi(asked[version.name]) //nolint:errcheck // its form was checked; absent is 0
	if !moment.AsOf.IsZero() && moment.Version != 0 {
		return casework.Moment{}, unreadable(version.name, "cannot be given with as_of")
	}
	return moment, nil
}

// past refuses an instant that nobody can know of.
func (s *service) past(at time.Time) error {
	if at.After(s.Work.Now()) {
		return unreadable(asOf.name, "must not lie in the future")
	}
	return nil
}

// checkContent says what would be found in a content, and keeps nothing.
func (s *service) checkContent(w http.ResponseWriter, r *http.Request) error {
	call, body, err := read[api.Checking](w, r)
	if err != nil {
		return err
	}
	if err := caldicott.Refuse(call.Invalid); err != nil {
		return err
	}
	guardians, err := s.Work.Store.Guardians(r.Context(), call.By.OrganisationID, s.Work.Now())
	if err != nil {
		return err
	}
	facts := s.Work.CheckContent(call.By, body.Content, guardians, call.Confirmed)
	return shown(api.FromCheck(judged(facts)), 0).write(w)
}

// silence is a body that holds nothing.
type silence struct{}

// Confirmed confirms nothing.
func (silence) Confirmed() []caldicott.Confirmation { return nil }

// checkRequest says what is found in a request as it stands, or as it stood: by what was known then.
func (s *service) checkRequest(w http.ResponseWriter, r *http.Request) error {
	moment, err := s.moment(r)
	if err != nil {
		return err
	}
	if _, _, err := readBody[silence](w, r); err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	result, err := s.Work.Show(r.Context(), actorOf(r.Context()), casework.Target{Noun: caldicott.Requests, ID: id}, moment)
	if err != nil {
		return err
	}
	return shown(api.FromCheck(judged(s.Work.Facts(result))), 0).write(w)
}

// listVersions shows the versions of a request.
func (s *service) listVersions(w http.ResponseWriter, r *http.Request) error {
	p, err := versionList.page(r)
	if err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	versions, err := s.Work.Versions(r.Context(), actorOf(r.Context()), id)
	if err != nil {
		return err
	}
	number := func(v caldicott.VersionMark) string { return strconv.Itoa(v.N) }
	return writeCut(w, r, p, versions, number, api.FromVersionRow)
}

// showVersion shows one version with its content.
func (s *service) showVersion(w http.ResponseWriter, r *http.Request) error {
	if _, err := ask(r); err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	number, err := named(r, "n", aVersion.MatchString)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(number) //nolint:errcheck // its form was checked
	v, err := s.Work.Version(r.Context(), actorOf(r.Context()), id, n)
	if err != nil {
		return err
	}
	return shown(api.FromVersion(v), v.N).write(w)
}

// showDifference shows what changed between two versions.
func (s *service) showDifference(w http.ResponseWriter, r *http.Request) error {
	asked, err := ask(r, from, to)
	if err != nil {
		return err
	}
	before, err := asked.number(from)
	if err != nil {
		return err
	}
	after, err := asked.number(to)
	if err != nil {
		return err
	}
	difference, err := s.difference(r, before, after)
	if err != nil {
		return err
	}
	return shown(difference, 0).write(w)
}

// difference compares two versions of the request that the path names.
func (s *service) difference(r *http.Request, before, after int) (api.Difference, error) {
	id, err := idOf(r)
	if err != nil {
		return api.Difference{}, err
	}
	one, other, err := s.Work.Difference(r.Context(), actorOf(r.Context()), id, before, after)
	if err != nil {
		return api.Difference{}, err
	}
	return api.FromDifference(one, other)
}

// consultations shows whom a request was put to.
func (s *service) consultations(r casework.Result) (answer, error) {
	return shown(api.List[api.ConsultationView]{Items: api.FromConsultations(&r.Case)}, 0), nil
}

// decisions shows every decision on a request.
func (s *service) decisions(r casework.Result) (answer, error) {
	view := func(d caldicott.Decision) api.DecisionView { return s.decisionView(r, d) }
	return shown(api.FromList(r.Case.Decisions, "", view), 0), nil
}

// disclosures shows what left under a request.
func (s *service) disclosures(w http.ResponseWriter, r *http.Request) error {
	p, err := requestDisclosureList.page(r)
	if err != nil {
		return err
	}
	result, err := s.see(r, caldicott.Requests)
	if err != nil {
		return err
	}
	id := func(d caldicott.Disclosure) string { return d.ID }
	view := func(d caldicott.Disclosure) api.DisclosureView { return api.FromDisclosure(&result.Case, d) }
	return writeCut(w, r, p, result.Case.Disclosures, id, view)
}

// listComments shows the remarks of those who handle a request.
func (s *service) listComments(w http.ResponseWriter, r *http.Request) error {
	p, err := commentList.page(r)
	if err != nil {
		return err
	}
	id, err := idOf(r)
	if err != nil {
		return err
	}
	remarks, err := s.Work.Comments(r.Context(), actorOf(r.Context()), id)
	if err != nil {
		return err
	}
	remark := func(x caldicott.Remark) string { return x.ID }
	view := func(x caldicott.Remark) api.CommentView { return api.FromComment(id, x) }
	return writeCut(w, r, p, remarks, remark, view)
}
