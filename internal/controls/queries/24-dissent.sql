-- 24 Advice not followed, reviews, and decisions changed
-- Question: Where was a decision not followed, dissented from, reviewed or changed, and where was it taken against a consultee's objection?
-- Counts: one row for each; a decision that was changed is one that came after the request's first.
-- Figures: by what happened. Marked: not followed, a dissent without an answer, a decision that a review did not let stand, an approval against an objection.
-- Rests on: deeds, decisions, advice
-- Rows: of the period
SELECT x.entry_id, x.request_id, x.version, made.id AS decision_id, CAST(x.id AS text) AS subject, x.at,
	x.deed = 'record_not_followed' OR x.deed = 'record_dissent' AND NOT answered.is OR COALESCE(made.outcome IN ('REVIEW_VARIED', 'REVIEW_OVERTURNED'), false) AS marked,
	jsonb_build_object('what', CASE x.deed WHEN 'record_not_followed' THEN 'NOT_FOLLOWED' WHEN 'record_dissent' THEN 'DISSENT' WHEN 'request_review' THEN 'REVIEW_ASKED'
		ELSE made.outcome END, 'by', x.actor, 'concerns', x.subject, 'ground', x.ground, 'answered', answered.is) AS facts
FROM controls.deeds x
JOIN controls.requests q ON q.id = x.request_id
LEFT JOIN controls.decisions made ON x.deed = 'decide_review' AND made.request_id = x.request_id AND CAST(made.id AS text) = x.target
CROSS JOIN LATERAL (SELECT x.deed = 'record_dissent' AND EXISTS (SELECT FROM controls.deeds a WHERE a.request_id = x.request_id AND a.deed = 'answer_dissent'
	AND a.subject = CAST(x.id AS text) AND a.entry_id <= :last) AS is) answered
WHERE q.organisation_id = :organisation AND x.deed IN ('record_not_followed', 'record_dissent', 'request_review', 'decide_review')
	AND x.at >= :since AND x.at < :to AND x.entry_id <= :last
UNION ALL
SELECT d.entry_id, d.request_id, d.version, d.id, 'changed', d.at, false,
	jsonb_build_object('what', 'CHANGED', 'by', d.decided_by, 'outcome', d.outcome, 'n', d.n)
FROM controls.decisions d JOIN controls.requests q ON q.id = d.request_id
WHERE q.organisation_id = :organisation AND d.n > 1 AND d.outcome NOT LIKE 'REVIEW_%' AND d.outcome NOT IN ('SUSPEND', 'REVOKE')
	AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
UNION ALL
SELECT d.entry_id, d.request_id, d.version, d.id, concat('against ', w.id), d.at, true,
	jsonb_build_object('what', 'AGAINST_OBJECTION', 'by', d.decided_by, 'outcome', d.outcome, 'role', w.role)
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.advice w ON w.request_id = d.request_id AND w.view = 'OBJECT' AND w.entry_id < d.entry_id
WHERE q.organisation_id = :organisation AND d.approving AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
	AND NOT EXISTS (SELECT FROM controls.advice later WHERE later.request_id = w.request_id AND later.role = w.role AND later.entry_id > w.entry_id AND later.entry_id < d.entry_id)
-- figures
SELECT lower(replace(facts ->> 'what', '_', ' ')) AS item, '' AS part, count(*) AS value FROM shown GROUP BY item
