-- Nothing in this database is defined, changed, granted or dropped but by a release. Run this once in the service's database
-- as a superuser: event triggers are theirs alone, and so the owner of the tables can neither drop them nor switch them off.
-- A superuser can; the hourly attestation then shows it. docs/decisions/0025-erasure.md says what it is worth.
BEGIN;
DO $$
DECLARE
	guard name;
BEGIN
	FOR guard IN SELECT evtname FROM pg_event_trigger WHERE evtname LIKE 'caldicott\_%' LOOP
		EXECUTE format('DROP EVENT TRIGGER %I', guard);
	END LOOP;
END
$$;
CREATE SCHEMA IF NOT EXISTS caldicott_guard;
COMMENT ON SCHEMA caldicott_guard IS 'What keeps everybody but a release from changing what is defined here. A superuser''s.';

-- A release says which migration it brings, and it must not be there yet. Any owner could say so: this keeps slips and
-- other people''s tools out, and whoever means it leaves the statement in the server's log.
CREATE OR REPLACE FUNCTION caldicott_guard.releasing() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	brings CONSTANT text := current_setting('caldicott.release', true);
BEGIN
	RETURN brings ~ '^[0-9]{1,9}$'
		AND pg_has_role(session_user, (SELECT nspowner FROM pg_namespace WHERE nspname = 'audit'), 'MEMBER')
		AND brings::bigint > (SELECT max(version_id) FROM public.goose_db_version WHERE is_applied);
EXCEPTION WHEN undefined_table THEN
	RETURN false; -- it is this that is being dropped
END
$$;
COMMENT ON FUNCTION caldicott_guard.releasing() IS 'Whether a member of the owner''s role brings a migration that is not there yet.';

-- Whose definition it is is not asked: the catalogue names no schema for a GRANT or a RULE, and what was moved out of its schema is
-- named by the new one. Only what is temporary may come and go.
CREATE OR REPLACE FUNCTION caldicott_guard.refuse_definition() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	done record;
BEGIN
	FOR done IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
		CONTINUE WHEN done.schema_name = 'pg_temp' OR done.command_tag IN ('REINDEX', 'REFRESH MATERIALIZED VIEW');
		IF caldicott_guard.releasing() IS NOT TRUE THEN
			RAISE EXCEPTION '% of % is refused: only a release defines anything here', done.command_tag, coalesce(done.object_identity, done.object_type)
				USING ERRCODE = 'CG010';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION caldicott_guard.refuse_definition() IS 'Event trigger: CG010 unless a release is under way.';

CREATE OR REPLACE FUNCTION caldicott_guard.refuse_drop() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	gone record;
BEGIN
	FOR gone IN SELECT * FROM pg_event_trigger_dropped_objects() LOOP
		CONTINUE WHEN gone.is_temporary;
		IF caldicott_guard.releasing() IS NOT TRUE THEN
			RAISE EXCEPTION 'the end of % is refused: only a release drops anything here', gone.object_identity USING ERRCODE = 'CG010';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION caldicott_guard.refuse_drop() IS 'Event trigger: CG010 unless a release is under way.';

CREATE OR REPLACE FUNCTION caldicott_guard.refuse_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (SELECT relpersistence <> 't' FROM pg_class WHERE oid = pg_event_trigger_table_rewrite_oid()) AND caldicott_guard.releasing() IS NOT TRUE THEN
		RAISE EXCEPTION 'rewriting % is refused: only a release does that', pg_event_trigger_table_rewrite_oid()::regclass USING ERRCODE = 'CG010';
	END IF;
END
$$;
COMMENT ON FUNCTION caldicott_guard.refuse_rewrite() IS 'Event trigger: CG010 unless a release is under way.';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA caldicott_guard FROM PUBLIC;
GRANT USAGE ON SCHEMA caldicott_guard TO PUBLIC;
GRANT EXECUTE ON FUNCTION caldicott_guard.releasing() TO PUBLIC;

-- ALWAYS, or a session that calls itself a replica would not meet them.
CREATE EVENT TRIGGER caldicott_definition ON ddl_command_end EXECUTE FUNCTION caldicott_guard.refuse_definition();
ALTER EVENT TRIGGER caldicott_definition ENABLE ALWAYS;
CREATE EVENT TRIGGER caldicott_drop ON sql_drop EXECUTE FUNCTION caldicott_guard.refuse_drop();
ALTER EVENT TRIGGER caldicott_drop ENABLE ALWAYS;
CREATE EVENT TRIGGER caldicott_rewrite ON table_rewrite EXECUTE FUNCTION caldicott_guard.refuse_rewrite();
ALTER EVENT TRIGGER caldicott_rewrite ENABLE ALWAYS;
COMMIT;
