-- 02 Decisions as they stood
-- Question: Does each decision, and the version that it was taken on, still stand exactly as the trail recorded it at the time?
-- Counts: one row for each decision, with the digest of its version; GET /requests/{id}?as_of= shows the case as it then stood.
-- Fails: the decision's entry is missing, belongs to another request, or says another outcome; or the content is no longer what its digest says. Words that were erased and entries that were disposed of by certificate do not count: what is left of them must agree.
-- Rests on: decisions, versions, entries of the trail
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at,
	(e.id IS NOT NULL AND e.outcome = 'done' AND e.request_id = d.request_id AND v.intact
		AND (e.disposed IS NOT NULL OR e.said #>> '{facts,decision}' = d.outcome AND noted.intact AND e.said ->> 'digest' = noted.digest)) IS NOT TRUE AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'digest', v.digest, 'entry_found', e.id IS NOT NULL,
		'disposed', e.disposed, 'content_erased', v.erased, 'entry_agrees', CASE WHEN e.disposed IS NULL THEN COALESCE(e.said #>> '{facts,decision}' = d.outcome, false) END,
		'content_intact', v.intact AND COALESCE(noted.intact, e.disposed IS NOT NULL),
		'digest_agrees', CASE WHEN e.disposed IS NULL THEN COALESCE(e.said ->> 'digest' = noted.digest, false) END) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
LEFT JOIN controls.entries e ON e.id = d.entry_id
LEFT JOIN controls.versions noted ON noted.request_id = d.request_id AND noted.n = CAST(e.said ->> 'version' AS integer)
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
