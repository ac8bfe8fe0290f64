-- 07 Overrides, waivers and late entries
-- Question: Where was a rule overridden, a view or a condition waived, or something recorded long after it happened?
-- Counts: one row for each. A disclosure is late after 24 hours, a decision after one hour between the service's clock and the database's.
-- Figures: by kind of override. Each row deserves a look.
-- Rests on: waivers, deeds, conditions, decisions, disclosures, appointments
-- Rows: of the period
SELECT w.entry_id, w.request_id, (SELECT max(d.version) FROM controls.deeds d WHERE d.request_id = w.request_id AND d.entry_id <= w.entry_id) AS version,
	CAST(NULL AS uuid) AS decision_id, CAST(w.id AS text) AS subject, w.at, true AS marked,
	jsonb_build_object('what', 'CONSULTEE_WAIVED', 'by', w.waived_by, 'role', w.role,
		'mandatory', EXISTS (SELECT FROM controls.consultations c WHERE c.request_id = w.request_id AND c.role = w.role AND c.mandatory)) AS facts
FROM controls.waivers w JOIN controls.requests q ON q.id = w.request_id
WHERE q.organisation_id = :organisation AND w.at >= :since AND w.at < :to AND w.entry_id <= :last
UNION ALL
SELECT d.entry_id, d.request_id, d.version, NULL, CAST(d.id AS text), d.at, true,
	jsonb_build_object('what', CASE d.deed WHEN 'waive_condition' THEN 'CONDITION_WAIVED' ELSE 'FLAGGED' END, 'by', d.actor, 'deed', d.deed,
		'concerns', d.subject, 'flags', d.flags)
FROM controls.deeds d JOIN controls.requests q ON q.id = d.request_id
WHERE q.organisation_id = :organisation AND (d.deed = 'waive_condition' OR d.flags <> '[]') AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
UNION ALL
SELECT c.entry_id, c.request_id, a.version, c.decision_id, CAST(c.id AS text), c.at, true,
	jsonb_build_object('what', 'FINDING_TURNED_INTO_CONDITION', 'by', a.decided_by, 'rules', c.resolves, 'condition', c.label)
FROM controls.conditions c
JOIN controls.requests q ON q.id = c.request_id
JOIN controls.decisions a ON a.id = c.decision_id
WHERE q.organisation_id = :organisation AND c.resolves <> '{}' AND c.at >= :since AND c.at < :to AND c.entry_id <= :last
UNION ALL
SELECT d.entry_id, d.request_id, d.version, d.id, what.code, d.at, true,
	jsonb_build_object('what', what.code, 'by', d.decided_by, 'outcome', d.outcome, 'entered_at', d.entered_at)
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
CROSS JOIN LATERAL (VALUES
	(CASE WHEN 'V021' = ANY (d.findings) AND d.approving THEN 'DECIDED_BEFORE_ANSWERED' END),
	(CASE WHEN d.entered_at > d.at + interval '1 hour' THEN 'DECISION_ENTERED_LATE' END)) what (code)
WHERE q.organisation_id = :organisation AND what.code IS NOT NULL AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
UNION ALL
SELECT x.entry_id, x.request_id, (SELECT max(d.version) FROM controls.deeds d WHERE d.request_id = x.request_id AND d.entry_id <= x.entry_id), NULL,
	CAST(x.id AS text), x.recorded_at, true,
	jsonb_build_object('what', 'DISCLOSURE_ENTERED_LATE', 'by', x.recorded_by, 'disclosed_at', x.disclosed_at,
		'hours', round(EXTRACT(epoch FROM x.recorded_at - x.disclosed_at) / 3600, 1))
FROM controls.disclosures x JOIN controls.requests q ON q.id = x.request_id
WHERE q.organisation_id = :organisation AND x.recorded_at > x.disclosed_at + interval '24 hours'
	AND x.recorded_at >= :since AND x.recorded_at < :to AND x.entry_id <= :last
UNION ALL
SELECT a.entry_id, NULL, NULL, NULL, CAST(a.id AS text), a.since, true,
	jsonb_build_object('what', 'GUARDIAN_IS_SIRO', 'person', a.person, 'role', a.role, 'board_minuted', a.board_minuted)
FROM controls.appointments a
WHERE a.organisation_id = :organisation AND a.role IN ('CALDICOTT_GUARDIAN', 'SIRO') AND a.since >= :since AND a.since < :to AND a.entry_id <= :last
	AND EXISTS (SELECT FROM controls.appointments o WHERE o.organisation_id = a.organisation_id AND o.person = a.person
		AND o.role IN ('CALDICOTT_GUARDIAN', 'SIRO') AND o.role <> a.role AND COALESCE(o.ended_at, 'infinity') > a.since
		AND COALESCE(o.valid_to, 'infinity') >= controls.london(a.since))
-- figures
SELECT lower(replace(facts ->> 'what', '_', ' ')) AS item, '' AS part, count(*) AS value FROM shown GROUP BY item
