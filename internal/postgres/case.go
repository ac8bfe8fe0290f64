package postgres

import (
	"context"
	"strings"

	"github.com/lib/pq"

	"github.com/caldicott/caldicott/internal/caldicott"
)

// casesQuery gathers whole cases; outlinesQuery leaves out what people wrote, which lists do not tell.
var (
	casesQuery    = gather("v.content", "d.details", "a.text", "d.rationale", "d.principles", "d.findings")
	outlinesQuery = gather(outlined,
		"d.details - CAST('{text,reason,recommendation,findings,questions,answers,not_identifiers,who}' AS text[]) #- '{report,lessons}'",
		"''", "''", "json_build_object()", "json_build_array()")
)

// outlined is a content as lists need it: the title and what goes with it, and of a version that was authorised what its
// trip-wires hang on.
const outlined = `CAST(CASE WHEN NOT EXISTS (SELECT FROM casework.authorisations a WHERE a.request_id = r.id AND a.version = v.n)
	THEN jsonb_build_object('title', r.title, 'kind', r.kind, 'urgency', r.urgency)
	ELSE jsonb_build_object('title', r.title, 'kind', r.kind, 'urgency', r.urgency,
		'identifiability', CAST(v.content AS jsonb) -> 'identifiability',
		'data_items', CASE WHEN jsonb_path_exists(CAST(v.content AS jsonb), '$.data_items[*] ? (@.direct_identifier == true)')
			THEN CAST('[{"direct_identifier": true}]' AS jsonb) ELSE CAST('[]' AS jsonb) END,
		'legal', jsonb_build_object('cldc_basis', CAST(v.content AS jsonb) #> '{legal,cldc_basis}', 's251', CAST(v.content AS jsonb) #> '{legal,s251}'),
		'recipients', (SELECT COALESCE(jsonb_agg(jsonb_build_object('org_code', x -> 'org_code', 'type', x -> 'type')), '[]')
			FROM jsonb_array_elements(CAST(v.content AS jsonb) -> 'recipients') x))
	END AS text)`

// gather is the query, with what it says of contents, deeds, advice and decisions.
//
// An authorisation is superseded by what varies or renews it; and by the renewal of one in whose line it stands, as whoever
// began the renewal could not foresee a variation.
func gather(content, details, advice, rationale, principles, findings string) string {
	return strings.NewReplacer("{content}", content, "{details}", details, "{advice}", advice, "{rationale}", rationale,
		"{principles}", principles, "{findings}", findings).Replace(gatherQuery)
}

