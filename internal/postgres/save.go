package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// row is a row to write, by column.
type row map[string]any

// SaveCase appends the change's event and writes what it adds, each row under that entry.
func (t *tx) SaveCase(ctx context.Context, ch caldicott.Change) error {
	entry, err := t.record(ctx, ch.Event)
	if err != nil {
		return err
	}
	s := saver{t, ctx, entry, ch.Request.ID, nil}
	s.request(ch)
	s.version(ch.Version)
	s.done(ch.Done)
	for _, x := range ch.Consultations {
		s.consultation(x)
	}
	s.advice(ch.Advice)
	s.waiver(ch.Waiver)
	s.declaration(ch.Declaration)
	s.remark(ch.Remark)
	s.decision(ch.Decision)
	s.disclosure(ch.Disclosure)
	s.authorisation(ch.Authorisation)
	for _, x := range ch.Conditions {
		s.condition(x)
	}
	return explain(s.err, "request")
}

// saver writes rows of one case under one entry and remembers the first error, after which it writes nothing.
type saver struct {
	tx    *tx
	ctx   context.Context //nolint:containedctx // lives for one SaveCase
	entry int64
	id    string
	err   error
}

func (s *saver) write(query string, r row) {
	if s.err != nil {
		return
	}
	r["entry_id"], r["request_id"] = s.entry, s.id
	s.err = s.tx.run.write(s.ctx, query, map[string]any(r))
}

// js encodes a column of JSON.
func (s *saver) js(v any) string {
	b, err := json.Marshal(v)
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("column of JSON: %w", err)
	}
	return string(b)
}

func (s *saver) request(ch caldicott.Change) {
	r := ch.Request
	values := row{
		"id": r.ID, "organisation_id": r.OrganisationID, "reference": orNull(r.Reference), "requester": r.Requester,
		"emergency": r.Emergency, "renews": r.Renews, "state": string(r.State), "version": r.Version, "revision": r.Revision, "created_at": r.CreatedAt,
		"kind": nil, "urgency": nil, "title": nil, "sponsor": nil, "asset_owner": nil, "submitted_at": nil, "decided_at": nil,
	}
	if v := ch.Version; v != nil {
		values["kind"], values["urgency"], values["title"] = string(v.Content.Kind), string(v.Content.Urgency), v.Content.Title
		values["sponsor"], values["asset_owner"] = v.Content.Sponsor, v.Content.AssetOwner
	}
	if ch.Done.Deed == caldicott.Submit || ch.Done.Deed == caldicott.Resubmit {
		values["submitted_at"] = ch.Done.At
	}
	if ch.Done.Deed == caldicott.Decide || ch.Done.Deed == caldicott.SetAside {
		values["decided_at"] = ch.Done.At
	}
	if ch.Done.From == "" {
		s.write(insertRequest, values)
	} else if ch.Moves {
		s.write(updateRequest, values)
	}
}

const insertRequest = `
	INSERT INTO casework.requests (id, organisation_id, reference, requester, emergency, renews, state, kind, urgency, title, sponsor,
		asset_owner, version, revision, created_at, entry_id)
	VALUES (:id, :organisation_id, :reference, :requester, :emergency, :renews, :state, :kind, :urgency, :title, :sponsor,
		:asset_owner, :version, :revision, :created_at, :entry_id)`

const updateRequest = `
	UPDATE casework.requests SET reference = :reference, state = :state, version = :version, revision = :revision,
		kind = COALESCE(:kind, kind), urgency = COALESCE(:urgency, urgency), title = COALESCE(:title, title),
		sponsor = COALESCE(:sponsor, sponsor), asset_owner = COALESCE(:asset_owner, asset_owner),
		submitted_at = COALESCE(CAST(:submitted_at AS timestamptz), submitted_at),
		decided_at = COALESCE(CAST(:decided_at AS timestamptz), decided_at), entry_id = :entry_id
	WHERE id = :id`

