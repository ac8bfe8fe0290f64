-- 01 Every decision
-- Question: Which decisions were taken in the period, with what outcome, and does a reason stand with each?
-- Counts: one row for each decision; figures by outcome.
-- Fails: a decision without a reason.
-- Rests on: decisions, requests
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, NOT d.reasoned AS marked,
	jsonb_build_object('outcome', d.outcome, 'n', d.n, 'decided_by', d.decided_by, 'acting_as', d.acting_as, 'reasoned', d.reasoned,
		'basis', d.basis, 'findings', d.findings, 'principles_not_met', d.principles_not_met, 'refer_to', d.refer_to) AS facts
FROM controls.decisions d JOIN controls.requests q ON q.id = d.request_id
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
-- figures
SELECT 'decisions' AS item, facts ->> 'outcome' AS part, count(*) AS value FROM shown GROUP BY part
