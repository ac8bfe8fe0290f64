-- 15 Authorisations past review or near their end
-- Question: Which authorisations are in force past their review date, and which expire within 90 days?
-- Counts: one row for each such authorisation at the end of the period.
-- Fails: an authorisation is in force on or after its review date.
-- Rests on: authorisations, deeds, decisions
-- Rows: standing
SELECT a.entry_id, a.request_id, a.version, a.decision_id, CAST(a.id AS text) AS subject, a.at, COALESCE(a.review_date <= london.day, false) AS marked,
	jsonb_build_object('review', a.review_date, 'expiry', a.expiry_date, 'days_past_review', london.day - a.review_date,
		'days_to_expiry', a.expiry_date - london.day) AS facts
FROM controls.authorisations a
JOIN controls.requests q ON q.id = a.request_id
CROSS JOIN LATERAL (SELECT controls.london(:end) AS day) london
WHERE q.organisation_id = :organisation AND a.at < :end AND a.entry_id <= :last
	AND (a.expiry_date IS NULL OR a.expiry_date >= london.day)
	AND (a.review_date <= london.day OR a.expiry_date <= london.day + 90)
	AND NOT EXISTS (SELECT FROM controls.endings n WHERE n.request_id = a.request_id AND n.authorisation_id = CAST(a.id AS text) AND n.at < :end AND n.entry_id <= :last)
	AND (SELECT h.held FROM controls.holds h WHERE h.request_id = a.request_id AND h.authorisation_id = CAST(a.id AS text) AND h.at < :end AND h.entry_id <= :last
		ORDER BY h.at DESC, h.entry_id DESC LIMIT 1) IS NOT TRUE
-- figures
SELECT 'past review' AS item, '' AS part, count(*) AS value FROM shown WHERE marked
UNION ALL SELECT 'expiring within 90 days', '', count(*) FROM shown WHERE CAST(facts ->> 'days_to_expiry' AS integer) <= 90
