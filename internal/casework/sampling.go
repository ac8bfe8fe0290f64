package casework

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
)

// Sample is the decisions of a quarter that the guardian looks at, with what makes the drawing repeatable.
type Sample struct {
	ID, OrgCode, Quarter string
	Seed                 string // hexadecimal, 32 bytes
	Population           int
	Digest               string // SHA-256 over the population's decision ids in order, one a line
	Drawn                []caldicott.Samplable
	Judgements           []Judgement
	At                   time.Time
}

// Judgement is what the guardian said of a sampled decision.
type Judgement struct {
	Decision string
	Kind     vocabulary.Kind
	Agrees   bool
	Reason   string
	By       string
	At       time.Time
}

// StandingRule says whether a kind of request may still be set aside under a standing rule: not once the guardian has
// disagreed too often since it was last looked at.
type StandingRule struct {
	Kind          vocabulary.Kind
	Off           bool
	Disagreements int
	Reviewed      time.Time // zero where nobody has
	ReviewedBy    string
}

// drawing and judging are the bodies of their records.
type drawing struct {
	Seed       string                `json:"seed"`
	Population int                   `json:"population"`
	Digest     string                `json:"digest"`
	Drawn      []caldicott.Samplable `json:"drawn"`
}

type judging struct {
	Sample string          `json:"sample"`
	Kind   vocabulary.Kind `json:"kind"`
	Agrees bool            `json:"agrees"`
	Reason string          `json:"reason,omitempty"`
}

// samplesOf folds an organisation's samples, oldest first.
func samplesOf(ctx context.Context, store records, organisationID, orgCode string) ([]Sample, error) {
	rows, err := store.Ledger(ctx, organisationID, caldicott.LedgerSample, "")
	if err != nil {
		return nil, err
	}
	judged, err := judgementsOf(ctx, store, organisationID)
	if err != nil {
		return nil, err
	}
	var samples []Sample
	for _, r := range rows {
		var body drawing
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return nil, fmt.Errorf("sample: %w", err)
		}
		samples = append(samples, Sample{
			ID: r.ID, OrgCode: orgCode, Quarter: r.Subject, Seed: body.Seed, Population: body.Population, Digest: body.Digest,
			Drawn: body.Drawn, Judgements: judged[r.ID], At: r.At,
		})
	}
	return samples, nil
}

// judgementsOf are the judgements by sample.
func judgementsOf(ctx context.Context, store records, organisationID string) (map[string][]Judgement, error) {
	rows, err := store.Ledger(ctx, organisationID, caldicott.LedgerJudgement, "")
	if err != nil {
		return nil, err
	}
	judged := map[string][]Judgement{}
	for _, r := range rows {
		var body judging
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return nil, fmt.Errorf("judgement: %w", err)
		}
		judged[body.Sample] = append(judged[body.Sample], Judgement{
			Decision: r.Subject, Kind: body.Kind, Agrees: body.Agrees, Reason: body.Reason, By: r.By, At: r.At,
		})
	}
	return judged, nil
}

