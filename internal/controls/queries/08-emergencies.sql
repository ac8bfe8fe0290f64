-- 08 Emergencies
-- Question: Which disclosures could not wait for a decision; were they recorded within 24 hours, ratified, declined, or left waiting?
-- Counts: one row for each emergency by the time of its disclosure.
-- Fails: recorded after more than 24 hours; declined; or not ratified in time (the keeper's escalation at the full limit, or seven days where it was not running).
-- Rests on: requests, disclosures, deeds, decisions, versions
-- Rows: of the period
SELECT r.entry_id, r.request_id, r.version, d.id AS decision_id, '' AS subject, x.disclosed_at AS at,
	r.at > x.disclosed_at + interval '24 hours' OR d.outcome IS NOT DISTINCT FROM 'DECLINE_TO_RATIFY' OR late.is AS marked,
	jsonb_build_object('recorded_by', r.actor, 'hours_to_record', round(EXTRACT(epoch FROM r.at - x.disclosed_at) / 3600, 1),
		'outcome', COALESCE(d.outcome, 'WAITING'), 'days_to_ratify', round(EXTRACT(epoch FROM d.at - x.disclosed_at) / 86400, 1),
		'ratified_late', late.is, 'flags', r.flags) AS facts
FROM controls.deeds r
JOIN controls.requests q ON q.id = r.request_id
JOIN LATERAL (SELECT min(o.disclosed_at) AS disclosed_at FROM controls.disclosures o WHERE o.request_id = r.request_id AND o.entry_id = r.entry_id) x ON true
LEFT JOIN LATERAL (SELECT o.id, o.outcome, o.at FROM controls.decisions o
	WHERE o.request_id = r.request_id AND o.outcome IN ('RATIFY', 'DECLINE_TO_RATIFY') AND o.entry_id <= :last ORDER BY o.n LIMIT 1) d ON true
CROSS JOIN LATERAL (SELECT COALESCE(d.at, :end) > x.disclosed_at + interval '7 days' OR EXISTS (
	SELECT FROM controls.deeds k WHERE k.request_id = r.request_id AND k.deed = 'escalate' AND k.limited_by = 'RATIFICATION' AND k.entry_id <= :last
		AND CAST(split_part(k.moment, ':', 2) AS integer) >= 100 AND k.dated < COALESCE(d.at, 'infinity')) AS is OFFSET 0) late
WHERE q.organisation_id = :organisation AND r.deed = 'record_emergency' AND x.disclosed_at >= :since AND x.disclosed_at < :to AND r.entry_id <= :last
-- figures
SELECT 'emergencies' AS item, facts ->> 'outcome' AS part, count(*) AS value FROM shown GROUP BY part
UNION ALL SELECT 'recorded after 24 hours', '', count(*) FROM shown WHERE CAST(facts ->> 'hours_to_record' AS numeric) > 24
UNION ALL SELECT 'not ratified in time', '', count(*) FROM shown WHERE CAST(facts ->> 'ratified_late' AS boolean)
UNION ALL SELECT 'median hours to record', '', percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(facts ->> 'hours_to_record' AS float8)) FROM shown
