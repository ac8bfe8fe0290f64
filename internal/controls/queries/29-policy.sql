-- 29 The policy in force
-- Question: Which policy was in force when, and was every decision taken under a policy that was on record before?
-- Counts: one row for each loading of a policy (the service is one for all organisations), and one for each decision under a policy that no loading before it names.
-- Fails: a decision under a policy that was not on record.
-- Rests on: entries of the trail, decisions
-- Rows: of the period
SELECT e.id AS entry_id, CAST(NULL AS uuid) AS request_id, CAST(NULL AS integer) AS version, CAST(NULL AS uuid) AS decision_id, '' AS subject, e.occurred_at AS at, false AS marked,
	jsonb_build_object('what', 'LOADED', 'policy', e.said ->> 'policy') AS facts
FROM controls.entries e
WHERE e.action = 'policy_loaded' AND e.occurred_at >= :since AND e.occurred_at < :to AND e.id <= :last
UNION ALL
SELECT d.entry_id, d.request_id, d.version, d.id, '', d.at, true,
	jsonb_build_object('what', 'NOT_ON_RECORD', 'policy', e.said ->> 'policy', 'outcome', d.outcome, 'decided_by', d.decided_by)
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.entries e ON e.id = d.entry_id
LEFT JOIN (SELECT l.said ->> 'policy' AS policy, min(l.id) AS id FROM controls.entries l WHERE l.action = 'policy_loaded' GROUP BY 1) loaded
	ON loaded.policy = e.said ->> 'policy'
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last AND e.disposed IS NULL AND (loaded.id IS NULL OR loaded.id > d.entry_id)
-- figures
SELECT lower(replace(facts ->> 'what', '_', ' ')) AS item, facts ->> 'policy' AS part, count(*) AS value FROM shown GROUP BY item, part
UNION ALL (SELECT 'in force at the start', e.said ->> 'policy', 1 FROM controls.entries e WHERE e.action = 'policy_loaded' AND e.occurred_at < :from AND e.id <= :last ORDER BY e.id DESC LIMIT 1)