// rulesOf says of each kind that was ever judged or reviewed how its standing rule stands.
func (s *Service) rulesOf(ctx context.Context, store records, organisationID string) ([]StandingRule, error) {
	judged, err := judgementsOf(ctx, store, organisationID)
	if err != nil {
		return nil, err
	}
	reviews, err := store.Ledger(ctx, organisationID, caldicott.LedgerStandingRule, "")
	if err != nil {
		return nil, err
	}
	rules := map[vocabulary.Kind]StandingRule{}
	for _, r := range reviews {
		kind := vocabulary.Kind(r.Subject)
		rules[kind] = StandingRule{Kind: kind, Reviewed: r.At, ReviewedBy: r.By}
	}
	for _, list := range judged {
		for _, j := range list {
			rule := rules[j.Kind]
			rule.Kind = j.Kind
			if !j.Agrees && j.At.After(rule.Reviewed) {
				rule.Disagreements++
			}
			rule.Off = rule.Disagreements >= s.House.Clocks.SampleDisagreements
			rules[j.Kind] = rule
		}
	}
	var list []StandingRule
	for _, rule := range rules {
		list = append(list, rule)
	}
	slices.SortFunc(list, func(a, b StandingRule) int { return compare(string(a.Kind), string(b.Kind)) })
	return list, nil
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// ruleOff says whether the standing rule of the kind is switched off.
func (s *Service) ruleOff(ctx context.Context, tx caldicott.Tx, organisationID string, kind vocabulary.Kind) (bool, error) {
	rules, err := s.rulesOf(ctx, tx, organisationID)
	return slices.ContainsFunc(rules, func(r StandingRule) bool { return r.Kind == kind && r.Off }), err
}

// DrawSamples draws last quarter's sample for every organisation that has something to draw from and has none yet. Seed is
// where the seeds come from; nil for the machine's own randomness.
func (s *Service) DrawSamples(ctx context.Context) error {
	quarter, from, to, err := caldicott.QuarterBefore(caldicott.Today(s.Now()))
	if err != nil {
		return err
	}
	codes, err := s.Store.Unsampled(ctx, quarter, from, to)
	if err != nil {
		return err
	}
	var failed []error
	for _, code := range codes {
		if err := s.drawSample(ctx, code, quarter, from, to); err != nil {
			failed = append(failed, fmt.Errorf("sample of %s: %w", code, err))
		}
	}
	return errors.Join(failed...)
}

func (s *Service) drawSample(ctx context.Context, code, quarter string, from, to time.Time) error {
	return s.Store.InTx(ctx, func(tx caldicott.Tx) error {
		o, err := tx.LockOrganisation(ctx, code)
		if err != nil {
			return err
		}
		before, err := tx.Ledger(ctx, o.ID, caldicott.LedgerSample, quarter)
		if err != nil || len(before) > 0 {
			return err // another replica was quicker
		}
		population, err := tx.Samplable(ctx, o.ID, from, to)
		if err != nil {
			return err
		}
		var seed [32]byte
		if _, err := rand.Read(seed[:]); err != nil {
			return fmt.Errorf("seed: %w", err)
		}
		drawn, digest := s.House.Clocks.Draw(seed, population)
		body := drawing{Seed: hex.EncodeToString(seed[:]), Population: len(population), Digest: digest, Drawn: drawn}
		return s.fileSample(ctx, tx, o, quarter, body)
	})
}

// fileSample writes the drawing under the organisation's chain, and sets the guardian to work.
func (s *Service) fileSample(ctx context.Context, tx caldicott.Tx, o caldicott.OrganisationRecord, quarter string, body drawing) error {
	now := s.Now()
	row := caldicott.LedgerRow{
		ID: s.NewID(), OrganisationID: o.ID, Kind: caldicott.LedgerSample, Subject: quarter, Body: caldicott.Words(body), At: now,
	}
	event := caldicott.Event{
		Stream: caldicott.OrganisationStream(o.ID), Chained: true, Action: caldicott.DrawSample, Outcome: caldicott.OutcomeDone, At: now,
		Organisation: o.ID, Subject: row.ID, PolicyDigest: s.Policy.Digest(), Facts: map[string]string{"quarter": quarter, "seed": body.Seed},
		Detail: caldicott.Words(struct{ Said written }{written{quarter, body}}),
	}
	if err := tx.SaveDirectory(ctx, event, caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{row}}); err != nil {
		return err
	}
	err := tx.Assign(ctx, o.ID, row.ID, []caldicott.Task{{
		Name: vocabulary.TaskJudgeSample, Roles: []vocabulary.Role{vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian}, From: now,
	}})
	if err != nil {
		return err
	}
	return s.tellGuardians(ctx, tx, o.ID, now, vocabulary.NoticeSampleDrawn, vocabulary.TaskJudgeSample, row.ID)
}

