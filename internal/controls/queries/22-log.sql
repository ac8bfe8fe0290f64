-- 22 The log, complete and unaltered
-- Question: Is every entry of the period sealed in the log, unaltered, and is every leaf of the log an entry?
-- Counts: one row for each fault. The log is one for all organisations. Periods go by the database's clock. The proof that needs no trust in this database is `caldicott audit verify` with an older checkpoint as anchor.
-- Fails: an entry older than 5 seconds without a leaf (UNSEALED), an entry whose bytes or hash differ from its leaf's, or whose bytes are gone without a certificate (ALTERED), a leaf without its entry (REMOVED), a checkpoint over leaves that are not there (TRUNCATED).
-- Rests on: entries of the trail, leaves, checkpoints, signatures
-- Rows: of the period
SELECT e.id AS entry_id, CASE WHEN e.organisation_id = :organisation THEN e.request_id END AS request_id, CAST(NULL AS integer) AS version, CAST(NULL AS uuid) AS decision_id, '' AS subject, e.recorded_at AS at, true AS marked,
	jsonb_build_object('why', CASE WHEN l.entry_id IS NULL THEN 'UNSEALED' ELSE 'ALTERED' END, 'leaf', l.leaf_index) AS facts
FROM audit.entries e LEFT JOIN audit.leaves l ON l.entry_id = e.id
WHERE e.recorded_at >= :since AND e.recorded_at < :to AND e.id <= :last
	AND CASE WHEN l.entry_id IS NULL THEN e.recorded_at < statement_timestamp() - interval '5 seconds'
		ELSE l.leaf_hash <> e.leaf_hash OR e.leaf_hash <> sha256(CAST('\x00' AS bytea) || e.canon)
			OR e.canon IS NULL AND NOT EXISTS (SELECT FROM audit.disposals x WHERE x.entry_id = e.id) END
UNION ALL
SELECT l.entry_id, NULL, NULL, NULL, concat('leaf ', l.leaf_index),
	(SELECT min(c.sealed_at) FROM audit.checkpoints c WHERE c.size > l.leaf_index), true,
	jsonb_build_object('why', 'REMOVED', 'leaf', l.leaf_index)
FROM audit.leaves l
WHERE l.leaf_index >= (SELECT COALESCE(max(size), 0) FROM audit.checkpoints WHERE sealed_at < :since)
	AND l.leaf_index < (SELECT COALESCE(max(size), 0) FROM audit.checkpoints WHERE sealed_at < :to)
	AND NOT EXISTS (SELECT FROM audit.entries e WHERE e.id = l.entry_id)
UNION ALL
SELECT 0, NULL, NULL, NULL, concat('checkpoint ', c.size), c.sealed_at, true, jsonb_build_object('why', 'TRUNCATED', 'size', c.size)
FROM audit.checkpoints c
WHERE c.sealed_at >= :since AND c.sealed_at < :to AND c.size > (SELECT COALESCE(max(leaf_index) + 1, 0) FROM audit.leaves)
-- figures
SELECT 'entries' AS item, '' AS part, count(*) AS value FROM audit.entries e WHERE e.recorded_at >= :from AND e.recorded_at < :to AND e.id <= :last
UNION ALL SELECT 'checkpoints', '', count(*) FROM audit.checkpoints c WHERE c.sealed_at >= :from AND c.sealed_at < :to
UNION ALL SELECT 'checkpoints signed', '', count(DISTINCT s.size) FROM audit.signatures s JOIN audit.checkpoints c ON c.size = s.size WHERE c.sealed_at >= :from AND c.sealed_at < :to
UNION ALL (SELECT 'size at the start, with its root', encode(c.root, 'hex'), c.size FROM audit.checkpoints c WHERE c.sealed_at < :from ORDER BY c.size DESC LIMIT 1)
UNION ALL (SELECT 'size at the end, with its root', encode(c.root, 'hex'), c.size FROM audit.checkpoints c WHERE c.sealed_at < :to ORDER BY c.size DESC LIMIT 1)
