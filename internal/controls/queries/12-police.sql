-- 12 Police
-- Question: What was decided for the police, by force, basis and outcome, and was it verified who asked?
-- Counts: one row for each decision where the kind is POLICE_DISCLOSURE or a recipient is the police; figures by outcome, basis and force.
-- Fails: given to somebody who asked from outside and was not verified.
-- Rests on: decisions, versions
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, d.approving AND v.verified IS NOT TRUE AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'basis', COALESCE(NULLIF(d.basis, ''), v.basis), 'powers', v.powers, 'exemptions', v.exemptions,
		'offence_data', v.offence_data, 'verified', COALESCE(v.verified, false), 'emergency', q.emergency,
		'force', COALESCE(NULLIF(v.asking_organisation, ''), (SELECT min(r ->> 'org_code') FROM jsonb_array_elements(v.recipients) r WHERE r ->> 'type' = 'POLICE'), 'UNKNOWN')) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
	AND (v.kind = 'POLICE_DISCLOSURE' OR v.recipients @> '[{"type": "POLICE"}]')
-- figures
SELECT 'outcome' AS item, facts ->> 'outcome' AS part, count(*) AS value FROM shown GROUP BY part
UNION ALL SELECT 'basis', facts ->> 'basis', count(*) FROM shown GROUP BY facts ->> 'basis'
UNION ALL SELECT 'force', facts ->> 'force', count(*) FROM shown GROUP BY facts ->> 'force'
UNION ALL SELECT 'not verified', '', count(*) FROM shown WHERE NOT CAST(facts ->> 'verified' AS boolean)
