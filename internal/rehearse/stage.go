package rehearse

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// cast is who and what a case needs before its first step: the file's people and organisations, and everybody else whom
// the case names.
type cast struct {
	organisations []Organisation
	actors        []Actor
}

// castOf gathers the cast. Somebody whom the case itself enrols is left to it.
func castOf(f File, c Case, content caldicott.Content) cast {
	k := cast{organisations: slices.Clone(f.Organisations), actors: slices.Clone(f.Actors)}
	home := content.Requester.OrgCode
	if home == "" && len(f.Organisations) > 0 {
		home = f.Organisations[0].Code
	}
	if home == "" {
		home = "TST01"
	}
	enrolled := map[string]bool{}
	for _, s := range c.Steps {
		var id string
		if s.Deed == caldicott.Enrol && json.Unmarshal(s.Body["user_id"], &id) == nil {
			enrolled[id] = true
		}
	}
	for _, id := range named(c, content) {
		known := slices.ContainsFunc(k.actors, func(a Actor) bool { return a.UserID == id })
		if id != "" && !known && !enrolled[id] {
			k.actors = append(k.actors, Actor{UserID: id, Name: id, JobTitle: "Named in the rehearsal", Role: vocabulary.RoleRequester, OrgCode: home})
		}
	}
	for i := range k.actors {
		if k.actors[i].OrgCode == "" {
			k.actors[i].OrgCode = home
		}
	}
	codes := []string{home}
	for _, a := range k.actors {
		codes = append(codes, a.OrgCode)
	}
	for _, s := range c.Steps {
		var code string
		if json.Unmarshal(s.Body["org_code"], &code) == nil && code != "" {
			codes = append(codes, code)
		}
	}
	// A recipient needs no row: only those whose people act, or whom a step names, come on the stage.
	k.organisations = slices.DeleteFunc(k.organisations, func(o Organisation) bool { return !slices.Contains(codes, o.Code) })
	for _, code := range codes {
		if !slices.ContainsFunc(k.organisations, func(o Organisation) bool { return o.Code == code }) {
			k.organisations = append(k.organisations, Organisation{Code: code, Name: code, Type: vocabulary.OrganisationTypeOther})
		}
	}
	return k
}

// named is everybody whom the content and the steps name.
func named(c Case, content caldicott.Content) []string {
	ids := []string{content.Requester.UserID, content.Sponsor, content.AssetOwner, content.ApprovedBy}
	for _, d := range c.Setup.Delegations {
		ids = append(ids, d.From, d.To)
	}
	for _, s := range c.Steps {
		ids = append(ids, s.Actor)
		for _, member := range []string{"to", "approved_by", "person", "reviewer"} {
			if member == "to" && s.Deed == caldicott.Roster { // an instant
				continue
			}
			var id string
			if json.Unmarshal(s.Body[member], &id) == nil {
				ids = append(ids, id)
			}
		}
		var conditions []struct {
			Owner string `json:"owner"`
		}
		if json.Unmarshal(s.Body["conditions"], &conditions) == nil {
			for _, x := range conditions {
				ids = append(ids, x.Owner)
			}
		}
	}
	return ids
}

// guardians are the holders of the guardian's role in the organisation.
func (k cast) guardians(orgCode string) []caldicott.Guardian {
	var held []caldicott.Guardian
	for _, a := range k.actors {
		if a.Role == vocabulary.RoleCaldicottGuardian && a.OrgCode == orgCode {
			held = append(held, caldicott.Guardian{UserID: a.UserID, Posts: a.Posts})
		}
	}
	return held
}

// set puts the cast on the stage: one entry of the trail for each organisation, as bootstrap would write.
func (p *play) set(ctx context.Context, k cast) error {
	return p.store.InTx(ctx, func(tx caldicott.Tx) error {
		p.organisations, p.delegations = map[string]string{}, map[string]string{}
		for _, o := range k.organisations {
			p.organisations[o.Code] = p.service.NewID()
		}
		for _, o := range k.organisations {
			rows := p.rowsOf(k, o)
			id := p.organisations[o.Code]
			err := tx.SaveDirectory(ctx, caldicott.Event{
				Stream: caldicott.OrganisationStream(id), Chained: true, Action: caldicott.Bootstrapped, Outcome: caldicott.OutcomeDone,
				At: p.service.Now(), Organisation: id, PolicyDigest: p.service.Policy.Digest(),
			}, rows)
			if err != nil {
				return fmt.Errorf("organisation %s: %w", o.Code, err)
			}
		}
		return nil
	})
}

func (p *play) rowsOf(k cast, o Organisation) caldicott.DirectoryRows {
	id := p.organisations[o.Code]
	rows := caldicott.DirectoryRows{Organisations: []caldicott.OrganisationRow{{
		OrganisationRecord: caldicott.OrganisationRecord{ID: id, Code: o.Code, Name: o.Name, Type: o.Type, Revision: 1}, AnswersFor: id,
	}}}
	first, last := p.written.Steps[0].At, p.written.Steps[len(p.written.Steps)-1].At
	for _, a := range k.actors {
		if a.OrgCode != o.Code {
			continue
		}
		rows.People = append(rows.People, caldicott.Person{
			ID: p.service.NewID(), UserID: a.UserID, Name: a.Name, JobTitle: a.JobTitle, OrganisationID: id, OrgCode: o.Code,
			Manager: a.Manager, Active: true, Revision: 1,
		})
		if a.Role == vocabulary.RoleRequester || a.Role == vocabulary.RoleSponsor || a.Role == "" {
			continue
		}
		rows.Appointments = append(rows.Appointments, caldicott.Appointment{
			ID: p.service.NewID(), UserID: a.UserID, OrganisationID: id, Role: a.Role, Posts: a.Posts,
			ValidFrom: caldicott.Today(first.AddDate(0, 0, -1)), ValidTo: caldicott.Today(last.AddDate(1, 0, 0)),
			ConfirmedBy: a.UserID, Revision: 1,
		})
	}
	for _, d := range p.written.Setup.Delegations {
		if !slices.ContainsFunc(k.actors, func(a Actor) bool { return a.UserID == d.From && a.OrgCode == o.Code }) {
			continue
		}
		given, err := caldicott.StartOfDay(d.ValidFrom)
		if err != nil || given.After(first) {
			given = first
		}
		p.delegations[d.ID] = p.service.NewID()
		x := caldicott.Delegation{
			ID: p.delegations[d.ID], OrganisationID: id, From: d.From, To: d.To, Reason: d.Reason, ValidFrom: d.ValidFrom,
			ValidTo: d.ValidTo, Scope: d.Scope, Given: given, Revision: 1,
		}
		if d.Accepted {
			x.Accepted = given.Truncate(time.Microsecond)
		}
		rows.Delegations = append(rows.Delegations, x)
	}
	return rows
}
