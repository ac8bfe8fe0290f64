-- What the auditors' questions are answered from (docs/controls.md): the case tables in codes, numbers, days and user ids,
-- without a word that anybody wrote. The reader's login sees these views, not the tables behind them.
-- docs/decisions/0022-controls.md says why.

-- +goose Up

CREATE SCHEMA controls;
COMMENT ON SCHEMA controls IS 'The case tables as auditors'' questions read them: codes, numbers, days and user ids, no free text.';

-- A reference of the Confidentiality Advisory Group is a code; whatever else somebody wrote there is not shown.
-- +goose StatementBegin
CREATE FUNCTION controls.cag(reference text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(reference FROM '^\s*([0-9]{2}/[A-Z]{2,5}/[0-9]{3,5})\s*$');
-- +goose StatementEnd
COMMENT ON FUNCTION controls.cag(text) IS 'The reference where it has the form of one (26/CAG/0001), else null.';

-- Names are compared by their digest: lower case, letters and digits only.
-- +goose StatementBegin
CREATE FUNCTION controls.likeness(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(encode(sha256(convert_to(regexp_replace(lower(words), '[^[:alnum:]]+', '', 'g'), 'UTF8')), 'hex'), 16);
-- +goose StatementEnd
COMMENT ON FUNCTION controls.likeness(text) IS 'The first 16 hex digits of SHA-256 over the letters and digits of the words in lower case: tells whether two names are alike without saying them.';

-- +goose StatementBegin
CREATE FUNCTION controls.london(at timestamptz) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CAST(at AT TIME ZONE 'Europe/London' AS date);
-- +goose StatementEnd
COMMENT ON FUNCTION controls.london(timestamptz) IS 'The day in London.';

CREATE VIEW controls.requests WITH (security_barrier) AS
	SELECT id, organisation_id, reference, requester, emergency, renews, created_at FROM casework.requests;
COMMENT ON VIEW controls.requests IS 'Requests: who asked, and when.';

CREATE VIEW controls.versions WITH (security_barrier) AS
	SELECT v.request_id, v.n, v.made_by, v.at, v.entry_id, encode(v.digest, 'hex') AS digest,
		gone.words AS erased, gone.words OR v.digest = sha256(convert_to(v.content, 'UTF8')) AS intact,
		x.c ->> 'kind' AS kind, x.c ->> 'purpose_category' AS purpose, x.c ->> 'urgency' AS urgency,
		COALESCE(x.c ->> 'sponsor_user_id', '') AS sponsor, COALESCE(x.c ->> 'iao_user_id', '') AS asset_owner,
		COALESCE(x.c ->> 'approved_by', '') AS approved_by,
		COALESCE(x.c -> 'investigator_user_ids', '[]') AS investigators,
		CAST(x.c ->> 'is_individual_care' AS boolean) AS individual_care, x.c ->> 'identifiability' AS identifiability,
		x.c ->> 'identifiability' IN ('IDENTIFIABLE', 'IDENTIFIABLE_INDIRECT', 'PSEUDONYMISED_KEY_HELD')
			OR x.c @> '{"data_items": [{"direct_identifier": true}]}' AS confidential,
		x.c #>> '{legal,cldc_basis}' AS basis, COALESCE(x.c #> '{legal,statutory_power}', '[]') AS powers,
		COALESCE(x.c #> '{legal,dpa_exemption}', '[]') AS exemptions,
		CAST(x.c #>> '{legal,criminal_offence_data}' AS boolean) AS offence_data,
		x.c #>> '{legal,s251,regulation}' AS s251_regulation, x.c #>> '{legal,s251,status}' AS s251_status,
		controls.cag(x.c #>> '{legal,s251,reference}') AS s251_reference,
		COALESCE(x.c #>> '{legal,s251,reference}', '') <> '' AS s251_referenced,
		CAST(NULLIF(x.c #>> '{legal,s251,annual_review_due}', '') AS date) AS s251_review_due,
		CAST(x.c #>> '{legal,s251,opt_out_disapplied}' AS boolean) AS opt_out_disapplied,
		x.c #>> '{national_data_opt_out,status}' AS opt_out,
		COALESCE(x.c #>> '{national_data_opt_out,evidence}', '') <> '' AS opt_out_evidence,
		CAST(x.c #>> '{data_subjects,estimated_count}' AS integer) AS estimated_count,
		ARRAY(SELECT DISTINCT i ->> 'category' FROM jsonb_array_elements(x.c -> 'data_items') i WHERE i ? 'category' ORDER BY 1) AS categories,
		ARRAY(SELECT DISTINCT controls.likeness(s) FROM jsonb_array_elements_text(x.c -> 'source_systems') s
			WHERE v.erased_entry IS NULL ORDER BY 1) AS systems,
		CASE WHEN v.erased_entry IS NULL THEN controls.likeness(x.c ->> 'title') END AS title,
		x.c #>> '{transfer,frequency}' AS frequency, x.c #>> '{transfer,method}' AS method,
		x.c #>> '{transfer,international_mechanism}' AS mechanism,
		x.c @> '{"linked_documents": [{"type": "TRA", "status": "ATTACHED"}]}' OR x.c @> '{"linked_documents": [{"type": "TRA", "status": "APPROVED"}]}'
			OR x.c @> '{"linked_documents": [{"type": "TRA", "status": "SIGNED"}]}' AS transfer_assessed,
		x.c @> '{"linked_documents": [{"type": "DSA", "status": "SIGNED"}]}' AS sharing_agreement,
		x.c @> '{"linked_documents": [{"type": "DPA_CONTRACT", "status": "SIGNED"}]}' AS processing_contract,
		x.c #>> '{external_requester,org_code}' AS asking_organisation,
		x.c ? 'external_requester' AS asked_from_outside,
		CAST(x.c #>> '{external_requester,verified}' AS boolean) AS verified,
		ARRAY(SELECT r ->> 'org_code' FROM jsonb_array_elements(x.c -> 'recipients') r WHERE COALESCE(r ->> 'org_code', '') <> '') AS recipient_codes,
		(SELECT COALESCE(jsonb_agg(jsonb_build_object('n', n - 1, 'org_code', r -> 'org_code', 'type', r -> 'type', 'dspt', r -> 'dspt_status',
			'country', r -> 'country', 'user_ids', COALESCE(r -> 'user_ids', '[]')) ORDER BY n), '[]')
			FROM jsonb_array_elements(x.c -> 'recipients') WITH ORDINALITY l (r, n)) AS recipients,
		(SELECT COALESCE(jsonb_agg(jsonb_build_object('person', s -> 'person', 'type', s -> 'type', 'action', s -> 'action')), '[]')
			FROM jsonb_array_elements(x.c -> 'conflicts') s) AS conflicts
	FROM casework.versions v CROSS JOIN LATERAL (SELECT CAST(v.content AS jsonb) AS c OFFSET 0) x
	CROSS JOIN LATERAL (SELECT v.erased_entry IS NOT NULL AND EXISTS (SELECT FROM audit.entries e
		WHERE e.id = v.erased_entry AND e.action IN ('erased', 'disposed') AND e.outcome = 'done') AS words) gone;
COMMENT ON VIEW controls.versions IS 'The codes of every version of every request. Titles and systems are there as likenesses only, and not once they were erased: what was erased is alike to nothing. Such a version is intact where an entry records the erasure.';

CREATE VIEW controls.decisions WITH (security_barrier) AS
	SELECT id, request_id, n, version, outcome, btrim(rationale) <> '' AS reasoned, decided_by, acting_as, appointment_id, delegation_id, at,
		entered_at, law ->> 'cldc_basis' AS basis, review_date, expiry_date, refer_to, btrim(harm_statement) <> '' AS harm_stated,
		btrim(alternative_offered) <> '' AS alternative_offered, btrim(standing_rule) <> '' AS by_standing_rule,
		ARRAY(SELECT DISTINCT COALESCE(f ->> 'Rule', f ->> 'rule') FROM jsonb_array_elements(
			CASE jsonb_typeof(findings) WHEN 'array' THEN findings ELSE '[]' END) f ORDER BY 1) AS findings,
		ARRAY(SELECT key FROM jsonb_each(principles) p WHERE p.value ->> 'assessment' IN ('NOT_MET', 'PARTLY_MET') ORDER BY 1) AS principles_not_met,
		outcome IN ('APPROVE', 'APPROVE_WITH_CONDITIONS', 'RATIFY', 'RENEW', 'VARY') AS approving, authorisation_id, entry_id
	FROM casework.decisions;
COMMENT ON VIEW controls.decisions IS 'Decisions: by whom, in which capacity, on which version, and whether reasons stand with them.';

CREATE VIEW controls.deeds WITH (security_barrier) AS
	SELECT id, request_id, deed, actor, acting_as, at, from_state, to_state, version, subject, target, entry_id,
		details ->> 'wire' AS wire, details ->> 'limit' AS limited_by, details ->> 'moment' AS moment, details ->> 'ground' AS ground,
		COALESCE(details -> 'flags', '[]') AS flags, CAST(details ->> 'dated' AS timestamptz) AS dated,
		details #>> '{support,status}' AS support_status,
		CAST(NULLIF(details #>> '{support,annual_review_due}', '') AS date) AS support_review_due,
		COALESCE(details #>> '{report,number}', '') <> '' AS incident,
		CAST(details #>> '{report,aware_at}' AS timestamptz) AS aware_at, CAST(details #>> '{report,reported_at}' AS timestamptz) AS reported_at,
		COALESCE(details #>> '{report,not_reportable}', '') <> '' AS not_reportable,
		COALESCE(CAST(details #>> '{report,suspends}' AS boolean), false) AS suspends,
		NULLIF(details #>> '{report,authorisation}', '') AS incident_authorisation,
		COALESCE(details ->> 'reason', '') <> '' AS reasoned
	FROM casework.deeds;
COMMENT ON VIEW controls.deeds IS 'What was done to requests, with the codes of the deeds'' details.';

CREATE VIEW controls.authorisations WITH (security_barrier) AS
	SELECT id, request_id, decision_id, version, review_date, expiry_date, ratifies, supersedes, at, entry_id FROM casework.authorisations;
COMMENT ON VIEW controls.authorisations IS 'Authorisations.';

CREATE VIEW controls.conditions WITH (security_barrier) AS
	SELECT id, request_id, decision_id, authorisation_id, label, type, owner, due, grace_until, resolves, at, entry_id FROM casework.conditions;
COMMENT ON VIEW controls.conditions IS 'Conditions, without their wording.';

CREATE VIEW controls.disclosures WITH (security_barrier) AS
	SELECT id, request_id, authorisation_id, recipient, records, method, disclosed_at, recorded_at, recorded_by, exception, entry_id FROM casework.disclosures;
COMMENT ON VIEW controls.disclosures IS 'Disclosures.';

CREATE VIEW controls.declarations WITH (security_barrier) AS
	SELECT id, request_id, declared_by, type, version, at, entry_id FROM casework.declarations;
COMMENT ON VIEW controls.declarations IS 'Declarations of interest.';

CREATE VIEW controls.consultations WITH (security_barrier) AS
	SELECT id, request_id, role, mandatory, due, asked_by, at, entry_id FROM casework.consultations;
COMMENT ON VIEW controls.consultations IS 'Roles asked for their view.';

CREATE VIEW controls.advice WITH (security_barrier) AS
	SELECT id, request_id, role, view, version, given_by, at, entry_id FROM casework.advice;
COMMENT ON VIEW controls.advice IS 'Views given.';

CREATE VIEW controls.waivers WITH (security_barrier) AS
	SELECT id, request_id, role, waived_by, at, entry_id FROM casework.waivers;
COMMENT ON VIEW controls.waivers IS 'Consultations let go.';

CREATE VIEW controls.people WITH (security_barrier) AS
	SELECT id, organisation_id, user_id, active, manager, entry_id FROM casework.people;
COMMENT ON VIEW controls.people IS 'People by id and user id, without their names.';

CREATE VIEW controls.appointments WITH (security_barrier) AS
	SELECT id, organisation_id, person, role, valid_from, valid_to, posts, btrim(board_reference) <> '' AS board_minuted, appointed_by, confirmed_by, since,
		ended_at, role IN ('CALDICOTT_GUARDIAN', 'DEPUTY_GUARDIAN', 'REVIEW_GUARDIAN', 'SYSTEM_ADMIN') AS takes_two, entry_id
	FROM casework.appointments;
COMMENT ON VIEW controls.appointments IS 'Appointments.';

CREATE VIEW controls.delegations WITH (security_barrier) AS
	SELECT id, organisation_id, guardian, deputy, reason, valid_from, valid_to, scope, given_at, accepted_at, revoked_at, entry_id FROM casework.delegations;
COMMENT ON VIEW controls.delegations IS 'Delegations.';

CREATE VIEW controls.ledger WITH (security_barrier) AS
	SELECT id, organisation_id, kind, subject, person, at, entry_id, body ->> 'status' AS status,
		CAST(NULLIF(body ->> 'valid_to', '') AS date) AS valid_to, CAST(body ->> 'agrees' AS boolean) AS agrees,
		ARRAY(SELECT x ->> 'decision' FROM jsonb_array_elements(CASE jsonb_typeof(body -> 'drawn') WHEN 'array' THEN body -> 'drawn' ELSE '[]' END) x) AS drawn
	FROM casework.ledger;
COMMENT ON VIEW controls.ledger IS 'Standing of others under the Toolkit, samples and what was said of them, in codes.';

CREATE VIEW controls.endings WITH (security_barrier) AS
	SELECT request_id, subject AS authorisation_id, CASE deed WHEN 'revoke' THEN 'REVOKED' ELSE 'COMPLETED' END AS how, at, entry_id
	FROM casework.deeds WHERE deed IN ('revoke', 'complete')
	-- Superseded by what varies or renews it, or by the renewal of one in whose line it stands: as when a case is read.
	UNION ALL SELECT old.request_id, CAST(old.id AS text), 'SUPERSEDED', new.at, new.entry_id
	FROM casework.authorisations old
	CROSS JOIN LATERAL (
		WITH RECURSIVE line AS (
			SELECT CAST(old.id AS text) AS id, old.supersedes
			UNION ALL
			SELECT CAST(b.id AS text), b.supersedes FROM casework.authorisations b
			JOIN line l ON l.supersedes <> '' AND CAST(b.id AS text) = l.supersedes WHERE b.request_id = old.request_id)
		SELECT id FROM line) l
	JOIN casework.authorisations new ON new.supersedes <> '' AND new.supersedes = l.id
		AND (l.id = CAST(old.id AS text) OR new.request_id <> old.request_id)
	UNION ALL SELECT request_id, CAST(id AS text), 'COMPLETED', at, entry_id FROM casework.authorisations WHERE ratifies <> ''
	UNION ALL SELECT a.request_id, CAST(a.id AS text), 'REVOKED', heard.at, heard.entry_id
	FROM casework.deeds heard
	JOIN casework.decisions made ON made.request_id = heard.request_id AND CAST(made.id AS text) = heard.target AND made.outcome = 'REVIEW_OVERTURNED'
	JOIN casework.deeds asked ON asked.request_id = heard.request_id AND CAST(asked.id AS text) = heard.subject
	JOIN casework.authorisations a ON a.request_id = heard.request_id AND CAST(a.decision_id AS text) = asked.subject
	WHERE heard.deed = 'decide_review';
COMMENT ON VIEW controls.endings IS 'What ended an authorisation besides its last day: revoked, superseded, completed, or its decision overturned by a review.';

CREATE VIEW controls.holds WITH (security_barrier) AS
	SELECT request_id, subject AS authorisation_id, deed <> 'reinstate' AS held, COALESCE(CAST(details ->> 'dated' AS timestamptz), at) AS at, entry_id
	FROM casework.deeds WHERE deed IN ('suspend', 'trip', 'reinstate');
COMMENT ON VIEW controls.holds IS 'What suspended an authorisation, and what lifted that.';

-- The trail's own words are read where a question is about them. The view is no barrier, for the reader reads the trail
-- anyhow; so the JSON of an entry is only read where a query looks into it.
CREATE VIEW controls.entries AS
	SELECT e.id, e.stream, e.seq, e.recorded_at, e.request_id, e.organisation_id, e.actor_id, e.action, e.outcome, e.rule, e.occurred_at,
		CAST(convert_from(e.canon, 'UTF8') AS jsonb) AS said, x.certificate_entry AS disposed
	FROM audit.entries e LEFT JOIN audit.disposals x ON x.entry_id = e.id;
COMMENT ON VIEW controls.entries IS 'Entries of the trail with what they say, as JSON: codes and identifiers. What was disposed of says nothing any more, and disposed is the certificate.';

GRANT USAGE ON SCHEMA controls TO caldicott_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA controls TO caldicott_reader;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA controls FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA controls TO caldicott_reader;
