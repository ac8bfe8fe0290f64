-- 09 Identifiable secondary use without consent or support
-- Question: Was confidential patient information permitted beyond individual care without explicit consent or support under section 251, and on what basis then?
-- Counts: one row for each approving decision of that kind; figures by basis.
-- Fails: the basis is absent, NONE_IDENTIFIED or NOT_ENGAGED; or IMPLIED_CONSENT other than for a clinical audit that stays inside.
-- Rests on: decisions, versions
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at,
	basis.code IN ('', 'NONE_IDENTIFIED', 'NOT_ENGAGED') OR basis.code = 'IMPLIED_CONSENT' AND (v.kind <> 'CLINICAL_AUDIT'
		OR EXISTS (SELECT FROM jsonb_array_elements(v.recipients) r WHERE r ->> 'type' <> 'INTERNAL')) AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'kind', v.kind, 'purpose', v.purpose, 'identifiability', v.identifiability,
		'basis', basis.code, 'powers', v.powers) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(d.basis, ''), v.basis, '') AS code) basis
WHERE q.organisation_id = :organisation AND d.approving AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
	AND v.confidential AND v.individual_care IS NOT TRUE AND basis.code <> 'EXPLICIT_CONSENT' AND basis.code NOT LIKE 'S251%'
-- figures
SELECT 'approved' AS item, facts ->> 'basis' AS part, count(*) AS value FROM shown GROUP BY part
