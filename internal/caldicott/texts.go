package caldicott

import (
	"fmt"
	"slices"
)

// Texts gives every piece of free text in the content that is not empty, with its path: what the identifier guard
// reads. Codes, dates and countries are none: each has a form that is checked. Ids that need name nobody whom the service
// knows are read too: ten digits fit their form.
func (c Content) Texts() []Text {
	texts := []Text{
		{"title", c.Title},
		{"requester.department", c.Requester.Department},
		{"summary", c.Summary},
		{"purpose", c.Purpose},
		{"benefit", c.Benefit},
		{"data_subjects.description", c.DataSubjects.Description},
		{"data_subjects.period", c.DataSubjects.Period},
		{"less_identifiable_alternative", c.Alternative},
		{"consent.form", c.Consent.Form},
		{"consent.reason", c.Consent.Reason},
		{"national_data_opt_out.evidence", c.OptOut.Evidence},
		{"transparency.reason_not_informed", c.Transparency.ReasonNotInformed},
		{"transparency.action", c.Transparency.Action},
		{"transfer.security", c.Transfer.Security},
		{"retention.period", c.Retention.Period},
		{"retention.disposal_method", c.Retention.DisposalMethod},
		{"equality", c.Equality},
		{"sponsor_user_id", c.Sponsor},
		{"iao_user_id", c.AssetOwner},
		{"approved_by", c.ApprovedBy},
	}
	texts = append(texts, c.textsOfParts()...)
	texts = append(texts, c.textsOfLists()...)
	return slices.DeleteFunc(texts, func(t Text) bool { return t.Value == "" })
}

// textsOfParts reads the parts that may be absent.
func (c Content) textsOfParts() []Text {
	var texts []Text
	if x := c.ExternalRequester; x != nil {
		texts = append(texts,
			Text{"external_requester.organisation", x.Organisation},
			Text{"external_requester.org_code", x.OrgCode},
			Text{"external_requester.verified_by", x.VerifiedBy},
			Text{"external_requester.contact_role", x.ContactRole},
			Text{"external_requester.authority", x.Authority},
			Text{"external_requester.verified_method", x.VerifiedMethod},
			Text{"external_requester.external_reference", x.ExternalReference})
	}
	if s := c.Legal.S251; s != nil {
		texts = append(texts, Text{"legal.s251.reference", s.Reference})
	}
	if p := c.Legal.PublicInterest; p != nil {
		for _, part := range p.parts() {
			texts = append(texts, Text{"legal.public_interest_test." + part.Field, part.Value})
		}
	}
	if f := c.FiveSafes; f != nil {
		texts = append(texts,
			Text{"five_safes.PEOPLE", f.People},
			Text{"five_safes.PROJECTS", f.Projects},
			Text{"five_safes.SETTINGS", f.Settings},
			Text{"five_safes.DATA", f.Data},
			Text{"five_safes.OUTPUTS", f.Outputs})
	}
	if r := c.Risk; r != nil {
		texts = append(texts, Text{"risk.matrix", r.Matrix}, Text{"risk.register_ref", r.RegisterRef})
	}
	return texts
}

// textsOfLists reads the lists, each element under its place.
func (c Content) textsOfLists() []Text {
	var texts []Text
	for i, item := range c.DataItems {
		texts = append(texts, Text{fmt.Sprintf("data_items[%d].justification", i), item.Justification})
	}
	for i, system := range c.SourceSystems {
		texts = append(texts, Text{fmt.Sprintf("source_systems[%d]", i), system})
	}
	for i, r := range c.Recipients {
		texts = append(texts, Text{fmt.Sprintf("recipients[%d].roles", i), r.Roles}, Text{fmt.Sprintf("recipients[%d].org_code", i), r.OrgCode})
		for j, id := range r.UserIDs {
			texts = append(texts, Text{fmt.Sprintf("recipients[%d].user_ids[%d]", i, j), id})
		}
	}
	for i, id := range c.Investigators {
		texts = append(texts, Text{fmt.Sprintf("investigator_user_ids[%d]", i), id})
	}
	for i, d := range c.Documents {
		texts = append(texts, Text{fmt.Sprintf("linked_documents[%d].reference", i), d.Reference})
	}
	for i, a := range c.Attachments {
		texts = append(texts, Text{fmt.Sprintf("attachments[%d].name", i), a.Name})
	}
	return texts
}

// parts are the seven parts of the balancing test.
func (p PublicInterest) parts() []Text {
	return []Text{
		{"serious_harm", p.SeriousHarm},
		{"benefit", p.Benefit},
		{"harm_to_patient", p.HarmToPatient},
		{"harm_to_public_trust", p.HarmToPublicTrust},
		{"proportionate_minimum", p.ProportionateMinimum},
		{"alternatives", p.Alternatives},
		{"conclusion", p.Conclusion},
	}
}
