-- 04 Authority of those who decided
-- Question: Did everybody who decided hold, at that second, the appointment and where needed the delegation that the decision names?
-- Counts: one row for each decision; why says what was missing.
-- Fails: no such appointment, another person's or role's, not confirmed by a second administrator, not yet or no longer in force; a deputy without a delegation that was accepted, in force and covered kind, urgency and outcome.
-- Rests on: decisions, appointments, delegations, versions
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, why.codes <> '{}' AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'acting_as', d.acting_as, 'appointment', d.appointment_id,
		'delegation', d.delegation_id, 'why', why.codes) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
LEFT JOIN controls.appointments a ON CAST(a.id AS text) = d.appointment_id
LEFT JOIN controls.delegations g ON CAST(g.id AS text) = d.delegation_id
CROSS JOIN LATERAL (SELECT controls.london(d.at) AS day) london
CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
	CASE WHEN a.id IS NULL THEN 'NO_APPOINTMENT' END,
	CASE WHEN a.person <> d.decided_by THEN 'OTHER_PERSON' END,
	CASE WHEN NOT (a.role = d.acting_as AND (a.organisation_id = q.organisation_id OR a.role = 'REVIEW_GUARDIAN')
		OR d.acting_as = 'REVIEW_GUARDIAN' AND a.role = 'CALDICOTT_GUARDIAN' AND a.organisation_id <> q.organisation_id) THEN 'OTHER_ROLE' END,
	CASE WHEN a.takes_two AND a.confirmed_by IS NULL THEN 'NOT_CONFIRMED' END,
	CASE WHEN london.day < a.valid_from OR d.at < a.since THEN 'NOT_YET_IN_FORCE' END,
	CASE WHEN london.day > a.valid_to OR d.at >= a.ended_at THEN 'NO_LONGER_IN_FORCE' END,
	CASE WHEN d.acting_as = 'DEPUTY_GUARDIAN' AND g.id IS NULL THEN 'NO_DELEGATION' END,
	CASE WHEN g.deputy <> d.decided_by OR g.organisation_id <> q.organisation_id THEN 'OTHER_DELEGATION' END,
	CASE WHEN g.id IS NOT NULL AND (g.accepted_at IS NULL OR d.at < g.accepted_at OR london.day NOT BETWEEN g.valid_from AND g.valid_to
		OR d.at >= g.revoked_at) THEN 'DELEGATION_NOT_IN_FORCE' END,
	CASE WHEN jsonb_array_length(g.scope -> 'kinds') > 0 AND NOT g.scope -> 'kinds' ? v.kind
		OR jsonb_array_length(g.scope -> 'urgencies') > 0 AND NOT g.scope -> 'urgencies' ? v.urgency
		OR jsonb_array_length(g.scope -> 'outcomes') > 0 AND NOT g.scope -> 'outcomes' ? d.outcome THEN 'OUTSIDE_DELEGATION' END], NULL) AS codes OFFSET 0) why
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
-- figures
SELECT 'decisions' AS item, facts ->> 'acting_as' AS part, count(*) AS value FROM shown GROUP BY part
UNION ALL SELECT 'without authority', code, count(*) FROM shown, jsonb_array_elements_text(facts -> 'why') code GROUP BY code
