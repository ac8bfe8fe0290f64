package api

import (
	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// RegisteringOrganisation adds a body to the directory.
type RegisteringOrganisation struct {
	Code string                      `json:"code" validate:"required,org_code"`
	Name string                      `json:"name" validate:"filled,max=300"`
	Type vocabulary.OrganisationType `json:"type" validate:"required,code=organisation_type"`
	Confirming
}

// AmendingOrganisation gives what is known of a body anew; its code stays.
type AmendingOrganisation struct {
	Name string                      `json:"name" validate:"filled,max=300"`
	Type vocabulary.OrganisationType `json:"type" validate:"required,code=organisation_type"`
	Confirming
}

// RegisteringAsset adds an information asset of the caller's organisation.
type RegisteringAsset struct {
	Name  string `json:"name" validate:"filled,max=300"`
	Owner string `json:"owner" validate:"required,user_id"`
	Confirming
}

// AmendingAsset gives what is known of an asset anew.
type AmendingAsset struct {
	Name  string `json:"name" validate:"filled,max=300"`
	Owner string `json:"owner" validate:"required,user_id"`
	Confirming
}

// Registered is the organisation as the body describes it.
func (b RegisteringOrganisation) Registered() caldicott.OrganisationRecord {
	return caldicott.OrganisationRecord{Code: b.Code, Name: b.Name, Type: b.Type}
}

// Amended is the organisation as the body describes it.
func (b AmendingOrganisation) Amended(code string) caldicott.OrganisationRecord {
	return caldicott.OrganisationRecord{Code: code, Name: b.Name, Type: b.Type}
}

// Registered is the asset as the body describes it.
func (b RegisteringAsset) Registered() caldicott.Asset {
	return caldicott.Asset{Name: b.Name, Owner: b.Owner}
}

// Amended is the asset as the body describes it.
func (b AmendingAsset) Amended(id string) caldicott.Asset {
	return caldicott.Asset{ID: id, Name: b.Name, Owner: b.Owner}
}

// OrganisationView is a body of the directory.
type OrganisationView struct {
	Code     string                      `json:"code"`
	Name     string                      `json:"name"`
	Type     vocabulary.OrganisationType `json:"type"`
	Revision int                         `json:"revision"`
}

// FromOrganisation writes a body of the directory.
func FromOrganisation(o caldicott.OrganisationRecord) OrganisationView {
	return OrganisationView{Code: o.Code, Name: o.Name, Type: o.Type, Revision: o.Revision}
}

// AssetView is an information asset with its owner, who must be asked about its use.
type AssetView struct {
	ID       string `json:"id"`
	OrgCode  string `json:"org_code"`
	Name     string `json:"name"`
	Owner    string `json:"owner"`
	Revision int    `json:"revision"`
}

// FromAsset writes an information asset.
func FromAsset(a caldicott.Asset) AssetView {
	return AssetView{ID: a.ID, OrgCode: a.OrgCode, Name: a.Name, Owner: a.Owner, Revision: a.Revision}
}
