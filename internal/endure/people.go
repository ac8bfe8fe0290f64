package main

import (
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/issuer"
)

// home is the organisation where everything happens; elsewhere is where data would go.
const (
	home      = "TST01"
	elsewhere = "TST05"
	mailed    = "@northmere.example" // everybody's address, but for who has none
	since     = "2026-01-01"         // from when everybody's appointment is in force
)

// The people by what they do. All are synthetic.
const (
	admin1, admin2 = "u-admin1", "u-admin2"
	guardian       = "u-guardian"
	lead           = "u-iglead"
	officer1       = "u-ig1"
	officer2       = "u-ig2" // has no address: what they are told is kept in the service
	dpo, rd, iao   = "u-dpo", "u-rd", "u-iao-ehr"
	reviewer       = "u-review"
	sponsor        = "u-sponsor"
)

// requesters are those who ask: one at each desk, and round again.
var requesters = []string{"u-req-one", "u-req-two", "u-req-three", "u-req-four"}

// member is somebody of the organisation, with the role that they hold; "" for none.
type member struct {
	id   string
	role vocabulary.Role
}

// members are everybody but the founders.
func members() []member {
	list := []member{
		{lead, vocabulary.RoleIgLead}, {officer1, vocabulary.RoleIgOfficer}, {officer2, vocabulary.RoleIgOfficer},
		{dpo, vocabulary.RoleDpo}, {rd, vocabulary.RoleResearchOffice}, {iao, vocabulary.RoleIao},
		{reviewer, vocabulary.RoleReviewGuardian}, {sponsor, ""},
	}
	for _, r := range requesters {
		list = append(list, member{r, ""})
	}
	return list
}

// person is how somebody is enrolled.
func person(id, issuerURL string) caldicott.Person {
	p := caldicott.Person{UserID: id, Name: "Synthetic " + id, JobTitle: "Synthetic", Issuer: issuerURL, Subject: id, Email: id + mailed}
	if id == officer2 {
		p.Email = ""
	}
	return p
}

// signing are all of them, as the issuer knows them.
func signing() []issuer.Person {
	list := []issuer.Person{{ID: admin1, Name: admin1}, {ID: admin2, Name: admin2}, {ID: guardian, Name: guardian}}
	for _, m := range members() {
		list = append(list, issuer.Person{ID: m.id, Name: m.id})
	}
	return list
}