// tellGuardians tells guardians, and deputies who act for them, of something that is about no request.
func (s *Service) tellGuardians(ctx context.Context, tx caldicott.Tx, organisationID string, now time.Time, event vocabulary.Notice, wanted vocabulary.Task, subject string) error {
	audience, err := tx.Audience(ctx, organisationID, []vocabulary.Role{vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian}, now)
	if err != nil {
		return err
	}
	d := &desk{now: now, organisation: caldicott.OrganisationRecord{ID: organisationID}}
	var notices []caldicott.Notice
	for _, a := range audience {
		notices = append(notices, s.officeNotice(d, event, wanted, a.UserID, subject, time.Time{}, subject))
	}
	return tx.Tell(ctx, notices)
}

// Samples gives the samples of the organisation to those who may look at them.
func (s *Service) Samples(ctx context.Context, by caldicott.Actor) ([]Sample, error) {
	if err := s.mayRead(by, caldicott.LookUpSamples, "samples"); err != nil {
		return nil, err
	}
	return samplesOf(ctx, s.Store, by.OrganisationID, by.OrgCode)
}

// mayRead asks the policy whether the person may look at what their organisation has put on record.
func (s *Service) mayRead(by caldicott.Actor, how caldicott.Action, what string) error {
	d := &desk{by: by, now: s.Now(), organisation: caldicott.OrganisationRecord{ID: by.OrganisationID}}
	o := office{action: how}
	if !s.Policy.May(o.action, o.standings(d, []string{by.OrganisationID}, false)).Allowed {
		return caldicott.Errorf(caldicott.Forbidden, caldicott.CodePolicy, "The policy does not allow you to look at %s.", what)
	}
	return nil
}

// StandingRules says how the standing rule of each kind stands that was ever sampled.
func (s *Service) StandingRules(ctx context.Context, by caldicott.Actor) ([]StandingRule, error) {
	if err := s.mayRead(by, caldicott.LookUpSamples, "samples"); err != nil {
		return nil, err
	}
	return s.rulesOf(ctx, s.Store, by.OrganisationID)
}

// JudgeSample is the guardian's word on one sampled decision. Who took the decision does not judge it.
func (s *Service) JudgeSample(ctx context.Context, call Call, encode DirectoryRetry, sample, decision string, agrees *bool, reason string) (DirectoryResult, error) {
	var at Sample
	body := judging{Sample: sample, Agrees: agrees != nil && *agrees, Reason: reason}
	said := &written{Subject: decision, Body: &body}
	return s.run(ctx, call, encode, office{
		action: caldicott.JudgeSample, organisation: call.By.OrgCode, said: said,
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			samples, err := samplesOf(ctx, tx, d.organisation.ID, d.organisation.Code)
			i := slices.IndexFunc(samples, func(x Sample) bool { return x.ID == sample })
			if err == nil && i < 0 {
				return notFound()
			}
			if err == nil {
				at = samples[i]
			}
			return err
		},
		check: func(d *desk) error {
			if i := slices.IndexFunc(at.Drawn, drawnAs(decision)); i >= 0 && at.Drawn[i].DecidedBy == d.by.UserID {
				return caldicott.Errorf(caldicott.Forbidden, "SD5", "Who took a decision does not look at it again.")
			}
			return nil
		},
		state: func(*desk) string {
			if slices.ContainsFunc(at.Judgements, func(j Judgement) bool { return j.Decision == decision }) {
				return "This decision was judged already."
			}
			return ""
		},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			return s.judge(d, &at, &body, decision, agrees)
		},
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) error { return s.judged(ctx, tx, d, at, body) },
	})
}

func drawnAs(decision string) func(caldicott.Samplable) bool {
	return func(x caldicott.Samplable) bool { return x.Decision == decision }
}

