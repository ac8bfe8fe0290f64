package rest

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/evidence"
)

// caseOf writes a case as evidence, as it stood at the instant.
func (p packer) caseOf(ctx context.Context, c caldicott.Case, at time.Time) (evidence.Case, error) {
	marks, err := p.Work.Store.VersionMarks(ctx, c.Request.ID)
	if err != nil {
		return evidence.Case{}, err
	}
	v := evidence.Case{}
	for _, mark := range marks {
		if mark.N > c.Request.Version {
			continue
		}
		x, err := p.Work.Store.ReadVersion(ctx, c.Request.ID, mark.N)
		if err != nil {
			return evidence.Case{}, err
		}
		if x.N == c.Request.Version {
			c.Current = x
		}
		v.Versions = append(v.Versions, evidence.Version{
			N: x.N, By: x.By, At: x.At, SHA256: hex.EncodeToString(mark.Digest[:]), Content: x.Content.Bytes(), Erased: x.Erased != nil,
		})
	}
	content, deadlines := c.Content(), p.Work.House.Targets.Deadlines(p.Work.House.Calendar, c.Clock(at))
	v.ID, v.Reference, v.Organisation, v.State = c.Request.ID, c.Request.Reference, c.Request.OrgCode, string(c.Request.State)
	v.Kind, v.Urgency, v.Emergency = string(content.Kind), string(content.Urgency), c.Request.Emergency
	v.Title, v.Requester, v.CreatedAt, v.SubmittedAt = content.Title, c.Request.Requester, c.Request.CreatedAt, c.SubmittedAt()
	v.DecisionDue = deadlines.Decision
	if v.DecisionDue.IsZero() {
		v.DecisionDue = deadlines.Ratification
	}
	for _, a := range c.Advice {
		v.Advice = append(v.Advice, evidence.Advice{Role: string(a.Role), View: string(a.View), Text: a.Text, By: a.By, At: a.At})
	}
	for _, d := range c.Decisions {
		v.Decisions = append(v.Decisions, decisionOf(d))
	}
	if len(c.Decisions) > 0 {
		v.DecidedAt = c.Decisions[0].At
	}
	outcomes(&v, &c, at)
	v.People, err = p.named(ctx, v)
	return v, err
}

// decisionOf writes a decision with the principles and the legal tests that it rests on.
func decisionOf(d caldicott.Decision) evidence.Decision {
	v := evidence.Decision{
		ID: d.ID, N: d.N, Version: d.Version, Outcome: string(d.Outcome), By: d.DecidedBy, ActingAs: string(d.ActingAs), At: d.At,
		Delegated: d.Delegation != "", Rationale: d.Rationale, HarmStatement: d.HarmStatement, AlternativeOffered: d.AlternativeOffered,
		ReviewDate: d.ReviewDate, ExpiryDate: d.ExpiryDate, Findings: []string{},
		Law: []evidence.Law{
			{Test: "UK GDPR, Article 6", Codes: labelled("art6_basis", d.Law.Art6...)}, {Test: "UK GDPR, Article 9", Codes: labelled("art9_condition", d.Law.Art9...)},
			{Test: "Data Protection Act 2018, Schedule 1", Codes: labelled("dpa_sch1_condition", d.Law.Sch1...)},
			{Test: "Common law duty of confidence", Codes: labelled("cldc_basis", d.Law.Basis)},
			{Test: "Statutory powers", Codes: labelled("statutory_power", d.Law.Powers...)},
		},
	}
	for _, code := range vocabulary.Codes[vocabulary.Principle]("caldicott_principle") {
		if j, judged := d.Principles[code]; judged {
			v.Principles = append(v.Principles, evidence.Principle{
				Code: string(code), Label: codes["caldicott_principle"][string(code)].Label, Assessment: string(j.Assessment), Note: j.Note,
			})
		}
	}
	for _, f := range d.Findings {
		v.Findings = append(v.Findings, string(f.Rule))
	}
	slices.Sort(v.Findings)
	v.Findings = slices.Compact(v.Findings)
	return v
}

// labelled are codes of a list with their labels; none where there is none.
func labelled[T ~string](list string, all ...T) []string {
	words := []string{}
	for _, code := range all {
		if code != "" {
			words = append(words, string(code)+": "+codes[list][string(code)].Label)
		}
	}
	return words
}

// outcomes writes what came of the decisions, and the documents.
func outcomes(v *evidence.Case, c *caldicott.Case, at time.Time) {
	for _, a := range c.Authorisations {
		v.Authorisations = append(v.Authorisations, evidence.Authorisation{
			ID: a.ID, Decision: a.Decision, State: string(c.AuthorisationState(a, at)), Version: a.Version, ReviewDate: a.ReviewDate, ExpiryDate: a.ExpiryDate,
		})
	}
	for _, x := range c.Conditions {
		v.Conditions = append(v.Conditions, evidence.Condition{
			Label: x.Label, Decision: x.Decision, Type: string(x.Type), State: string(x.State(c.Done, at)), Due: x.Due, Owner: x.Owner,
			Text: x.Text, Evidence: x.EvidenceExpected,
		})
	}
	for _, d := range c.Disclosures {
		v.Disclosures = append(v.Disclosures, evidence.Disclosure{
			At: d.DisclosedAt, Recipient: recipientOf(d), Records: d.Records, Method: string(d.Method), By: d.By, Exception: string(d.Exception), Note: d.Note,
		})
	}
	for _, d := range c.Documents() {
		v.Documents = append(v.Documents, evidence.Document{
			ID: d.ID, Name: d.Name, MediaType: d.MediaType, Size: d.Size, SHA256: d.SHA256, State: string(d.State),
			Erased: d.State == vocabulary.DocumentStateErased, By: d.By, At: d.At,
		})
	}
}

// recipientOf is the code of an organisation, or where in the version's list a recipient without one stands.
func recipientOf(d caldicott.Disclosure) string {
	if strings.Trim(d.Recipient, "0123456789") == "" {
		return "recipient " + d.Recipient + " of the version's list"
	}
	return d.Recipient
}

// named looks up everybody whom the case names; each person once for a whole pack.
func (p packer) named(ctx context.Context, v evidence.Case) ([]evidence.Person, error) {
	ids := []string{v.Requester}
	for _, x := range v.Versions {
		ids = append(ids, x.By)
	}
	for _, x := range v.Advice {
		ids = append(ids, x.By)
	}
	for _, x := range v.Decisions {
		ids = append(ids, x.By)
	}
	for _, x := range v.Conditions {
		ids = append(ids, x.Owner)
	}
	for _, x := range v.Disclosures {
		ids = append(ids, x.By)
	}
	for _, x := range v.Documents {
		ids = append(ids, x.By)
	}
	slices.Sort(ids)
	var people []evidence.Person
	for _, id := range slices.Compact(ids) {
		if id == "" {
			continue
		}
		if _, known := p.people[id]; !known {
			x, err := p.Work.Store.ActorByUserID(ctx, id)
			if err != nil && caldicott.KindOf(err) != caldicott.NotFound {
				return nil, err
			}
			p.people[id] = evidence.Person{UserID: id, Name: x.Name, JobTitle: x.JobTitle}
		}
		people = append(people, p.people[id])
	}
	return people, nil
}
