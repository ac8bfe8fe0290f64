-- 16 Time to decide
-- Question: How long did it take from submission to decision, by kind; which targets were missed, and how long did the clock stand still?
-- Counts: one row for each decision of `decide` or `set_aside` on a submitted request; hours leave out the time in which the requester had the ball.
-- Figures: median, 90th and 95th percentile by kind, decisions after their target, hours paused. A row is marked where the keeper recorded that the target had passed.
-- Rests on: decisions, deeds, versions
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, missed.is AS marked,
	jsonb_build_object('kind', v.kind, 'urgency', v.urgency, 'outcome', d.outcome, 'decided_by', d.decided_by, 'submitted_at', s.at,
		'hours', round(EXTRACT(epoch FROM d.at - s.at) / 3600 - paused.hours, 2), 'paused_hours', round(paused.hours, 2)) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
JOIN controls.deeds done ON done.request_id = d.request_id AND done.entry_id = d.entry_id AND done.deed IN ('decide', 'set_aside')
JOIN LATERAL (SELECT o.at, o.entry_id FROM controls.deeds o WHERE o.request_id = d.request_id AND o.deed IN ('submit', 'resubmit') AND o.entry_id < d.entry_id
	ORDER BY o.entry_id DESC LIMIT 1) s ON true
CROSS JOIN LATERAL (SELECT COALESCE(sum(CASE
		WHEN p.to_state = 'AWAITING_INFORMATION' AND p.from_state <> 'AWAITING_INFORMATION' THEN -EXTRACT(epoch FROM p.at)
		WHEN p.from_state = 'AWAITING_INFORMATION' AND p.to_state <> 'AWAITING_INFORMATION' THEN EXTRACT(epoch FROM p.at) END), 0) / 3600 AS hours
	FROM controls.deeds p WHERE p.request_id = d.request_id AND p.entry_id > s.entry_id AND p.entry_id <= d.entry_id) paused
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM controls.deeds k WHERE k.request_id = d.request_id AND k.deed = 'escalate' AND k.limited_by = 'DECISION'
	AND CAST(split_part(k.moment, ':', 2) AS integer) >= 100 AND k.entry_id > s.entry_id AND k.entry_id < d.entry_id) AS is OFFSET 0) missed
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
-- figures
SELECT 'decisions' AS item, facts ->> 'kind' AS part, CAST(count(*) AS float8) AS value FROM shown GROUP BY part
UNION ALL SELECT 'hours, median', facts ->> 'kind', percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(facts ->> 'hours' AS float8)) FROM shown GROUP BY facts ->> 'kind'
UNION ALL SELECT 'hours, 90th percentile', facts ->> 'kind', percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(facts ->> 'hours' AS float8)) FROM shown GROUP BY facts ->> 'kind'
UNION ALL SELECT 'hours, 95th percentile', facts ->> 'kind', percentile_cont(0.95) WITHIN GROUP (ORDER BY CAST(facts ->> 'hours' AS float8)) FROM shown GROUP BY facts ->> 'kind'
UNION ALL SELECT 'after the target', facts ->> 'kind', count(*) FROM shown WHERE marked GROUP BY facts ->> 'kind'
UNION ALL SELECT 'hours paused', '', sum(CAST(facts ->> 'paused_hours' AS float8)) FROM shown