const gatherQuery = `
	SELECT r.id, r.organisation_id, o.code AS org_code, r.reference, r.requester, r.emergency, r.renews, r.state, r.version,
		r.revision, r.created_at, COALESCE(k.seq, 0) AS chain_seq, k.head AS chain_head,
		(SELECT json_agg(x) FROM (
			SELECT v.n, {content} AS content, v.confirmed, v.made_by, v.at,
				CASE WHEN v.erased_entry IS NOT NULL THEN encode(v.digest, 'hex') END AS erased
			FROM casework.versions v
			WHERE v.request_id = r.id AND (v.n = r.version OR v.n IN (SELECT d.version FROM casework.decisions d WHERE d.request_id = r.id))
		) x) AS versions,
		(SELECT json_agg(x) FROM (
			SELECT d.id, d.deed, d.actor, d.acting_as, d.appointment_id, d.delegation_id, d.at, d.from_state, d.to_state,
				d.version, d.subject, d.target, {details} AS details
			FROM casework.deeds d WHERE d.request_id = r.id ORDER BY d.entry_id
		) x) AS done,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT c.id, c.role, c.mandatory, c.due, c.asked_by, c.at
			FROM casework.consultations c WHERE c.request_id = r.id ORDER BY c.id
		) x), '[]') AS consultations,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT a.id, a.role, a.view, {advice} AS text, a.version, a.given_by, a.at
			FROM casework.advice a WHERE a.request_id = r.id ORDER BY a.entry_id
		) x), '[]') AS advice,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT w.id, w.role, w.reason, w.waived_by, w.at
			FROM casework.waivers w WHERE w.request_id = r.id ORDER BY w.entry_id
		) x), '[]') AS waivers,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT d.id, d.declared_by, d.type, d.note, d.version, d.at
			FROM casework.declarations d WHERE d.request_id = r.id ORDER BY d.entry_id
		) x), '[]') AS declarations,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT d.id, d.n, d.version, d.outcome, {rationale} AS rationale, d.decided_by, d.acting_as, d.appointment_id, d.delegation_id,
				d.at, d.entered_at, {principles} AS principles, d.law, d.review_date, d.expiry_date, d.refer_to, d.harm_statement,
				d.alternative_offered, d.standing_rule, {findings} AS findings, d.authorisation_id
			FROM casework.decisions d WHERE d.request_id = r.id ORDER BY d.n
		) x), '[]') AS decisions,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT c.id, c.decision_id, c.authorisation_id, c.label, c.type, c.text, c.owner, c.due, c.evidence_expected,
				c.resolves, c.at, c.grace_until
			FROM casework.conditions c WHERE c.request_id = r.id ORDER BY c.id
		) x), '[]') AS conditions,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT a.id, a.decision_id, a.version, a.review_date, a.expiry_date, a.ratifies, a.at, a.supersedes,
				(WITH RECURSIVE line AS (
					SELECT CAST(a.id AS text) AS id, a.supersedes
					UNION ALL
					SELECT CAST(b.id AS text), b.supersedes FROM casework.authorisations b
					JOIN line l ON CAST(b.id AS text) = l.supersedes WHERE b.request_id = a.request_id)
				SELECT min(n.at) FROM line l JOIN casework.authorisations n
					ON n.supersedes = l.id AND (l.id = CAST(a.id AS text) OR n.request_id <> a.request_id)) AS superseded_at
			FROM casework.authorisations a WHERE a.request_id = r.id ORDER BY a.entry_id
		) x), '[]') AS authorisations,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT d.id, d.authorisation_id, d.recipient, d.records, d.method, d.disclosed_at, d.recorded_at, d.recorded_by,
				d.exception, d.note
			FROM casework.disclosures d WHERE d.request_id = r.id ORDER BY d.entry_id
		) x), '[]') AS disclosures,
		COALESCE((SELECT json_agg(x) FROM (
			SELECT l.id, l.subject, l.person, l.body, l.at FROM casework.ledger l
			WHERE l.organisation_id = r.organisation_id AND l.kind = 'assurance' AND l.subject IN (
				SELECT x ->> 'org_code' FROM casework.versions v
				CROSS JOIN LATERAL jsonb_array_elements(CAST(v.content AS jsonb) -> 'recipients') x
				WHERE v.request_id = r.id AND (v.n = r.version OR v.n IN (SELECT a.version FROM casework.authorisations a WHERE a.request_id = r.id)))
			ORDER BY l.entry_id
		) x), '[]') AS assurances
	FROM casework.requests r
	JOIN casework.organisations o ON o.id = r.organisation_id
	LEFT JOIN audit.chains k ON k.stream = 'request:' || r.id
	WHERE r.id = ANY(CAST($1 AS uuid[]))`

// LockCase waits for its turn, then reads the case with the end of its chain in a statement of its own: one that waited
// for the lock would still see the others' rows as they were before.
func (t *tx) LockCase(ctx context.Context, id string) (caldicott.Case, error) {
	const lock = `SELECT id FROM casework.requests WHERE id = $1 FOR UPDATE`
	var found string
	if !t.alone {
		if err := t.run.get(ctx, &found, lock, id); err != nil {
			return caldicott.Case{}, explain(err, "request")
		}
	}
	rows, err := t.cases(ctx, casesQuery, []string{id})
	if err != nil {
		return caldicott.Case{}, err
	}
	t.heads[caldicott.RequestStream(id)] = rows[0].head()
	return rows[0].caseOf()
}

func (r caseRow) head() head {
	h := head{seq: r.ChainSeq}
	copy(h.leaf[:], r.ChainHead)
	return h
}

func (q reads) cases(ctx context.Context, query string, ids []string) ([]caseRow, error) {
	var rows []caseRow
	if err := q.run.all(ctx, &rows, query, pq.Array(ids)); err != nil {
		return nil, explain(err, "request")
	}
	if len(rows) != len(ids) {
		return nil, caldicott.Errorf(caldicott.NotFound, caldicott.CodeNotFound, "There is no such request.")
	}
	return rows, nil
}

// ReadCase reads one case as it stands.
func (q reads) ReadCase(ctx context.Context, id string) (caldicott.Case, error) {
	rows, err := q.cases(ctx, casesQuery, []string{id})
	if err != nil {
		return caldicott.Case{}, err
	}
	return rows[0].caseOf()
}

// Outlines reads several without what people wrote, in any order.
func (q reads) Outlines(ctx context.Context, ids []string) ([]caldicott.Case, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := q.cases(ctx, outlinesQuery, ids)
	if err != nil {
		return nil, err
	}
	cases := make([]caldicott.Case, len(rows))
	for i, r := range rows {
		if cases[i], err = r.caseOf(); err != nil {
			return nil, err
		}
	}
	return cases, nil
}
