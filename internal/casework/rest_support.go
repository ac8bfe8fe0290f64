package casework

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Begins lists what the person may begin now: a request, or a deed on people and the directory of their organisation.
func (s *Service) Begins(by caldicott.Actor) []Permit {
	now := s.Now()
	unborn := caldicott.Case{Request: caldicott.Request{OrganisationID: by.OrganisationID, OrgCode: by.OrgCode, Requester: by.UserID}}
	standings := caldicott.Standings(by, &unborn, "", caldicott.InForceAt(now))
	home := &desk{by: by, now: now, organisation: caldicott.OrganisationRecord{ID: by.OrganisationID}}
	var permits []Permit
	may := func(a caldicott.Action, standings []caldicott.Standing) {
		if ruling := s.Policy.May(a, standings); ruling.Allowed {
			permits = append(permits, Permit{a, ruling})
		}
	}
	for _, a := range []caldicott.Action{caldicott.Draft, caldicott.RecordEmergency} {
		may(a, standings)
	}
	for _, a := range []caldicott.Action{
		caldicott.Enrol, caldicott.Appoint, caldicott.Delegate, caldicott.RegisterOrganisation, caldicott.RegisterAsset,
	} {
		o := office{action: a, own: vocabulary.RoleCaldicottGuardian}
		may(a, o.standings(home, []string{by.OrganisationID}, false))
	}
	return permits
}

// Handles says whether the reader handles the case, and so reads what is private to those who do.
func (s *Service) Handles(r Result) bool {
	standings := caldicott.Standings(r.By, &r.Case, "", caldicott.InForceAt(s.Now()))
	return s.Policy.May(caldicott.ViewComments, caldicott.Private(standings, &r.Case, r.By.UserID)).Allowed
}

// KeepsRegister says whether the person keeps the register of the organisation, and so reads how its people sign in.
func (s *Service) KeepsRegister(by caldicott.Actor, organisationID string) bool {
	d := &desk{by: by, now: s.Now(), organisation: caldicott.OrganisationRecord{ID: organisationID}}
	o := office{action: caldicott.AmendPerson}
	return s.Policy.May(o.action, o.standings(d, []string{organisationID, by.OrganisationID}, false)).Allowed
}

// mayLookUp asks the policy whether the person may look anything up at all.
func (s *Service) mayLookUp(by caldicott.Actor) error {
	standings := []caldicott.Standing{{Role: vocabulary.RoleRequester, Whose: caldicott.Organisation}}
	if !by.Active || !s.Policy.May(caldicott.LookUp, standings).Allowed {
		return caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to look this up.")
	}
	return nil
}

// directoryPage is how much of the directory is read at once where more is looked through than is shown.
const directoryPage = 200

// everything reads a list of the directory to its end, or until enough was seen.
func everything[T any](read func(caldicott.Page) ([]T, error), key func(T) string, after string, see func(T) (enough bool)) error {
	for page := (caldicott.Page{AfterID: after, Limit: directoryPage}); ; {
		rows, err := read(page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if see(row) {
				return nil
			}
		}
		if len(rows) < directoryPage {
			return nil
		}
		page.AfterID = key(rows[len(rows)-1])
	}
}

// lookedUp is what may be looked up in lists: the person's own organisation and those that it answers for.
func (s *Service) lookedUp(ctx context.Context, by caldicott.Actor) ([]string, error) {
	if err := s.mayLookUp(by); err != nil {
		return nil, err
	}
	ids := []string{by.OrganisationID}
	read := func(p caldicott.Page) ([]caldicott.OrganisationRow, error) { return s.Store.Organisations(ctx, nil, p) }
	err := everything(read, codeOf, "", func(o caldicott.OrganisationRow) bool {
		if o.AnswersFor == by.OrganisationID && o.ID != by.OrganisationID {
			ids = append(ids, o.ID)
		}
		return false
	})
	return ids, err
}

func codeOf(o caldicott.OrganisationRow) string { return o.Code }

// seesOrganisation says whether one thing of the organisation may be looked up: also where the person holds an office
// in it, because deeds there need it.
func (s *Service) seesOrganisation(ctx context.Context, by caldicott.Actor, id, code string) (bool, error) {
	now := s.Now()
	if id == by.OrganisationID || slices.ContainsFunc(by.Appointments, func(a caldicott.Appointment) bool {
		return a.OrganisationID == id && a.InForce(now)
	}) {
		return true, nil
	}
	o, err := s.Store.OrganisationByCode(ctx, code)
	return err == nil && o.AnswersFor == by.OrganisationID, err
}

