-- 28 The identifier guard
-- Question: Where did somebody write what looked like an NHS number, and was it kept out?
-- Counts: one row for each firing of the guard; marked where the words were kept out. What was written is nowhere recorded.
-- Figures: by field and by person, kept out or only warned of.
-- Rests on: entries of the trail, people
-- Rows: of the period
SELECT e.id AS entry_id, e.request_id, CAST(NULL AS integer) AS version, CAST(NULL AS uuid) AS decision_id, '' AS subject, e.occurred_at AS at, e.outcome = 'refused' AS marked,
	jsonb_build_object('rule', e.rule, 'person', COALESCE(p.user_id, ''), 'field', e.said #>> '{facts,field}', 'severity', e.said #>> '{facts,severity}', 'outcome', e.outcome, 'disposed', e.disposed) AS facts
FROM controls.entries e LEFT JOIN controls.people p ON p.id = e.actor_id
WHERE e.organisation_id = :organisation AND e.action = 'guard_fired' AND e.occurred_at >= :since AND e.occurred_at < :to AND e.id <= :last
-- figures
SELECT CASE WHEN marked THEN 'kept out, by field' ELSE 'warned of, by field' END AS item, COALESCE(facts ->> 'field', '') AS part, count(*) AS value FROM shown GROUP BY item, part
UNION ALL SELECT 'by person', facts ->> 'person', count(*) FROM shown GROUP BY facts ->> 'person'
