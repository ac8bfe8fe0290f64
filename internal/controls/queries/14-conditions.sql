-- 14 Conditions
-- Question: Which conditions are open, overdue or breached, whose are they, and how old?
-- Counts: one row for each condition neither satisfied nor waived at the end of the period.
-- Fails: a deadline has passed, or the condition was breached.
-- Rests on: conditions, deeds
-- Rows: standing
SELECT c.entry_id, c.request_id, d.version, c.decision_id, CAST(c.id AS text) AS subject, c.at, now.state IN ('OVERDUE', 'BREACHED') AS marked,
	jsonb_build_object('state', now.state, 'label', c.label, 'type', c.type, 'owner', c.owner, 'due', c.due,
		'age_days', controls.london(:end) - controls.london(c.at), 'overdue_days', GREATEST(controls.london(:end) - c.due, 0)) AS facts
FROM controls.conditions c
JOIN controls.requests q ON q.id = c.request_id
JOIN controls.decisions d ON d.id = c.decision_id
LEFT JOIN LATERAL (SELECT s.deed FROM controls.deeds s
	WHERE s.request_id = c.request_id AND s.subject = CAST(c.id AS text) AND s.at < :end AND s.entry_id <= :last
		AND s.deed IN ('submit_evidence', 'accept_evidence', 'reject_evidence', 'waive_condition', 'breach_condition')
	ORDER BY s.entry_id DESC LIMIT 1) newest ON true
CROSS JOIN LATERAL (SELECT CASE
	WHEN newest.deed = 'submit_evidence' THEN 'EVIDENCE_SUBMITTED'
	WHEN newest.deed = 'accept_evidence' THEN 'SATISFIED'
	WHEN newest.deed = 'waive_condition' THEN 'WAIVED'
	WHEN newest.deed = 'breach_condition' THEN 'BREACHED'
	WHEN c.type = 'DEADLINE' AND c.due < controls.london(:end) THEN 'OVERDUE'
	ELSE 'OPEN' END AS state) now
WHERE q.organisation_id = :organisation AND c.at < :end AND c.entry_id <= :last AND now.state NOT IN ('SATISFIED', 'WAIVED')
-- figures
SELECT 'conditions' AS item, facts ->> 'state' AS part, count(*) AS value FROM shown GROUP BY part
UNION ALL SELECT 'oldest in days', '', max(CAST(facts ->> 'age_days' AS integer)) FROM shown