func (s *saver) version(v *caldicott.Version) {
	if v == nil {
		return
	}
	digest := v.Content.Digest()
	confirmed := v.Confirmed
	if confirmed == nil {
		confirmed = []caldicott.Confirmation{}
	}
	s.write(`
		INSERT INTO casework.versions (request_id, n, content, digest, confirmed, made_by, at, entry_id)
		VALUES (:request_id, :n, :content, :digest, CAST(:confirmed AS jsonb), :made_by, :at, :entry_id)`, row{
		"n": v.N, "content": string(v.Content.Bytes()), "digest": digest[:], "confirmed": s.js(confirmed), "made_by": v.By, "at": v.At,
	})
}

func (s *saver) done(d caldicott.Done) {
	s.write(`
		INSERT INTO casework.deeds (id, request_id, deed, actor, acting_as, appointment_id, delegation_id, at, from_state,
			to_state, version, subject, target, details, entry_id)
		VALUES (:id, :request_id, :deed, :actor, :acting_as, :appointment_id, :delegation_id, :at, :from_state,
			:to_state, :version, :subject, :target, CAST(:details AS jsonb), :entry_id)`, row{
		"id": d.ID, "deed": string(d.Deed), "actor": orNull(d.By), "acting_as": d.ActingAs, "appointment_id": d.Appointment,
		"delegation_id": d.Delegation, "at": d.At, "from_state": string(d.From), "to_state": string(d.To),
		"version": d.Version, "subject": d.Subject, "target": d.Target, "details": s.js(d.Details),
	})
}

func (s *saver) consultation(x caldicott.Consultation) {
	s.write(`
		INSERT INTO casework.consultations (id, request_id, role, mandatory, due, asked_by, at, entry_id)
		VALUES (:id, :request_id, :role, :mandatory, CAST(:due AS date), :asked_by, :at, :entry_id)`, row{
		"id": x.ID, "role": string(x.Role), "mandatory": x.Mandatory, "due": orNull(x.Due), "asked_by": x.By, "at": x.At,
	})
}

func (s *saver) advice(a *caldicott.Advice) {
	if a == nil {
		return
	}
	s.write(`
		INSERT INTO casework.advice (id, request_id, role, view, text, version, given_by, at, entry_id)
		VALUES (:id, :request_id, :role, :view, :text, :version, :given_by, :at, :entry_id)`, row{
		"id": a.ID, "role": string(a.Role), "view": string(a.View), "text": a.Text, "version": a.Version, "given_by": a.By, "at": a.At,
	})
}

func (s *saver) waiver(w *caldicott.Waiver) {
	if w == nil {
		return
	}
	s.write(`
		INSERT INTO casework.waivers (id, request_id, role, reason, waived_by, at, entry_id)
		VALUES (:id, :request_id, :role, :reason, :waived_by, :at, :entry_id)`, row{
		"id": w.ID, "role": string(w.Role), "reason": w.Reason, "waived_by": w.By, "at": w.At,
	})
}

func (s *saver) declaration(x *caldicott.Declaration) {
	if x == nil {
		return
	}
	s.write(`
		INSERT INTO casework.declarations (id, request_id, declared_by, type, note, version, at, entry_id)
		VALUES (:id, :request_id, :declared_by, :type, :note, :version, :at, :entry_id)`, row{
		"id": x.ID, "declared_by": x.By, "type": string(x.Type), "note": x.Note, "version": x.Version, "at": x.At,
	})
}

func (s *saver) remark(x *caldicott.Remark) {
	if x == nil {
		return
	}
	s.write(`
		INSERT INTO casework.comments (id, request_id, text, made_by, at, entry_id)
		VALUES (:id, :request_id, :text, :made_by, :at, :entry_id)`, row{"id": x.ID, "text": x.Text, "made_by": x.By, "at": x.At})
}