func (s *Service) judge(d *desk, at *Sample, body *judging, decision string, agrees *bool) (caldicott.DirectoryRows, []caldicott.FieldError) {
	var wrong []caldicott.FieldError
	i := slices.IndexFunc(at.Drawn, drawnAs(decision))
	if i < 0 {
		wrong = append(wrong, caldicott.FieldError{Field: "decision", Code: caldicott.CodeField, Message: "must name a decision of this sample"})
	} else {
		body.Kind = at.Drawn[i].Kind
	}
	if agrees == nil {
		wrong = append(wrong, caldicott.FieldError{Field: "agrees", Code: caldicott.CodeRequired, Message: "must be given"})
	} else if !*agrees && body.Reason == "" {
		wrong = append(wrong, caldicott.FieldError{Field: "reason", Code: caldicott.CodeRequired, Message: "must say why not"})
	}
	row := ledgerRow(d, caldicott.LedgerJudgement, decision, body)
	at.Judgements = append(slices.Clone(at.Judgements), Judgement{
		Decision: decision, Kind: body.Kind, Agrees: body.Agrees, Reason: body.Reason, By: d.by.UserID, At: d.now,
	})
	d.result.Sample = *at
	return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{row}}, wrong
}

// judged ends the guardian's task once all is judged, and switches a standing rule off where it comes to that.
func (s *Service) judged(ctx context.Context, tx caldicott.Tx, d *desk, at Sample, body judging) error {
	if len(at.Judgements) >= len(at.Drawn) {
		if err := tx.Assign(ctx, d.organisation.ID, at.ID, nil); err != nil {
			return err
		}
	}
	if body.Agrees {
		return nil
	}
	off, err := s.ruleOff(ctx, tx, d.organisation.ID, body.Kind)
	if err != nil || !off {
		return err
	}
	task := caldicott.Task{
		Name: vocabulary.TaskReviewStandingRule, Roles: []vocabulary.Role{vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian}, From: d.now,
	}
	if err := tx.Assign(ctx, d.organisation.ID, string(body.Kind), []caldicott.Task{task}); err != nil {
		return err
	}
	audience, err := tx.Audience(ctx, d.organisation.ID, []vocabulary.Role{vocabulary.RoleCaldicottGuardian, vocabulary.RoleDeputyGuardian, vocabulary.RoleIgLead}, d.now)
	if err != nil {
		return err
	}
	var notices []caldicott.Notice
	for _, a := range audience {
		notices = append(notices, s.officeNotice(d, vocabulary.NoticeStandingRuleOff, vocabulary.TaskReviewStandingRule, a.UserID, "", time.Time{}, at.ID+"/"+string(body.Kind)))
	}
	return tx.Tell(ctx, notices)
}

// ReviewStandingRule switches the standing rule of a kind on again, once a guardian has looked at it.
func (s *Service) ReviewStandingRule(ctx context.Context, call Call, encode DirectoryRetry, kind vocabulary.Kind, reason string) (DirectoryResult, error) {
	body, off := map[string]string{"reason": reason}, false
	return s.run(ctx, call, encode, office{
		action: caldicott.ReviewStandingRule, organisation: call.By.OrgCode, said: written{string(kind), body},
		load: func(ctx context.Context, tx caldicott.Tx, d *desk) (err error) {
			off, err = s.ruleOff(ctx, tx, d.organisation.ID, kind)
			return err
		},
		state: func(*desk) string {
			if !off {
				return "This standing rule is not switched off."
			}
			return ""
		},
		texts: []caldicott.Text{{Field: "reason", Value: reason}},
		make: func(d *desk) (caldicott.DirectoryRows, []caldicott.FieldError) {
			var wrong []caldicott.FieldError
			if reason == "" {
				wrong = append(wrong, caldicott.FieldError{Field: "reason", Code: caldicott.CodeRequired, Message: "must be given"})
			}
			d.result.StandingRule = StandingRule{Kind: kind, Reviewed: d.now, ReviewedBy: d.by.UserID}
			return caldicott.DirectoryRows{Ledger: []caldicott.LedgerRow{ledgerRow(d, caldicott.LedgerStandingRule, string(kind), body)}}, wrong
		},
		after: func(ctx context.Context, tx caldicott.Tx, d *desk) error {
			return tx.Assign(ctx, d.organisation.ID, string(kind), nil)
		},
	})
}
