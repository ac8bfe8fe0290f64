-- 26 Roles granted, and leavers
-- Question: Who was enrolled, appointed, lent authority or let go; does anybody who has left still hold a role; and did two administrators stand behind each role that takes two?
-- Counts: one row for each entry of the organisation's chain about people and their authority, and one for each fault as it stands at the end of the period.
-- Fails: a person who is no longer active holds an appointment in force (LEAVER_HOLDS_ROLE); a guardian's or administrator's appointment was confirmed by who proposed it or by the person appointed (ONE_ADMINISTRATOR).
-- Rests on: entries of the trail, people, appointments
-- Rows: of the period
SELECT e.id AS entry_id, CAST(NULL AS uuid) AS request_id, CAST(NULL AS integer) AS version, CAST(NULL AS uuid) AS decision_id, '' AS subject, e.occurred_at AS at, false AS marked,
	jsonb_build_object('what', upper(e.action), 'by', COALESCE(p.user_id, ''), 'role', e.said #>> '{facts,role}', 'concerns', e.said ->> 'subject') AS facts
FROM controls.entries e LEFT JOIN controls.people p ON p.id = e.actor_id
WHERE e.organisation_id = :organisation AND e.outcome = 'done' AND e.action IN ('bootstrapped', 'enrol', 'amend_person', 'appoint', 'confirm_appointment', 'end_appointment',
	'delegate', 'accept_delegation', 'revoke_delegation') AND e.occurred_at >= :since AND e.occurred_at < :to AND e.id <= :last
UNION ALL
SELECT a.entry_id, NULL, NULL, NULL, concat(why.code, ' ', a.id), CAST(:end AS timestamptz) - interval '1 microsecond', true,
	jsonb_build_object('what', why.code, 'person', a.person, 'role', a.role, 'concerns', a.id, 'by', a.appointed_by)
FROM controls.appointments a
JOIN controls.people p ON p.user_id = a.person
CROSS JOIN LATERAL (VALUES
	(CASE WHEN NOT p.active AND p.entry_id <= :last AND COALESCE(a.ended_at, 'infinity') > :end AND COALESCE(a.valid_to, 'infinity') >= controls.london(:end)
		AND NOT (a.takes_two AND a.confirmed_by IS NULL) THEN 'LEAVER_HOLDS_ROLE' END),
	(CASE WHEN a.takes_two AND a.appointed_by IS NOT NULL AND a.confirmed_by IN (a.appointed_by, a.person) THEN 'ONE_ADMINISTRATOR' END)) why (code)
WHERE a.organisation_id = :organisation AND why.code IS NOT NULL AND a.entry_id <= :last AND a.valid_from <= controls.london(:end) AND COALESCE(a.since, :end) <= :end
-- figures
SELECT lower(replace(facts ->> 'what', '_', ' ')) AS item, COALESCE(facts ->> 'role', '') AS part, count(*) AS value FROM shown GROUP BY item, part