func (s *saver) decision(d *caldicott.Decision) {
	if d == nil {
		return
	}
	principles, findings := d.Principles, d.Findings
	if principles == nil {
		principles = caldicott.Principles{}
	}
	if findings == nil {
		findings = []caldicott.Finding{}
	}
	s.write(`
		INSERT INTO casework.decisions (id, request_id, n, version, outcome, rationale, decided_by, acting_as, appointment_id,
			delegation_id, at, principles, law, review_date, expiry_date, refer_to, harm_statement, alternative_offered,
			standing_rule, findings, authorisation_id, entry_id)
		VALUES (:id, :request_id, :n, :version, :outcome, :rationale, :decided_by, :acting_as, :appointment_id,
			:delegation_id, :at, CAST(:principles AS jsonb), CAST(:law AS jsonb), CAST(:review_date AS date),
			CAST(:expiry_date AS date), :refer_to, :harm_statement, :alternative_offered, :standing_rule,
			CAST(:findings AS jsonb), :authorisation_id, :entry_id)`, row{
		"id": d.ID, "n": d.N, "version": d.Version, "outcome": string(d.Outcome), "rationale": d.Rationale,
		"decided_by": d.DecidedBy, "acting_as": string(d.ActingAs), "appointment_id": d.Appointment,
		"delegation_id": d.Delegation, "at": d.At, "principles": s.js(principles), "law": s.js(d.Law),
		"review_date": orNull(d.ReviewDate), "expiry_date": orNull(d.ExpiryDate), "refer_to": pq.Array(strs(d.ReferTo)),
		"harm_statement": d.HarmStatement, "alternative_offered": d.AlternativeOffered, "standing_rule": d.StandingRule,
		"findings": s.js(findings), "authorisation_id": d.Authorisation,
	})
}

func (s *saver) disclosure(x *caldicott.Disclosure) {
	if x == nil {
		return
	}
	s.write(`
		INSERT INTO casework.disclosures (id, request_id, authorisation_id, recipient, records, method, disclosed_at,
			recorded_at, recorded_by, exception, note, entry_id)
		VALUES (:id, :request_id, :authorisation_id, :recipient, :records, :method, :disclosed_at,
			:recorded_at, :recorded_by, :exception, :note, :entry_id)`, row{
		"id": x.ID, "authorisation_id": x.Authorisation, "recipient": x.Recipient, "records": x.Records,
		"method": string(x.Method), "disclosed_at": x.DisclosedAt, "recorded_at": x.RecordedAt, "recorded_by": x.By,
		"exception": string(x.Exception), "note": x.Note,
	})
}

func (s *saver) authorisation(a *caldicott.Authorisation) {
	if a == nil {
		return
	}
	s.write(`
		INSERT INTO casework.authorisations (id, request_id, decision_id, version, review_date, expiry_date, ratifies, supersedes, at, entry_id)
		VALUES (:id, :request_id, :decision_id, :version, CAST(:review_date AS date), CAST(:expiry_date AS date), :ratifies, :supersedes, :at, :entry_id)`, row{
		"id": a.ID, "decision_id": a.Decision, "version": a.Version, "review_date": orNull(a.ReviewDate),
		"expiry_date": orNull(a.ExpiryDate), "ratifies": a.Ratifies, "supersedes": a.Supersedes, "at": a.At,
	})
}

func (s *saver) condition(x caldicott.Condition) {
	s.write(`
		INSERT INTO casework.conditions (id, request_id, decision_id, authorisation_id, label, type, text, owner, due,
			evidence_expected, resolves, at, grace_until, entry_id)
		VALUES (:id, :request_id, :decision_id, :authorisation_id, :label, :type, :text, :owner, CAST(:due AS date),
			:evidence_expected, :resolves, :at, CAST(:grace_until AS date), :entry_id)`, row{
		"id": x.ID, "decision_id": x.Decision, "authorisation_id": x.Authorisation, "label": x.Label, "type": string(x.Type),
		"text": x.Text, "owner": x.Owner, "due": orNull(x.Due), "evidence_expected": x.EvidenceExpected,
		"resolves": pq.Array(strs(x.Resolves)), "at": x.At, "grace_until": orNull(x.GraceUntil),
	})
}