// lookUp gives what was found, if it is the person's own or of an organisation that they may look into. That something was
// hidden from somebody is on the record.
func lookUp[T any](ctx context.Context, s *Service, by caldicott.Actor, found T, at belonging) (T, error) {
	var none T
	if err := s.mayLookUp(by); err != nil {
		return none, err
	}
	sees, err := s.seesOrganisation(ctx, by, at.organisation, at.code)
	if err != nil {
		return none, err
	}
	now := s.Now()
	if sees || at.own {
		return found, s.looked(ctx, by, at, now)
	}
	return none, s.record(ctx, notFound(), caldicott.Event{
		Stream: accessStream(now), Action: caldicott.LookUp, Outcome: caldicott.OutcomeRefused, Rule: caldicott.CodeNotFound,
		At: now, Actor: by.ID, Organisation: at.organisation, Subject: at.id, PolicyDigest: s.Policy.Digest(),
	})
}

// looked records what an auditor read of the directory; others' looking into it is no reading of content.
func (s *Service) looked(ctx context.Context, by caldicott.Actor, at belonging, now time.Time) error {
	appointment, audits := by.Appointment(vocabulary.RoleAuditor, "", now)
	if !audits {
		return nil
	}
	return s.record(ctx, nil, caldicott.Event{
		Stream: accessStream(now), Action: caldicott.Viewed, Outcome: caldicott.OutcomeDone, At: now, Actor: by.ID,
		Organisation: at.organisation, Subject: at.id, PolicyDigest: s.Policy.Digest(),
		ActingAs: string(appointment.Role), Appointment: appointment.ID,
	})
}

// belonging is to whom something of the directory belongs.
type belonging struct {
	id, organisation, code string
	own                    bool
}

// LookUpPerson reads one person.
func (s *Service) LookUpPerson(ctx context.Context, by caldicott.Actor, userID string) (caldicott.Person, error) {
	a, err := s.Store.ActorByUserID(ctx, userID)
	if err != nil {
		return caldicott.Person{}, err
	}
	return lookUp(ctx, s, by, a.Person, belonging{a.ID, a.OrganisationID, a.OrgCode, a.UserID == by.UserID})
}

// LookUpPersonAsOf reads one person as they were at the instant, for whom today may look them up.
func (s *Service) LookUpPersonAsOf(ctx context.Context, by caldicott.Actor, userID string, at time.Time) (caldicott.Person, error) {
	p, err := s.LookUpPerson(ctx, by, userID)
	if err != nil || at.IsZero() {
		return p, err
	}
	return s.Store.PersonAsOf(ctx, p.ID, at)
}

// LookUpAppointment reads one appointment.
func (s *Service) LookUpAppointment(ctx context.Context, by caldicott.Actor, id string) (caldicott.Appointment, error) {
	a, err := s.Store.AppointmentByID(ctx, id)
	if err != nil {
		return caldicott.Appointment{}, err
	}
	return lookUp(ctx, s, by, a, belonging{a.ID, a.OrganisationID, a.OrgCode, a.UserID == by.UserID})
}

// LookUpDelegation reads one delegation.
func (s *Service) LookUpDelegation(ctx context.Context, by caldicott.Actor, id string) (caldicott.Delegation, error) {
	d, err := s.Store.DelegationByID(ctx, id)
	if err != nil {
		return caldicott.Delegation{}, err
	}
	return lookUp(ctx, s, by, d, belonging{d.ID, d.OrganisationID, d.OrgCode, d.To == by.UserID || d.From == by.UserID})
}

// LookUpAsset reads one information asset.
func (s *Service) LookUpAsset(ctx context.Context, by caldicott.Actor, id string) (caldicott.Asset, error) {
	a, err := s.Store.AssetByID(ctx, id)
	if err != nil {
		return caldicott.Asset{}, err
	}
	return lookUp(ctx, s, by, a, belonging{a.ID, a.OrganisationID, a.OrgCode, a.Owner == by.UserID})
}

