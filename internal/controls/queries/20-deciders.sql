-- 20 Those who decide
-- Question: What did each decision-maker decide; whose rate of approval stands out; and which decisions were taken within a minute of opening the case?
-- Counts: one row for each decision; `decided_by` narrows to one person. A row is marked where the case was opened less than 60 seconds before.
-- Figures: decisions, per cent approved of those approved or refused, and decisions under 60 seconds, by person. Stands out: ten decisions or more, and further from the house's rate than twice its standard error.
-- Rests on: decisions, deeds
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, COALESCE(d.at - opened.at < interval '60 seconds', false) AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'acting_as', d.acting_as, 'approving', d.approving,
		'weighed', d.approving OR d.outcome IN ('REFUSE', 'DECLINE_TO_RATIFY'), 'seconds', round(EXTRACT(epoch FROM d.at - opened.at))) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
LEFT JOIN LATERAL (SELECT o.at FROM controls.deeds o JOIN controls.deeds done ON done.request_id = o.request_id AND done.entry_id = d.entry_id AND done.deed = 'decide'
	WHERE o.request_id = d.request_id AND o.deed = 'open' AND o.actor = d.decided_by AND o.entry_id < d.entry_id ORDER BY o.entry_id DESC LIMIT 1) opened ON true
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
-- figures
SELECT y.item, y.part, y.value
FROM (
	SELECT facts ->> 'decided_by' AS person, count(*) AS decided, count(*) FILTER (WHERE marked) AS quick,
		count(*) FILTER (WHERE CAST(facts ->> 'weighed' AS boolean)) AS weighed, count(*) FILTER (WHERE CAST(facts ->> 'approving' AS boolean)) AS approved
	FROM shown GROUP BY person) who
CROSS JOIN (SELECT CAST(count(*) FILTER (WHERE CAST(facts ->> 'approving' AS boolean)) AS float8)
	/ NULLIF(count(*) FILTER (WHERE CAST(facts ->> 'weighed' AS boolean)), 0) AS rate FROM shown) house
CROSS JOIN LATERAL (VALUES
	('decisions', person, CAST(decided AS float8)),
	('per cent approved', person, round(CAST(100.0 * approved / NULLIF(weighed, 0) AS numeric), 1)),
	('under 60 seconds', person, quick),
	('stands out', person, CASE WHEN weighed >= 10 AND abs(CAST(approved AS float8) / weighed - house.rate) > 2 * sqrt(house.rate * (1 - house.rate) / weighed)
		THEN 1 END)) y (item, part, value)
WHERE y.value IS NOT NULL
