-- 23 Incidents, suspensions and revocations
-- Question: Which incidents were linked to what was authorised, was their report due in 72 hours settled, and what was suspended or revoked, by whom or by which trip-wire?
-- Counts: one row for each incident, suspension, trip, reinstatement and revocation.
-- Fails: an incident whose 72 hours passed before it was reported or found not reportable.
-- Rests on: deeds
-- Rows: of the period
SELECT i.entry_id, i.request_id, i.version, CAST(NULL AS uuid) AS decision_id, CAST(i.id AS text) AS subject, i.at,
	i.incident AND COALESCE(settled.at, :end) > due.at AS marked,
	jsonb_build_object('what', CASE WHEN i.incident THEN 'INCIDENT' ELSE upper(i.deed) END, 'by', i.actor, 'authorisation', CASE WHEN i.incident THEN i.incident_authorisation ELSE i.subject END,
		'wire', i.wire, 'suspends', i.suspends, 'reasoned', i.reasoned, 'report_due', CASE WHEN i.incident THEN due.at END, 'settled_at', settled.at) AS facts
FROM controls.deeds i
JOIN controls.requests q ON q.id = i.request_id
CROSS JOIN LATERAL (SELECT COALESCE(i.aware_at, i.at) + interval '72 hours' AS at) due
LEFT JOIN LATERAL (SELECT min(COALESCE(u.reported_at, u.at)) AS at FROM controls.deeds u
	WHERE i.incident AND u.request_id = i.request_id AND (u.id = i.id OR u.deed = 'update_incident' AND u.subject = CAST(i.id AS text))
		AND (u.reported_at IS NOT NULL OR u.not_reportable) AND u.at < :end AND u.entry_id <= :last) settled ON true
WHERE q.organisation_id = :organisation AND (i.deed IN ('suspend', 'revoke', 'reinstate', 'trip') OR i.deed IN ('link_incident', 'breach_condition') AND i.incident)
	AND i.at >= :since AND i.at < :to AND i.entry_id <= :last
-- figures
SELECT lower(facts ->> 'what') AS item, COALESCE(facts ->> 'wire', '') AS part, count(*) AS value FROM shown GROUP BY item, part
