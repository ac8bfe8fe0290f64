package main

import (
	"slices"
	"strings"
)

// telling is what a deed is told as, and to whom, besides the endpoint, which is told of all.
type telling struct {
	event string
	to    func(b *books, d deedRow) []string
}

// tellings is who must hear of what. It is written out here again and not asked of the service: a service that forgot
// somebody would forget them here too.
var tellings = map[string][]telling{
	"submit":          {{"SUBMITTED", governance}},
	"ask":             {{"QUESTIONS_ASKED", asker}},
	"answer":          {{"ANSWERED", governance}},
	"consult":         {{"ADVICE_WANTED", these(rd, dpo, iao)}},
	"advise":          {{"ADVICE_GIVEN", governance}},
	"put_forward":     {{"READY_FOR_DECISION", these(guardian)}},
	"decide":          {{"DECISION_MADE", both(governance, asker)}}, // and CONDITION_SET, for each
	"withdraw":        {{"WITHDRAWN", both(governance, asker)}},
	"close":           {{"CLOSED", asker}},
	"submit_evidence": {{"EVIDENCE_SUBMITTED", governance}},
	"accept_evidence": {{"EVIDENCE_ACCEPTED", owner}},
	"reject_evidence": {{"EVIDENCE_REJECTED", owner}},
	"revoke":          {{"AUTHORISATION_REVOKED", both(governance, asker)}},
	"link_incident":   {{"INCIDENT_LINKED", both(these(lead, guardian), asker)}},
	"update_incident": {{"INCIDENT_UPDATED", these(lead, guardian)}},
	"request_review":  {{"REVIEW_REQUESTED", both(these(lead, guardian, reviewer), asker)}},
	"decide_review":   {{"REVIEW_DECIDED", both(these(lead, guardian), asker)}},

	// The keeper's own.
	"activate": {{"AUTHORISATION_ACTIVATED", both(these(lead), asker)}},
	"trip":     {{"AUTHORISATION_TRIPPED", both(these(lead, guardian), asker)}},
	"escalate": {{"INCIDENT_REPORT_DUE", stage}},
}

// silentDeeds are told to nobody. What is in neither list is not done here.
var silentDeeds = []string{"draft", "triage", "comment", "attach", "open", "disclose"}

// midnight are deeds that the keeper records when a day ends, which it may while this runs: whom it tells of them is not
// looked at.
var midnight = []string{"remind", "fall_due"}

func these(people ...string) func(*books, deedRow) []string {
	return func(*books, deedRow) []string { return people }
}

func both(one, other func(*books, deedRow) []string) func(*books, deedRow) []string {
	return func(b *books, d deedRow) []string { return slices.Concat(one(b, d), other(b, d)) }
}

func governance(*books, deedRow) []string { return []string{lead, officer1, officer2} }
func asker(b *books, d deedRow) []string  { return []string{b.requesters[d.Request]} }
func owner(b *books, d deedRow) []string  { return []string{b.owners[d.Subject]} }

// stage is who is told of a running limit: the more of it is over, the higher. Nobody here is chief executive.
func stage(_ *books, d deedRow) []string {
	switch d.Moment {
	case "INCIDENT:50":
		return []string{lead}
	case "INCIDENT:100":
		return []string{guardian}
	}
	return nil
}

// told are the keys of the notices that must be there because of a deed: nobody is told of what they did themselves.
func (b *books) told(d deedRow) []string {
	var keys []string
	tell := func(event, about string, people ...string) {
		for _, to := range append(people, endpoint) {
			if to != d.Actor {
				keys = append(keys, strings.Join([]string{d.ID, event, about, to}, "/"))
			}
		}
	}
	for _, t := range tellings[d.Deed] {
		tell(t.event, "", slices.Clone(t.to(b, d))...)
	}
	for _, condition := range b.set[d.ID] {
		tell("CONDITION_SET", condition, b.owners[condition])
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
