-- 02 Decisions as they stood
-- Question: Does each decision, and the version that it was taken on, still stand exactly as the trail recorded it at the time?
-- Counts: one row for each decision, with the digest of its version; GET /requests/{id}?as_of= shows the case as it then stood.
-- Fails: the decision's entry is missing, belongs to another request, or says another outcome; or the content is no longer what its digest says.
-- Rests on: decisions, versions, entries of the trail
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at,
	(e.id IS NOT NULL AND e.outcome = 'done' AND e.request_id = d.request_id AND e.said #>> '{facts,decision}' = d.outcome
		AND v.intact AND noted.intact AND e.said ->> 'digest' = noted.digest) IS NOT TRUE AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'digest', v.digest, 'entry_found', e.id IS NOT NULL,
		'entry_agrees', COALESCE(e.said #>> '{facts,decision}' = d.outcome, false), 'content_intact', v.intact AND noted.intact,
		'digest_agrees', COALESCE(e.said ->> 'digest' = noted.digest, false)) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
LEFT JOIN controls.entries e ON e.id = d.entry_id
LEFT JOIN controls.versions noted ON noted.request_id = d.request_id AND noted.n = CAST(e.said ->> 'version' AS integer)
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
