-- 19 Decisions touching a partner, a system or a kind of data
-- Question: Which decisions concern one partner, system, asset owner or category of data?
-- Counts: one row for each decision; `recipient` narrows to a partner, `system` to a source system by the likeness of its name (the first 16 hex digits of SHA-256 over its letters and digits in lower case).
-- Figures: decisions by partner, system, category and asset owner; records disclosed by partner.
-- Rests on: decisions, versions, disclosures
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, false AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'kind', v.kind, 'partners', v.recipient_codes, 'systems', v.systems,
		'categories', v.categories, 'asset_owner', v.asset_owner, 'title', v.title) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
-- figures
SELECT 'decisions by partner' AS item, x AS part, count(*) AS value FROM shown, jsonb_array_elements_text(facts -> 'partners') x GROUP BY x
UNION ALL SELECT 'decisions by system', x, count(*) FROM shown, jsonb_array_elements_text(facts -> 'systems') x GROUP BY x
UNION ALL SELECT 'decisions by category', x, count(*) FROM shown, jsonb_array_elements_text(facts -> 'categories') x GROUP BY x
UNION ALL SELECT 'decisions by asset owner', facts ->> 'asset_owner', count(*) FROM shown WHERE facts ->> 'asset_owner' <> '' GROUP BY facts ->> 'asset_owner'
UNION ALL SELECT 'records disclosed by partner', x.recipient, sum(x.records) FROM controls.disclosures x
	WHERE x.request_id IN (SELECT request_id FROM shown) AND x.disclosed_at >= :from AND x.disclosed_at < :to AND x.entry_id <= :last GROUP BY x.recipient
