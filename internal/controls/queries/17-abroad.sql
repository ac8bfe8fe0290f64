-- 17 Data leaving the United Kingdom
-- Question: What was permitted to leave the country, to where, by which mechanism, and was the transfer's risk assessed?
-- Counts: one row for each approving decision with a recipient outside GB or of type OVERSEAS; figures by mechanism and country.
-- Fails: no mechanism; or IDTA, UK_ADDENDUM or BCR without a transfer risk assessment in hand.
-- Rests on: decisions, versions
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at,
	COALESCE(v.mechanism, '') IN ('', 'NONE_IDENTIFIED', 'NOT_OVERSEAS') OR v.mechanism IN ('IDTA', 'UK_ADDENDUM', 'BCR') AND NOT v.transfer_assessed AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'mechanism', COALESCE(v.mechanism, ''), 'assessed', v.transfer_assessed,
		'countries', abroad.countries, 'confidential', v.confidential) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
CROSS JOIN LATERAL (SELECT array_agg(DISTINCT COALESCE(r ->> 'country', '') ORDER BY COALESCE(r ->> 'country', '')) AS countries
	FROM jsonb_array_elements(v.recipients) r WHERE r ->> 'type' = 'OVERSEAS' OR COALESCE(r ->> 'country', 'GB') <> 'GB') abroad
WHERE q.organisation_id = :organisation AND d.approving AND d.at >= :since AND d.at < :to AND d.entry_id <= :last AND abroad.countries IS NOT NULL
-- figures
SELECT 'by mechanism' AS item, facts ->> 'mechanism' AS part, count(*) AS value FROM shown GROUP BY part
UNION ALL SELECT 'by country', country, count(*) FROM shown, jsonb_array_elements_text(facts -> 'countries') country GROUP BY country