// LookUpOrganisation reads one organisation. The directory of organisations is everybody's: recipients are chosen from it.
func (s *Service) LookUpOrganisation(ctx context.Context, by caldicott.Actor, code string) (caldicott.OrganisationRecord, error) {
	if err := s.mayLookUp(by); err != nil {
		return caldicott.OrganisationRecord{}, err
	}
	o, err := s.Store.OrganisationByCode(ctx, code)
	if err != nil {
		return caldicott.OrganisationRecord{}, err
	}
	return o.OrganisationRecord, s.looked(ctx, by, belonging{id: o.ID, organisation: o.ID, code: o.Code}, s.Now())
}

// FindPeople lists people, those whose user id or name holds the words.
func (s *Service) FindPeople(ctx context.Context, by caldicott.Actor, words string, page caldicott.Page) ([]caldicott.Person, error) {
	ids, err := s.lookedUp(ctx, by)
	if err != nil {
		return nil, err
	}
	found, err := find(words, page, func(p caldicott.Page) ([]caldicott.Person, error) { return s.Store.People(ctx, ids, nil, p) },
		func(p caldicott.Person) string { return p.UserID }, func(p caldicott.Person) string { return p.UserID + " " + p.Name })
	return onBook(ctx, s, by, "people", asked(words), page, found, err)
}

// FindOrganisations lists organisations, those whose code or name holds the words.
func (s *Service) FindOrganisations(ctx context.Context, by caldicott.Actor, words string, page caldicott.Page) ([]caldicott.OrganisationRow, error) {
	if err := s.mayLookUp(by); err != nil {
		return nil, err
	}
	found, err := find(words, page, func(p caldicott.Page) ([]caldicott.OrganisationRow, error) { return s.Store.Organisations(ctx, nil, p) },
		codeOf, func(o caldicott.OrganisationRow) string { return o.Code + " " + o.Name })
	return onBook(ctx, s, by, "organisations", asked(words), page, found, err)
}

// FindAssets lists information assets, those whose name holds the words.
func (s *Service) FindAssets(ctx context.Context, by caldicott.Actor, words string, page caldicott.Page) ([]caldicott.Asset, error) {
	ids, err := s.lookedUp(ctx, by)
	if err != nil {
		return nil, err
	}
	found, err := find(words, page, func(p caldicott.Page) ([]caldicott.Asset, error) { return s.Store.Assets(ctx, ids, nil, p) },
		func(a caldicott.Asset) string { return a.ID }, func(a caldicott.Asset) string { return a.Name })
	return onBook(ctx, s, by, "assets", asked(words), page, found, err)
}

// onBook records an auditor's search before what was found is shown.
func onBook[T any](ctx context.Context, s *Service, by caldicott.Actor, noun string, filter caldicott.Filter, page caldicott.Page, found []T, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return found, s.searched(ctx, by, noun, filter, page, len(found))
}

// asked is the filter of words, if any were given.
func asked(words string) caldicott.Filter {
	if words == "" {
		return nil
	}
	return caldicott.Filter{"q": words}
}

// find gives one page of those rows whose text holds the words, whatever their case.
func find[T any](words string, page caldicott.Page, read func(caldicott.Page) ([]T, error), key, text func(T) string) ([]T, error) {
	if words == "" {
		return read(page)
	}
	words = strings.ToLower(words)
	var found []T
	err := everything(read, key, page.AfterID, func(row T) bool {
		if strings.Contains(strings.ToLower(text(row)), words) {
			found = append(found, row)
		}
		return len(found) == page.Limit
	})
	return found, err
}

// ListAppointments lists appointments, narrowed by person and role.
func (s *Service) ListAppointments(ctx context.Context, by caldicott.Actor, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Appointment, error) {
	ids, err := s.lookedUp(ctx, by)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Appointments(ctx, ids, filter, page)
	return onBook(ctx, s, by, "appointments", filter, page, found, err)
}

// ListDelegations lists delegations, narrowed by deputy.
func (s *Service) ListDelegations(ctx context.Context, by caldicott.Actor, filter caldicott.Filter, page caldicott.Page) ([]caldicott.Delegation, error) {
	ids, err := s.lookedUp(ctx, by)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Delegations(ctx, ids, filter, page)
	return onBook(ctx, s, by, "delegations", filter, page, found, err)
}
