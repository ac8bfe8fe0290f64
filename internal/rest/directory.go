package rest

import (
	"context"
	"net/http"

	"github.com/caldicott/caldicott/api"
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/casework"
)

// whose is a part of a path and the form of the names in it.
type whose struct {
	part string
	form func(string) bool
}

var (
	nobodys = whose{"", func(name string) bool { return name == "" }}
	byID    = whose{"id", api.IsID}
	byUser  = whose{"user_id", aUserID.MatchString}
	byCode  = whose{"code", aCode.MatchString}
	byKind  = whose{"kind", func(s string) bool { return codes.Knows("request_kind", s) }}
)

// entry is a question to one of casework's deeds on people or the directory: in what call, how its answer is encoded, and
// what the path names.
type entry struct {
	context.Context
	call   casework.Call
	encode casework.DirectoryRetry
	name   string
}

// register does what the body asks for on people or the directory.
func register[B any, P body[B]](at whose, show func(casework.DirectoryResult) (answer, error), deed func(entry, *B) (casework.DirectoryResult, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		call, body, err := read[B, P](w, r)
		if err != nil {
			return err
		}
		name, err := named(r, at.part, at.form)
		if err != nil {
			return err
		}
		return do(w, show, func(encode func(casework.DirectoryResult) (caldicott.GivenAnswer, error)) (casework.DirectoryResult, casework.Given, error) {
			result, err := deed(entry{r.Context(), call, encode, name}, (*B)(body))
			return result, result.Given, err
		})
	}
}

// lookUp shows one thing of the directory.
func lookUp[T any](at whose, find func(context.Context, caldicott.Actor, string) (T, error), show func(caldicott.Actor, T) answer) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := ask(r); err != nil {
			return err
		}
		name, err := named(r, at.part, at.form)
		if err != nil {
			return err
		}
		by := actorOf(r.Context())
		found, err := find(r.Context(), by, name)
		if err != nil {
			return err
		}
		return show(by, found).write(w)
	}
}

// browse shows a page of a list of the directory, which is in the order of its ids.
func browse[T, View any](l list, find func(context.Context, caldicott.Actor, page) ([]T, error), id func(T) string, view func(caldicott.Actor, page, T) View) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := l.page(r)
		if err != nil {
			return err
		}
		by := actorOf(r.Context())
		rows, err := find(r.Context(), by, p)
		if err != nil {
			return err
		}
		place := func(row T) (string, string) { return "", id(row) }
		return writePage(w, r, p, rows, place, func(row T) View { return view(by, p, row) })
	}
}

// now is a view that is the same whatever the page was asked for.
func now[T, View any](view func(caldicott.Actor, T) View) func(caldicott.Actor, page, T) View {
	return func(by caldicott.Actor, _ page, row T) View { return view(by, row) }
}

// The lists of the directory.
var (
	organisationList = list{name: "organisations", key: noKey, id: aCode.MatchString, filters: []param{words}}
	assetList        = list{name: "assets", key: noKey, id: api.IsID, filters: []param{words}}
)

func (s *service) findOrganisations(ctx context.Context, by caldicott.Actor, p page) ([]caldicott.OrganisationRow, error) {
	return s.Work.FindOrganisations(ctx, by, p.filter[words.name], p.keyset())
}

func (s *service) findAssets(ctx context.Context, by caldicott.Actor, p page) ([]caldicott.Asset, error) {
	return s.Work.FindAssets(ctx, by, p.filter[words.name], p.keyset())
}

func organisationCode(o caldicott.OrganisationRow) string { return o.Code }

func organisationRow(_ caldicott.Actor, o caldicott.OrganisationRow) api.OrganisationView {
	return api.FromOrganisation(o.OrganisationRecord)
}

func assetID(a caldicott.Asset) string { return a.ID }

func assetRow(_ caldicott.Actor, a caldicott.Asset) api.AssetView { return api.FromAsset(a) }

func showOrganisation(_ caldicott.Actor, o caldicott.OrganisationRecord) answer {
	return shown(api.FromOrganisation(o), o.Revision)
}

func showAsset(_ caldicott.Actor, a caldicott.Asset) answer {
	return shown(api.FromAsset(a), a.Revision)
}

func organisationMade(d casework.DirectoryResult) (answer, error) {
	o := d.Organisation
	return created(api.FromOrganisation(o.OrganisationRecord), o.Revision, "/organisations/"+o.Code), nil
}

func organisationAmended(d casework.DirectoryResult) (answer, error) {
	return showOrganisation(caldicott.Actor{}, d.Organisation.OrganisationRecord), nil
}

func assetMade(d casework.DirectoryResult) (answer, error) {
	return created(api.FromAsset(d.Asset), d.Asset.Revision, "/assets/"+d.Asset.ID), nil
}

func assetAmended(d casework.DirectoryResult) (answer, error) {
	return showAsset(caldicott.Actor{}, d.Asset), nil
}

func (s *service) registerOrganisation(e entry, b *api.RegisteringOrganisation) (casework.DirectoryResult, error) {
	return s.Work.RegisterOrganisation(e, e.call, e.encode, b.Registered())
}

func (s *service) amendOrganisation(e entry, b *api.AmendingOrganisation) (casework.DirectoryResult, error) {
	return s.Work.AmendOrganisation(e, e.call, e.encode, b.Amended(e.name))
}

func (s *service) registerAsset(e entry, b *api.RegisteringAsset) (casework.DirectoryResult, error) {
	return s.Work.RegisterAsset(e, e.call, e.encode, b.Registered())
}

func (s *service) amendAsset(e entry, b *api.AmendingAsset) (casework.DirectoryResult, error) {
	if _, err := s.Work.LookUpAsset(e, e.call.By, e.name); err != nil {
		return casework.DirectoryResult{}, err
	}
	return s.Work.AmendAsset(e, e.call, e.encode, b.Amended(e.name))
}
