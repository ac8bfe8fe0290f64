package housetest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/rehearse"
)

// Issuer says who everybody in the tests is; a person's subject there is their user id.
const Issuer = "https://issuer.test"

// inForceSince is from when everybody's appointment is in force.
const inForceSince = "2026-01-01"

// Scenarios reads testdata/scenarios.json, from whatever folder the test runs in.
func Scenarios(t testing.TB) rehearse.File {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	r, err := os.Open(filepath.Join(filepath.Dir(here), "../../testdata/scenarios.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := rehearse.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Enrol gives the house the organisations and people of testdata/scenarios.json, each with the appointment to their role:
// one entry of the trail for each organisation, as bootstrap would write.
func (h *House) Enrol(t testing.TB) {
	t.Helper()
	f := Scenarios(t)
	err := h.DB.InTx(t.Context(), func(tx caldicott.Tx) error {
		for _, o := range f.Organisations {
			id := h.Service.NewID()
			err := tx.SaveDirectory(t.Context(), caldicott.Event{
				Stream: caldicott.OrganisationStream(id), Chained: true, Action: caldicott.Bootstrapped, Outcome: caldicott.OutcomeDone,
				At: h.Service.Now(), Organisation: id, PolicyDigest: h.Policy.Digest(),
			}, h.rows(f, o, id))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rows are one organisation with its people.
func (h *House) rows(f rehearse.File, o rehearse.Organisation, id string) caldicott.DirectoryRows {
	rows := caldicott.DirectoryRows{Organisations: []caldicott.OrganisationRow{{
		OrganisationRecord: caldicott.OrganisationRecord{ID: id, Code: o.Code, Name: o.Name, Type: o.Type, Revision: 1}, AnswersFor: id,
	}}}
	for _, a := range f.Actors {
		if a.OrgCode != o.Code {
			continue
		}
		rows.People = append(rows.People, caldicott.Person{
			ID: h.Service.NewID(), UserID: a.UserID, Name: a.Name, JobTitle: a.JobTitle, OrganisationID: id, OrgCode: o.Code,
			Issuer: Issuer, Subject: a.UserID, Active: true, Revision: 1,
		})
		if a.Role == vocabulary.RoleRequester || a.Role == vocabulary.RoleSponsor {
			continue
		}
		rows.Appointments = append(rows.Appointments, caldicott.Appointment{
			ID: h.Service.NewID(), UserID: a.UserID, OrganisationID: id, Role: a.Role, Posts: a.Posts, ValidFrom: inForceSince,
			ConfirmedBy: a.UserID, Revision: 1,
		})
	}
	return rows
}
