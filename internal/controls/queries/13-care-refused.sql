-- 13 Refusals of sharing for care
-- Question: Was sharing for individual care refused, and does the harm of not sharing stand with the refusal (principle 7)?
-- Counts: one row for each refusal; the number should be close to none.
-- Fails: a refusal without a statement of the harm.
-- Rests on: decisions, versions
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, NOT d.harm_stated AS marked,
	jsonb_build_object('decided_by', d.decided_by, 'kind', v.kind, 'urgency', v.urgency, 'harm_stated', d.harm_stated,
		'alternative_offered', d.alternative_offered) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
WHERE q.organisation_id = :organisation AND d.outcome = 'REFUSE' AND v.individual_care AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
-- figures
SELECT 'refusals' AS item, '' AS part, count(*) AS value FROM shown
UNION ALL SELECT 'with an alternative', '', count(*) FROM shown WHERE CAST(facts ->> 'alternative_offered' AS boolean)
