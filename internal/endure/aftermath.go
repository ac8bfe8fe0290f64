package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// decide approves with conditions: one to be met first, one that is due tomorrow, one for later.
func (m *matter) decide(ctx context.Context) error {
	if _, err := m.on(ctx, guardian, "open", "/opening", true, fields{"conflict": fields{"type": "NONE"}}); err != nil {
		return err
	}
	met := fields{"assessment": "MET"}
	principles := fields{"CP7": fields{"assessment": "NOT_APPLICABLE", "note": "Not individual care"}}
	for _, p := range []string{"CP1", "CP2", "CP3", "CP4", "CP5", "CP6", "CP8"} {
		principles[p] = met
	}
	condition := func(id, kind, owner string, due int) fields {
		return fields{"id": id, "type": kind, "text": "Send the letter.", "owner": owner, "due": day(due), "evidence_expected": "The letter"}
	}
	r, err := m.on(ctx, guardian, "decide", "/decisions", true, fields{
		"outcome": "APPROVE_WITH_CONDITIONS", "rationale": "Support is in place.", "principles": principles,
		"conditions": []fields{
			condition("C1", "PRECEDENT", m.requester, 1), condition("C2", "DEADLINE", iao, 1), condition("C3", "ON_COMPLETION", m.requester, 60),
		},
		"review_date": day(200), "expiry_date": day(220),
	})
	if err != nil {
		return err
	}
	var view struct {
		Authorisations []struct{ ID string }
	}
	if err := json.Unmarshal(r.body, &view); err != nil || len(view.Authorisations) != 1 {
		return fmt.Errorf("the decision's answer shows no authorisation: %s", r.body)
	}
	m.authorisation = "/authorisations/" + view.Authorisations[0].ID
	return m.readConditions(ctx)
}

func (m *matter) readConditions(ctx context.Context) error {
	r, _, err := m.ask(ctx, question{who: m.requester, method: "GET", path: m.authorisation})
	if err != nil {
		return err
	}
	var view struct {
		Conditions []struct{ ID, Label string }
	}
	if err := json.Unmarshal(r.body, &view); err != nil || len(view.Conditions) != 3 {
		return fmt.Errorf("the authorisation shows no conditions: %s", r.body)
	}
	for _, c := range view.Conditions {
		m.conditions[c.Label] = "/conditions/" + c.ID
	}
	return nil
}

// fulfil brings evidence, has it judged, and records what left.
func (m *matter) fulfil(ctx context.Context) error {
	if err := m.prove(ctx, "C1", m.requester); err != nil {
		return err
	}
	if m.chanceOf(50) {
		if err := m.prove(ctx, "C2", iao); err != nil {
			return err
		}
	}
	left := fields{"recipient": elsewhere, "records": 8888, "method": "SFTP"}
	_, err := m.to(ctx, m.requester, "disclose", m.authorisation, "/disclosures", false, left)
	return err
}

// prove brings evidence, which is sent back at first now and then.
func (m *matter) prove(ctx context.Context, label, owner string) error {
	at, sent := m.conditions[label], fields{"text": "Here it is."}
	if _, err := m.to(ctx, owner, "submit_evidence", at, "/evidence", false, sent); err != nil {
		return err
	}
	if m.chanceOf(20) {
		if _, err := m.to(ctx, officer1, "reject_evidence", at, "/rejection", true, fields{"reason": "Not signed."}); err != nil {
			return err
		}
		if _, err := m.to(ctx, owner, "submit_evidence", at, "/evidence", false, sent); err != nil {
			return err
		}
	}
	_, err := m.to(ctx, officer1, "accept_evidence", at, "/acceptance", true, nothing{})
	return err
}

// goWrong links an incident that became known so long ago that a part of its 72 hours is over within seconds: the keeper,
// whichever replica has its turn then, must record that and tell of it. Half of them suspend what was authorised.
func (m *matter) goWrong(ctx context.Context) error {
	if !m.chanceOf(60) {
		return nil
	}
	ago := []time.Duration{36 * time.Hour, 72 * time.Hour}[m.chance.IntN(2)]
	soon := time.Duration(1+m.chance.IntN(3)) * time.Second
	incident := fields{"number": "SYN-1", "aware_at": time.Now().Add(soon - ago).UTC().Format(time.RFC3339)}
	if m.chanceOf(50) {
		incident["authorisation"] = m.authorisation[len("/authorisations/"):]
	}
	r, err := m.on(ctx, officer1, "link_incident", "/incidents", false, incident)
	if err != nil || !m.chanceOf(40) {
		return err
	}
	id, err := idIn(r.body)
	if err != nil {
		return err
	}
	known := fields{"reported_at": time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), "dspt_reference": "SYN-2"}
	_, err = m.to(ctx, officer1, "update_incident", "/incidents/"+id, "/updates", false, known)
	return err
}

// review has the decision looked at again.
func (m *matter) review(ctx context.Context) error {
	if !m.chanceOf(35) {
		return nil
	}
	r, err := m.on(ctx, m.requester, "request_review", "/review-requests", false, fields{"ground": "NEW_INFORMATION", "text": "Please look again."})
	if err != nil {
		return err
	}
	id, err := idIn(r.body)
	if err != nil {
		return err
	}
	_, err = m.to(ctx, reviewer, "decide_review", "/reviews/"+id, "/decision", true, fields{"outcome": "REVIEW_UPHELD", "reason": "The balance was struck properly."})
	return err
}

// end revokes what was authorised and closes the request, or leaves both open.
func (m *matter) end(ctx context.Context) error {
	if !m.chanceOf(50) {
		return nil
	}
	if _, err := m.to(ctx, guardian, "revoke", m.authorisation, "/revocation", true, fields{"reason": "The study has ended."}); err != nil {
		return err
	}
	_, err := m.on(ctx, officer1, "close", "/closure", true, nothing{})
	return err
}
