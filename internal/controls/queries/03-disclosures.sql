-- 03 Disclosures without permission
-- Question: Did anything leave without an authorisation, or outside its dates, its recipients or the number of people asked for?
-- Counts: one row for each disclosure; why says what was wrong, worked out anew and not only as it was recorded.
-- Fails: a disclosure that no authorisation in force covers, or of more records than were asked for. An emergency's disclosure that was ratified since does not count.
-- Rests on: disclosures, authorisations, conditions, deeds, versions
-- Rows: of the period
SELECT x.entry_id, x.request_id, COALESCE(a.version, (SELECT max(d.version) FROM controls.deeds d WHERE d.request_id = x.request_id AND d.entry_id <= x.entry_id)) AS version,
	a.decision_id, CAST(x.id AS text) AS subject, x.disclosed_at AS at, why.codes <> '{}' AND NOT regular.ised AS marked,
	jsonb_build_object('recipient', x.recipient, 'records', x.records, 'method', x.method, 'recorded_by', x.recorded_by, 'recorded_at', x.recorded_at,
		'authorisation', x.authorisation_id, 'recorded_as', x.exception, 'why', why.codes, 'ratified', regular.ised) AS facts
FROM controls.disclosures x
JOIN controls.requests q ON q.id = x.request_id
LEFT JOIN controls.authorisations a ON CAST(a.id AS text) = x.authorisation_id AND a.request_id = x.request_id
LEFT JOIN controls.versions v ON v.request_id = a.request_id AND v.n = a.version
CROSS JOIN LATERAL (SELECT EXISTS (
	SELECT FROM controls.authorisations r
	WHERE r.request_id = x.request_id AND r.ratifies = CAST(x.id AS text) AND r.entry_id <= :last
		AND NOT EXISTS (SELECT FROM controls.endings n WHERE n.request_id = r.request_id AND n.authorisation_id = CAST(r.id AS text) AND n.how = 'REVOKED' AND n.entry_id <= :last)) AS ised OFFSET 0) regular
CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
	NULLIF(x.exception, ''),
	CASE WHEN a.id IS NULL THEN 'NO_AUTHORISATION' END,
	CASE WHEN x.disclosed_at < a.at THEN 'BEFORE_AUTHORISATION' END,
	CASE WHEN controls.london(x.disclosed_at) > a.expiry_date
		OR EXISTS (SELECT FROM controls.endings n WHERE n.request_id = x.request_id AND n.authorisation_id = x.authorisation_id AND n.at <= x.disclosed_at AND n.entry_id <= :last)
		OR (SELECT h.held FROM controls.holds h WHERE h.request_id = x.request_id AND h.authorisation_id = x.authorisation_id AND h.at <= x.disclosed_at AND h.entry_id < x.entry_id
			ORDER BY h.at DESC, h.entry_id DESC LIMIT 1)
		OR EXISTS (SELECT FROM controls.conditions c
			WHERE c.request_id = x.request_id AND c.authorisation_id = x.authorisation_id AND c.type = 'PRECEDENT'
				AND NOT EXISTS (SELECT FROM controls.deeds met WHERE met.request_id = x.request_id AND met.subject = CAST(c.id AS text)
					AND met.deed IN ('accept_evidence', 'waive_condition') AND met.at <= x.disclosed_at))
		THEN 'NOT_IN_FORCE' END,
	CASE WHEN NOT x.recipient = ANY (v.recipient_codes)
		AND NOT EXISTS (SELECT FROM jsonb_array_elements(v.recipients) r WHERE r ->> 'n' = x.recipient AND COALESCE(r ->> 'org_code', '') = '')
		THEN 'RECIPIENT_NOT_COVERED' END,
	CASE WHEN x.records > v.estimated_count THEN 'MORE_THAN_ASKED' END], NULL) AS codes OFFSET 0) why
WHERE q.organisation_id = :organisation AND x.disclosed_at >= :since AND x.disclosed_at < :to AND x.entry_id <= :last
-- figures
SELECT 'disclosures' AS item, '' AS part, count(*) AS value FROM shown
UNION ALL SELECT 'records', '', sum(CAST(facts ->> 'records' AS bigint)) FROM shown
UNION ALL SELECT 'not covered', code, count(DISTINCT subject) FROM shown, jsonb_array_elements_text(facts -> 'why') code WHERE marked GROUP BY code