// NextReference counts the year's references under a row lock; a deed that fails gives its number back.
func (t *tx) NextReference(ctx context.Context, organisationID, orgCode string, year int) (string, error) {
	const next = `
		INSERT INTO casework.serials AS s (organisation_id, year, last) VALUES ($1, $2, 1)
		ON CONFLICT (organisation_id, year) DO UPDATE SET last = s.last + 1
		RETURNING last`
	var last int
	if err := t.run.get(ctx, &last, next, organisationID, year); err != nil {
		return "", explain(err, "serial")
	}
	return fmt.Sprintf("CG-%s-%d-%04d", orgCode, year, last), nil
}

// Answer reads the answer under a key, holding the key until the transaction ends.
func (t *tx) Answer(ctx context.Context, personID, key string, since time.Time) (caldicott.GivenAnswer, bool, error) {
	var mine bool
	const lock = `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 20261121))`
	if err := t.run.get(ctx, &mine, lock, personID+"/"+key); err != nil {
		return caldicott.GivenAnswer{}, false, explain(err, "key")
	}
	if !mine {
		return caldicott.GivenAnswer{}, false, caldicott.Errorf(caldicott.Conflict, caldicott.CodeKeyBusy,
			"A request with this Idempotency-Key is still running; please try again.")
	}
	const query = `
		SELECT digest, status, etag, location, body, receipt, given_at, COALESCE(CAST(request_id AS text), '') AS request_id
		FROM casework.answers_given WHERE person_id = $1 AND key = $2 AND given_at > $3`
	var found []struct {
		Digest    []byte    `db:"digest"`
		Status    int       `db:"status"`
		ETag      string    `db:"etag"`
		Location  string    `db:"location"`
		Body      []byte    `db:"body"`
		Receipt   string    `db:"receipt"`
		At        time.Time `db:"given_at"`
		RequestID string    `db:"request_id"`
	}
	if err := t.run.all(ctx, &found, query, personID, key, since); err != nil || len(found) == 0 {
		return caldicott.GivenAnswer{}, false, explain(err, "key")
	}
	f := found[0]
	return caldicott.GivenAnswer{
		Digest: [32]byte(f.Digest), Status: f.Status, ETag: f.ETag, Location: f.Location, Body: f.Body, Receipt: f.Receipt,
		At: f.At.UTC(), RequestID: f.RequestID,
	}, true, nil
}

// KeepAnswer stores the answer in the deed's own transaction; one that has outlived its day gives way.
func (t *tx) KeepAnswer(ctx context.Context, personID, key string, a caldicott.GivenAnswer) error {
	// What has outlived its day goes, a little at a time and never twice at once: it holds what people asked.
	const outlived = `
		DELETE FROM casework.answers_given a USING (
			SELECT person_id, key FROM casework.answers_given WHERE given_at < $1 ORDER BY given_at LIMIT 20 FOR UPDATE SKIP LOCKED
		) old WHERE a.person_id = old.person_id AND a.key = old.key
		RETURNING 1`
	var gone []int
	if err := t.run.all(ctx, &gone, outlived, a.At.Add(-caldicott.AnswersKept)); err != nil {
		return explain(err, "key")
	}
	err := t.run.write(ctx, `
		INSERT INTO casework.answers_given (person_id, key, digest, status, etag, location, body, receipt, given_at, request_id)
		VALUES (:person_id, :key, :digest, :status, :etag, :location, :body, :receipt, :given_at, CAST(:request_id AS uuid))
		ON CONFLICT (person_id, key) DO UPDATE SET digest = excluded.digest, status = excluded.status, etag = excluded.etag,
			location = excluded.location, body = excluded.body, receipt = excluded.receipt, given_at = excluded.given_at, request_id = excluded.request_id`,
		map[string]any{
			"person_id": personID, "key": key, "digest": a.Digest[:], "status": a.Status, "etag": a.ETag, "location": a.Location,
			"body": a.Body, "receipt": a.Receipt, "given_at": a.At, "request_id": orNull(a.RequestID),
		})
	return explain(err, "key")
}
