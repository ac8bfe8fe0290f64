-- What is promised of a deed is given again with its answer.

-- +goose Up

ALTER TABLE casework.answers_given ADD COLUMN receipt text NOT NULL DEFAULT '' CHECK (octet_length(receipt) <= 16384);
COMMENT ON COLUMN casework.answers_given.receipt IS 'Audit-Receipt header; empty where none was signed.';
GRANT UPDATE (receipt) ON casework.answers_given TO caldicott_app;

-- People, appointments and delegations are brought up to date in place; what they were at an instant is kept here. Of a row
-- that was changed before this migration only the newest state is known, and from when on.
CREATE TABLE casework.directory_versions (
	kind            text NOT NULL CHECK (kind IN ('people', 'appointments', 'delegations')),
	row_id          uuid NOT NULL,
	revision        integer NOT NULL,
	organisation_id uuid NOT NULL REFERENCES casework.organisations,
	body            jsonb NOT NULL,
	at              timestamptz NOT NULL,
	entry_id        bigint NOT NULL,
	PRIMARY KEY (kind, row_id, revision)
);
COMMENT ON TABLE casework.directory_versions IS 'Every state that a person''s record, an appointment or a delegation was in.';
COMMENT ON COLUMN casework.directory_versions.kind IS 'The table of the row.';
COMMENT ON COLUMN casework.directory_versions.row_id IS 'The row''s id.';
COMMENT ON COLUMN casework.directory_versions.revision IS 'The row''s revision.';
COMMENT ON COLUMN casework.directory_versions.organisation_id IS 'The row''s organisation.';
COMMENT ON COLUMN casework.directory_versions.body IS 'The row, by column.';
COMMENT ON COLUMN casework.directory_versions.at IS 'Since when it was so.';
COMMENT ON COLUMN casework.directory_versions.entry_id IS 'The entry of the trail.';

INSERT INTO casework.directory_versions (kind, row_id, revision, organisation_id, body, at, entry_id)
SELECT x.kind, x.id, x.revision, x.organisation_id, x.body - 'entry_id', e.occurred_at, x.entry_id
FROM (
	SELECT 'people' AS kind, p.id, p.revision, p.organisation_id, to_jsonb(p) AS body, p.entry_id FROM casework.people p
	UNION ALL SELECT 'appointments', a.id, a.revision, a.organisation_id, to_jsonb(a), a.entry_id FROM casework.appointments a
	UNION ALL SELECT 'delegations', d.id, d.revision, d.organisation_id, to_jsonb(d), d.entry_id FROM casework.delegations d
) x JOIN audit.entries e ON e.id = x.entry_id;

-- The view of every row that must have its entry, with these added to whatever it holds by now.
-- +goose StatementBegin
DO $$
BEGIN
	EXECUTE 'CREATE OR REPLACE VIEW casework.witnessed AS ' || rtrim(pg_get_viewdef('casework.witnessed'), ';') ||
		' UNION ALL SELECT ''directory_versions'', kind || ''/'' || row_id || ''/'' || revision, entry_id, CAST(NULL AS uuid), organisation_id,
			CAST(''{}'' AS text[]), CAST(''{}'' AS text[]) FROM casework.directory_versions';
END
$$;
-- +goose StatementEnd

SELECT audit.guard_insert_only('casework.directory_versions', 'organisation', 'organisation_id');
GRANT SELECT, INSERT ON casework.directory_versions TO caldicott_app;
