-- 11 National data opt-out
-- Question: For every decision on a use beyond individual care, how stood the national data opt-out, and where it had to be filtered is there evidence that it was?
-- Counts: one row for each decision on confidential information for such a use; figures by status.
-- Fails: approved while undetermined, not yet filtered (unless a condition resolves it), set to a status that does not fit such a use, disapplied without support that says so, or filtered without evidence.
-- Rests on: decisions, versions, conditions
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, d.approving AND why.codes <> '{}' AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'status', COALESCE(v.opt_out, 'ABSENT'), 'evidence', v.opt_out_evidence, 'why', why.codes) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
	CASE WHEN v.opt_out IS NULL OR v.opt_out = 'UNDETERMINED' THEN 'UNDETERMINED' END,
	CASE WHEN v.opt_out = 'APPLIES_TO_BE_FILTERED' AND NOT EXISTS (SELECT FROM controls.conditions c
		WHERE c.request_id = d.request_id AND c.decision_id = d.id AND 'V003' = ANY (c.resolves)) THEN 'NOT_FILTERED' END,
	CASE WHEN v.opt_out IN ('NA_INDIVIDUAL_CARE', 'NA_ANONYMISED', 'NA_NOT_CPI') THEN 'STATUS_DOES_NOT_FIT' END,
	CASE WHEN v.opt_out = 'EXEMPT_CAG_DISAPPLIED' AND v.opt_out_disapplied IS NOT TRUE THEN 'NOT_DISAPPLIED' END,
	CASE WHEN v.opt_out = 'APPLIES_FILTERED' AND NOT v.opt_out_evidence THEN 'NO_EVIDENCE' END], NULL) AS codes OFFSET 0) why
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last AND v.confidential AND v.individual_care IS FALSE
	AND d.outcome NOT IN ('SUSPEND', 'REVOKE')
-- figures
SELECT 'decisions' AS item, facts ->> 'status' AS part, count(*) AS value FROM shown GROUP BY part
