-- 21 Who looked
-- Question: Who viewed requests, and who searched or exported lists and the log itself; auditors too?
-- Counts: one row for each such entry of the trail, a refused look among them (marked).
-- Figures: by person and way of looking, and by purpose where one was stated; what was disposed of has neither.
-- Rests on: entries of the trail, people, appointments
-- Rows: of the period
SELECT e.id AS entry_id, e.request_id, CAST(NULL AS integer) AS version, CAST(NULL AS uuid) AS decision_id, '' AS subject, e.occurred_at AS at, e.outcome = 'refused' AS marked,
	jsonb_build_object('action', e.action, 'person', COALESCE(p.user_id, ''), 'outcome', e.outcome, 'disposed', e.disposed,
		'auditor', EXISTS (SELECT FROM controls.appointments a WHERE a.person = p.user_id AND a.role = 'AUDITOR'
			AND controls.london(e.occurred_at) BETWEEN a.valid_from AND COALESCE(a.valid_to, 'infinity') AND e.occurred_at < COALESCE(a.ended_at, 'infinity')),
		'said', CASE WHEN e.action IN ('searched', 'exported') THEN e.said -> 'facts' END) AS facts
FROM controls.entries e LEFT JOIN controls.people p ON p.id = e.actor_id
WHERE e.organisation_id = :organisation AND e.action IN ('viewed', 'searched', 'exported', 'view', 'view_comments', 'review_controls', 'trace_controls')
	AND e.occurred_at >= :since AND e.occurred_at < :to AND e.id <= :last
-- figures
SELECT facts ->> 'action' AS item, facts ->> 'person' AS part, count(*) AS value FROM shown GROUP BY item, part
UNION ALL SELECT 'by auditors', facts ->> 'action', count(*) FROM shown WHERE CAST(facts ->> 'auditor' AS boolean) GROUP BY facts ->> 'action'
UNION ALL SELECT 'by purpose', facts #>> '{said,purpose}', count(*) FROM shown WHERE facts #>> '{said,purpose}' IS NOT NULL GROUP BY facts #>> '{said,purpose}'
