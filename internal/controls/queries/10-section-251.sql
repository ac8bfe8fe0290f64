-- 10 Reliance on section 251
-- Question: What rests on support under section 251, under which reference, and does the support outlast the authorisation?
-- Counts: one row for each authorisation on that basis that had neither ended nor expired at the end of the period; the newest word on the support counts.
-- Fails: no reference (regulation 5), support not full or conditional, its annual review past or before the authorisation's last day.
-- Rests on: authorisations, versions, deeds
-- Rows: standing
SELECT a.entry_id, a.request_id, a.version, a.decision_id, CAST(a.id AS text) AS subject, a.at, why.codes <> '{}' AS marked,
	jsonb_build_object('basis', v.basis, 'reference', v.s251_reference, 'status', now.status, 'review_due', now.review_due, 'expiry', a.expiry_date,
		'opt_out_disapplied', v.opt_out_disapplied, 'why', why.codes) AS facts
FROM controls.authorisations a
JOIN controls.requests q ON q.id = a.request_id
JOIN controls.versions v ON v.request_id = a.request_id AND v.n = a.version
LEFT JOIN LATERAL (SELECT s.support_status, s.support_review_due FROM controls.deeds s
	WHERE s.request_id = a.request_id AND s.subject = CAST(a.id AS text) AND s.deed = 'record_support' AND s.at < :end AND s.entry_id <= :last
	ORDER BY s.entry_id DESC LIMIT 1) heard ON true
CROSS JOIN LATERAL (SELECT COALESCE(heard.support_status, v.s251_status) AS status,
	CASE WHEN heard.support_status IS NULL THEN v.s251_review_due ELSE COALESCE(heard.support_review_due, v.s251_review_due) END AS review_due) now
CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
	CASE WHEN v.s251_regulation = '5' AND NOT v.s251_referenced THEN 'NO_REFERENCE' END,
	CASE WHEN now.status IS NULL OR now.status NOT IN ('FULL_SUPPORT', 'CONDITIONAL_SUPPORT') THEN 'NOT_SUPPORTED' END,
	CASE WHEN now.review_due < controls.london(:end) THEN 'SUPPORT_PAST_REVIEW' END,
	CASE WHEN v.s251_regulation = '5' AND (a.expiry_date IS NULL OR now.review_due IS NULL OR a.expiry_date > now.review_due) THEN 'AUTHORISATION_OUTLASTS_SUPPORT' END], NULL) AS codes OFFSET 0) why
WHERE q.organisation_id = :organisation AND v.basis LIKE 'S251%' AND a.at < :end AND a.entry_id <= :last
	AND (a.expiry_date IS NULL OR a.expiry_date >= controls.london(:end))
	AND NOT EXISTS (SELECT FROM controls.endings n WHERE n.request_id = a.request_id AND n.authorisation_id = CAST(a.id AS text) AND n.at < :end AND n.entry_id <= :last)
-- figures
SELECT 'authorisations' AS item, facts ->> 'status' AS part, count(*) AS value FROM shown GROUP BY part
UNION ALL SELECT 'to put right', code, count(*) FROM shown, jsonb_array_elements_text(facts -> 'why') code GROUP BY code
