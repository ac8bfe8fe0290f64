-- 06 Conflicts of interest
-- Question: Which conflicts were declared or detected, how were they handled, and which decisions have no declaration behind them?
-- Counts: one row for each declaration of a conflict, each conflict that the service detected in a decided version, and each decision of `decide` without a declaration.
-- Fails: a decision whose decider declared nothing before it, or who declared or was seen to have a conflict that forbids deciding and decided all the same.
-- Rests on: declarations, versions, decisions, deeds
-- Rows: of the period
SELECT c.entry_id, c.request_id, c.version, CAST(NULL AS uuid) AS decision_id, CAST(c.id AS text) AS subject, c.at,
	handled.how = 'WENT_ON' AND c.type NOT IN ('LINE_MANAGEMENT', 'CLINICAL_INVOLVEMENT') AS marked,
	jsonb_build_object('what', 'DECLARED', 'person', c.declared_by, 'type', c.type, 'handled', handled.how) AS facts
FROM controls.declarations c
JOIN controls.requests q ON q.id = c.request_id
CROSS JOIN LATERAL (SELECT CASE
	WHEN EXISTS (SELECT FROM controls.decisions d JOIN controls.deeds done ON done.request_id = d.request_id AND done.entry_id = d.entry_id
		WHERE d.request_id = c.request_id AND d.decided_by = c.declared_by AND d.entry_id > c.entry_id AND d.entry_id <= :last AND done.deed = 'decide') THEN 'WENT_ON'
	WHEN EXISTS (SELECT FROM controls.deeds h WHERE h.request_id = c.request_id AND h.actor = c.declared_by AND h.deed = 'hand_back'
		AND h.entry_id > c.entry_id AND h.entry_id <= :last) THEN 'HANDED_BACK'
	WHEN EXISTS (SELECT FROM controls.decisions d WHERE d.request_id = c.request_id AND d.entry_id > c.entry_id AND d.entry_id <= :last) THEN 'DECIDED_BY_ANOTHER'
	ELSE 'OPEN' END AS how) handled
WHERE q.organisation_id = :organisation AND c.type <> 'NONE' AND c.at >= :since AND c.at < :to AND c.entry_id <= :last
UNION ALL
SELECT d.entry_id, d.request_id, d.version, d.id, concat('detected:', s ->> 'person', ':', s ->> 'type'), d.at, s ->> 'person' = d.decided_by,
	jsonb_build_object('what', 'DETECTED', 'person', s ->> 'person', 'type', s ->> 'type', 'decided_by', d.decided_by,
		'handled', CASE WHEN s ->> 'person' = d.decided_by THEN 'WENT_ON' ELSE 'DECIDED_BY_ANOTHER' END)
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.deeds done ON done.request_id = d.request_id AND done.entry_id = d.entry_id AND done.deed = 'decide'
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
CROSS JOIN LATERAL jsonb_array_elements(v.conflicts) s
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
UNION ALL
SELECT d.entry_id, d.request_id, d.version, d.id, 'undeclared', d.at, true,
	jsonb_build_object('what', 'NO_DECLARATION', 'person', d.decided_by, 'outcome', d.outcome)
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
LEFT JOIN controls.deeds done ON done.request_id = d.request_id AND done.entry_id = d.entry_id AND done.deed IN ('decide', 'vary', 'set_aside', 'suspend', 'revoke', 'decide_review')
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last AND COALESCE(done.deed, 'decide') = 'decide'
	AND NOT EXISTS (SELECT FROM controls.declarations c WHERE c.request_id = d.request_id AND c.declared_by = d.decided_by AND c.entry_id < d.entry_id)
-- figures
SELECT lower(facts ->> 'what') AS item, COALESCE(facts ->> 'handled', '') AS part, count(*) AS value FROM shown GROUP BY item, part
