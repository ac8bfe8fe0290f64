-- 05 Separation of duties
-- Question: Did anybody decide who had asked, sponsored or handled the request, owned the asset, would receive, or was conflicted?
-- Counts: one row for each decision; why names the rules of separation that its decider broke, worked out from the case.
-- Fails: SD1 requester, sponsor or asset owner; SD2 recipient, investigator or declared interest; SD3 who triaged, consulted, waived or put forward; SD4 who approved the emergency; SD5 who reviews after taking part; SD7 and SD8 auditor or administrator; SD10 who advised; SD12 structural conflict.
-- Rests on: decisions, versions, deeds, declarations, advice, appointments
-- Rows: of the period
SELECT d.entry_id, d.request_id, d.version, d.id AS decision_id, '' AS subject, d.at, why.codes <> '{}' AS marked,
	jsonb_build_object('outcome', d.outcome, 'decided_by', d.decided_by, 'acting_as', d.acting_as, 'why', why.codes) AS facts
FROM controls.decisions d
JOIN controls.requests q ON q.id = d.request_id
JOIN controls.versions v ON v.request_id = d.request_id AND v.n = d.version
LEFT JOIN controls.deeds done ON done.request_id = d.request_id AND done.entry_id = d.entry_id AND done.deed IN ('decide', 'vary', 'set_aside', 'suspend', 'revoke', 'decide_review')
CROSS JOIN LATERAL (SELECT COALESCE(done.deed, 'decide') IN ('decide', 'vary') AS anew) kind
CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
	CASE WHEN d.decided_by IN (q.requester, v.sponsor, v.asset_owner) THEN 'SD1' END,
	CASE WHEN (kind.anew OR done.deed = 'decide_review') AND (v.investigators ? d.decided_by
		OR EXISTS (SELECT FROM jsonb_array_elements(v.recipients) r WHERE r -> 'user_ids' ? d.decided_by)
		OR EXISTS (SELECT FROM controls.declarations c WHERE c.request_id = d.request_id AND c.declared_by = d.decided_by AND c.entry_id < d.entry_id
			AND c.type IN ('PERSONAL_SUBJECT', 'PERSONAL_BENEFIT', 'SUBJECT_OF_INVESTIGATION'))) THEN 'SD2' END,
	CASE WHEN kind.anew AND EXISTS (SELECT FROM controls.deeds h WHERE h.request_id = d.request_id AND h.actor = d.decided_by AND h.entry_id < d.entry_id
		AND h.deed IN ('triage', 'consult', 'waive', 'put_forward') AND NOT (h.deed = 'waive' AND h.from_state = 'DECIDED')) THEN 'SD3' END,
	CASE WHEN d.outcome IN ('RATIFY', 'DECLINE_TO_RATIFY') AND v.approved_by = d.decided_by THEN 'SD4' END,
	CASE WHEN done.deed = 'decide_review' AND EXISTS (SELECT FROM controls.decisions before WHERE before.request_id = d.request_id
		AND before.n < d.n AND before.decided_by = d.decided_by AND before.outcome NOT LIKE 'REVIEW_%') THEN 'SD5' END,
	CASE WHEN EXISTS (SELECT FROM controls.appointments o WHERE o.person = d.decided_by AND o.organisation_id = q.organisation_id AND o.role = 'AUDITOR'
		AND d.at >= COALESCE(o.since, d.at) AND controls.london(d.at) BETWEEN o.valid_from AND COALESCE(o.valid_to, 'infinity')
		AND d.at < COALESCE(o.ended_at, 'infinity')) THEN 'SD7' END,
	CASE WHEN EXISTS (SELECT FROM controls.appointments o WHERE o.person = d.decided_by AND o.organisation_id = q.organisation_id AND o.role = 'SYSTEM_ADMIN'
		AND o.confirmed_by IS NOT NULL AND d.at >= COALESCE(o.since, d.at) AND controls.london(d.at) BETWEEN o.valid_from AND COALESCE(o.valid_to, 'infinity')
		AND d.at < COALESCE(o.ended_at, 'infinity')) THEN 'SD8' END,
	CASE WHEN kind.anew AND done.deed = 'decide' AND EXISTS (SELECT FROM controls.advice w WHERE w.request_id = d.request_id AND w.given_by = d.decided_by
		AND w.entry_id < d.entry_id) THEN 'SD10' END,
	CASE WHEN kind.anew AND (EXISTS (SELECT FROM controls.declarations c WHERE c.request_id = d.request_id AND c.declared_by = d.decided_by
			AND c.entry_id < d.entry_id AND c.type LIKE 'STRUCTURAL_%')
		OR EXISTS (SELECT FROM controls.appointments o WHERE o.person = d.decided_by AND o.organisation_id = q.organisation_id
			AND d.at >= COALESCE(o.since, d.at) AND controls.london(d.at) BETWEEN o.valid_from AND COALESCE(o.valid_to, 'infinity') AND d.at < COALESCE(o.ended_at, 'infinity')
			AND ('RESPONSIBLE_OFFICER' = ANY (o.posts) AND v.kind = 'REGULATOR' OR 'EDUCATION_LEAD' = ANY (o.posts) AND v.kind = 'EDUCATION_TRAINING'
				OR 'RESEARCH_LEAD' = ANY (o.posts) AND v.kind = 'RESEARCH'))) THEN 'SD12' END], NULL) AS codes OFFSET 0) why
WHERE q.organisation_id = :organisation AND d.at >= :since AND d.at < :to AND d.entry_id <= :last
-- figures
SELECT 'broken' AS item, code AS part, count(*) AS value FROM shown, jsonb_array_elements_text(facts -> 'why') code GROUP BY code
