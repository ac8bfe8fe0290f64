-- 18 Recipients' assurance and agreements
-- Question: Which recipients under a standing authorisation do not meet the Data Security and Protection Toolkit, or have no agreement?
-- Counts: one row for each recipient of confidential information under an authorisation neither ended nor expired at the end of the period; the newest assurance on record counts before what the request says.
-- Fails: standards not met, or met only until a day that has passed (one-off sharing for care, safeguarding, public health and emergencies excepted); a processor without a signed contract; repeated sharing outside without a signed agreement or contract.
-- Rests on: authorisations, versions, ledger, deeds
-- Rows: standing
SELECT a.entry_id, a.request_id, a.version, a.decision_id, concat(a.id, '/', r ->> 'n') AS subject, a.at, why.codes <> '{}' AS marked,
	jsonb_build_object('recipient', COALESCE(r ->> 'org_code', r ->> 'n'), 'type', r ->> 'type', 'status', now.status, 'valid_to', heard.valid_to,
		'assured', heard.status IS NOT NULL, 'frequency', v.frequency, 'why', why.codes) AS facts
FROM controls.authorisations a
JOIN controls.requests q ON q.id = a.request_id
JOIN controls.versions v ON v.request_id = a.request_id AND v.n = a.version
CROSS JOIN LATERAL jsonb_array_elements(v.recipients) r
LEFT JOIN LATERAL (SELECT l.status, l.valid_to FROM controls.ledger l
	WHERE l.organisation_id = q.organisation_id AND l.kind = 'assurance' AND l.subject = r ->> 'org_code' AND l.at < :end AND l.entry_id <= :last
	ORDER BY l.entry_id DESC LIMIT 1) heard ON true
CROSS JOIN LATERAL (SELECT COALESCE(heard.status, r ->> 'dspt', 'ABSENT') AS status) now
CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
	CASE WHEN r ->> 'type' NOT IN ('INTERNAL', 'POLICE', 'COURT', 'REGULATOR', 'SOLICITOR', 'RELATIVE', 'MEDIA')
		AND NOT (v.frequency = 'ONE_OFF' AND v.kind IN ('DIRECT_CARE_SHARING', 'SAFEGUARDING', 'PUBLIC_HEALTH', 'EMERGENCY_OUT_OF_HOURS')) THEN
		CASE WHEN now.status NOT IN ('STANDARDS_MET', 'STANDARDS_EXCEEDED') THEN 'STANDARDS_NOT_MET'
			WHEN heard.valid_to < controls.london(:end) THEN 'STANDARDS_LAPSED' END END,
	CASE WHEN r ->> 'type' = 'COMMERCIAL_PROCESSOR' AND NOT v.processing_contract THEN 'NO_CONTRACT'
		WHEN r ->> 'type' <> 'INTERNAL' AND v.frequency IN ('PERIODIC', 'CONTINUOUS') AND NOT v.sharing_agreement AND NOT v.processing_contract THEN 'NO_AGREEMENT' END], NULL) AS codes OFFSET 0) why
WHERE q.organisation_id = :organisation AND v.confidential AND a.at < :end AND a.entry_id <= :last
	AND (a.expiry_date IS NULL OR a.expiry_date >= controls.london(:end))
	AND NOT EXISTS (SELECT FROM controls.endings n WHERE n.request_id = a.request_id AND n.authorisation_id = CAST(a.id AS text) AND n.at < :end AND n.entry_id <= :last)
-- figures
SELECT 'recipients' AS item, facts ->> 'status' AS part, count(*) AS value FROM shown GROUP BY part
UNION ALL SELECT 'to put right', code, count(*) FROM shown, jsonb_array_elements_text(facts -> 'why') code GROUP BY code
