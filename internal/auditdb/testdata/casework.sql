-- Case tables for the tests: as generous to the application as can be, so that what refuses is the guard.
CREATE SCHEMA casework;
CREATE TABLE casework.requests (id uuid PRIMARY KEY, state text NOT NULL, entry_id bigint NOT NULL);
CREATE TABLE casework.versions (request_id uuid NOT NULL, n int NOT NULL, content text NOT NULL, digest bytea NOT NULL, entry_id bigint NOT NULL, erased_entry bigint, PRIMARY KEY (request_id, n));
CREATE TABLE casework.deeds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, request_id uuid NOT NULL, entry_id bigint NOT NULL);
CREATE TABLE casework.people (id uuid PRIMARY KEY, organisation_id uuid NOT NULL, name text NOT NULL, entry_id bigint NOT NULL);
SELECT audit.guard_table('casework.requests', 'request', 'id');
SELECT audit.guard_insert_only('casework.versions');
SELECT audit.guard_insert_only('casework.deeds');
SELECT audit.guard_table('casework.people', 'organisation', 'organisation_id');
CREATE VIEW casework.witnessed AS
	SELECT 'requests' AS table_name, id::text AS row_id, entry_id, id AS request_id, NULL::uuid AS organisation_id, '{}'::text[] AS says, '{}'::text[] AS words FROM casework.requests
	UNION ALL SELECT 'versions', request_id || ' ' || n, entry_id, request_id, NULL, '{}', '{}' FROM casework.versions
	UNION ALL SELECT 'deeds', id::text, entry_id, request_id, NULL, '{}', '{}' FROM casework.deeds
	UNION ALL SELECT 'people', id::text, entry_id, NULL, organisation_id, '{}', '{}' FROM casework.people;
GRANT USAGE ON SCHEMA casework TO caldicott_app, caldicott_reader;
GRANT ALL ON ALL TABLES IN SCHEMA casework TO caldicott_app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA casework TO caldicott_app;
GRANT SELECT ON ALL TABLES IN SCHEMA casework TO caldicott_reader;
CREATE TABLE audit.disposals (entry_id bigint PRIMARY KEY, certificate_entry bigint NOT NULL);
ALTER TABLE audit.entries ALTER canon DROP NOT NULL;
GRANT SELECT ON audit.disposals TO caldicott_reader;
