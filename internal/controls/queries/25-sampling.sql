-- 25 What was set aside, and what was asked again
-- Question: How much of what was set aside without a decision did the Guardian look at again and disagree with; and which requests were asked again, alike, within 180 days of being refused or withdrawn?
-- Counts: one row for each decision NOT_REQUIRED or OUT_OF_REMIT, and one for each request that is like an earlier one that was refused or withdrawn (the latest such). Alike: the same kind, and either the same title or the same purpose and categories of data with a recipient in common.
-- Figures: set aside, sampled, judged, disagreed, with rates; asked again. Marked: the Guardian disagreed, or it was asked again.
-- Rests on: decisions, ledger, deeds, versions
-- Rows: of the period
WITH again AS MATERIALIZED (
	SELECT DISTINCT ON (s.request_id) s.request_id, s.entry_id, s.at, s.version, q.requester, v.kind, v.title, v.purpose, v.recipient_codes, v.categories
	FROM controls.deeds s JOIN controls.requests q ON q.id = s.request_id JOIN controls.versions v ON v.request_id = s.request_id AND v.n = s.version
	WHERE q.organisation_id = :organisation AND q.renews = '' AND s.deed = 'submit' AND s.at >= :since AND s.at < :to AND s.entry_id <= :last
	ORDER BY s.request_id, s.entry_id),
before AS MATERIALIZED (
	SELECT s.request_id, q.reference, s.at, CASE s.deed WHEN 'withdraw' THEN 'WITHDRAWN' ELSE 'REFUSED' END AS how, q.requester, v.kind, v.title, v.purpose, v.recipient_codes, v.categories
	FROM controls.deeds s JOIN controls.requests q ON q.id = s.request_id JOIN controls.versions v ON v.request_id = s.request_id AND v.n = s.version
	LEFT JOIN controls.decisions r ON r.request_id = s.request_id AND r.entry_id = s.entry_id
	WHERE q.organisation_id = :organisation AND q.reference IS NOT NULL AND (s.deed = 'withdraw' OR r.outcome IN ('REFUSE', 'DECLINE_TO_RATIFY'))
		AND s.at >= CAST(:since AS timestamptz) - interval '180 days' AND s.at < :to AND s.entry_id <= :last)
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, COALESCE(NOT judged.agrees, false) AS marked,
	jsonb_build_object('what', 'SET_ASIDE', 'outcome', d.outcome, 'decided_by', d.decided_by, 'by_standing_rule', d.by_standing_rule,
		'sampled', EXISTS (SELECT FROM controls.ledger l WHERE l.organisation_id = :organisation AND l.kind = 'sample' AND l.at > d.at AND l.entry_id <= :last
			AND CAST(d.id AS text) = ANY (l.drawn)),
		'judged', judged.agrees IS NOT NULL, 'agrees', judged.agrees) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
LEFT JOIN LATERAL (SELECT l.agrees FROM controls.ledger l WHERE l.organisation_id = :organisation AND l.kind = 'judgement' AND l.subject = CAST(d.id AS text)
	AND l.entry_id <= :last ORDER BY l.entry_id DESC LIMIT 1) judged ON true
WHERE q.organisation_id = :organisation AND d.outcome IN ('NOT_REQUIRED', 'OUT_OF_REMIT') AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
UNION ALL
(SELECT DISTINCT ON (again.request_id) again.entry_id, again.request_id, again.version, NULL, concat('like ', before.request_id), again.at, true,
	jsonb_build_object('what', 'ASKED_AGAIN', 'like', before.reference, 'ended', before.how, 'days_between', controls.london(again.at) - controls.london(before.at),
		'same_person', again.requester = before.requester, 'same_title', again.title = before.title)
FROM (
	SELECT a.request_id AS again, b.request_id AS before FROM again a JOIN before b ON b.kind = a.kind AND b.title = a.title
	UNION
	SELECT a.request_id, b.request_id
	FROM (SELECT x.*, unnest(x.recipient_codes) AS code FROM again x) a
	JOIN (SELECT x.*, unnest(x.recipient_codes) AS code FROM before x) b
		ON b.kind = a.kind AND b.purpose = a.purpose AND b.categories = a.categories AND b.code = a.code) alike
JOIN again ON again.request_id = alike.again
JOIN before ON before.request_id = alike.before AND before.request_id <> again.request_id AND before.at < again.at AND again.at < before.at + interval '180 days'
ORDER BY again.request_id, before.at DESC)
-- figures
SELECT y.item, '' AS part, y.value
FROM (SELECT count(*) FILTER (WHERE facts ->> 'what' = 'SET_ASIDE') AS aside, count(*) FILTER (WHERE CAST(facts ->> 'sampled' AS boolean)) AS sampled,
	count(*) FILTER (WHERE CAST(facts ->> 'judged' AS boolean)) AS judged, count(*) FILTER (WHERE NOT CAST(facts ->> 'agrees' AS boolean)) AS disagreed,
	count(*) FILTER (WHERE facts ->> 'what' = 'ASKED_AGAIN') AS again FROM shown) n
CROSS JOIN LATERAL (VALUES ('set aside', CAST(aside AS numeric)), ('sampled', sampled), ('judged', judged), ('disagreed', disagreed), ('asked again', again),
	('per cent sampled', round(100.0 * sampled / NULLIF(aside, 0), 1)), ('per cent disagreed', round(100.0 * disagreed / NULLIF(judged, 0), 1))) y (item, value)
WHERE y.value IS NOT NULL
