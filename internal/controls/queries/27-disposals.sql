-- 27 Erasure and retention
-- Question: What was erased or disposed of, by which two people, what was kept from it by a legal hold, and what was reported destroyed by those who held it?
-- Counts: one row for each proposal, confirmation, refusal and certificate of an erasure or a disposal, each legal hold, each document erased and each authorisation completed; an attempt that was refused is marked.
-- Figures: by what was done.
-- Rests on: entries of the trail, people
-- Rows: of the period
SELECT e.id AS entry_id, e.request_id, CAST(NULL AS integer) AS version, CAST(NULL AS uuid) AS decision_id, '' AS subject, e.occurred_at AS at, e.outcome = 'refused' AS marked,
	jsonb_build_object('what', e.action, 'by', COALESCE(p.user_id, ''), 'outcome', e.outcome, 'concerns', e.said ->> 'subject', 'disposed', e.disposed, 'said', e.said -> 'facts') AS facts
FROM controls.entries e LEFT JOIN controls.people p ON p.id = e.actor_id
WHERE e.organisation_id = :organisation AND e.action IN ('propose_erasure', 'confirm_erasure', 'refuse_erasure', 'erased',
		'propose_disposal', 'dispose', 'refuse_disposal', 'disposed', 'hold', 'release_hold', 'erase_document', 'complete')
	AND e.occurred_at >= :since AND e.occurred_at < :to AND e.id <= :last
-- figures
SELECT replace(facts ->> 'what', '_', ' ') AS item, facts ->> 'outcome' AS part, count(*) AS value FROM shown GROUP BY item, part
