-- The audit trail: what was done, refused and read, written in the transaction of the deed itself and never changed.
-- docs/audit.md says what it proves. Errors of this schema:
--   CG001  the chain does not end where the new entry says it does
--   CG002  the entry is not of the shape that the trail accepts
--   CG003  the entry does not say what the call says
--   CG004  the table is append-only
--   CG005  a change came without its entry in the trail
--   CG006  something swallowed the entry

-- +goose Up

-- Roles belong to the whole cluster, so another database's migration may have made them, or be making them now.
-- +goose StatementBegin
DO $$
DECLARE
	wanted text;
BEGIN
	FOREACH wanted IN ARRAY ARRAY['caldicott_app', 'caldicott_reader'] LOOP
		CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
		BEGIN
			EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
		EXCEPTION WHEN duplicate_object OR unique_violation THEN
			NULL; -- the other one won the race
		END;
	END LOOP;
END
$$;
-- +goose StatementEnd

CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'The trail: what was done, refused and read. Append-only for every role.';

CREATE TABLE audit.entries (
	id              bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
	xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
	stream          text NOT NULL,
	seq             integer CHECK (seq > 0),
	canon           bytea NOT NULL CHECK (octet_length(canon) BETWEEN 1 AND 65535),
	leaf_hash       bytea NOT NULL,
	recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
	request_id      uuid,
	organisation_id uuid,
	actor_id        uuid,
	action          text NOT NULL,
	outcome         text NOT NULL CHECK (outcome IN ('done', 'refused')),
	rule            text,
	occurred_at     timestamptz NOT NULL,
	CONSTRAINT entries_stream_seq_key UNIQUE (stream, seq),
	CONSTRAINT entries_leaf_hash_check CHECK (leaf_hash = sha256('\x00'::bytea || canon))
);
CREATE INDEX entries_xid_idx ON audit.entries (xid);
CREATE INDEX entries_request_idx ON audit.entries (request_id, id);
CREATE INDEX entries_actor_idx ON audit.entries (actor_id, id);
CREATE INDEX entries_recorded_idx ON audit.entries USING brin (recorded_at);
CREATE INDEX entries_refused_idx ON audit.entries (id) WHERE outcome = 'refused';
COMMENT ON TABLE audit.entries IS 'One row for each deed, refusal or reading. canon is the truth; the columns after recorded_at only repeat what it says, for searching.';
COMMENT ON COLUMN audit.entries.id IS 'Order of writing. Gaps are transactions that were rolled back.';
COMMENT ON COLUMN audit.entries.xid IS 'The transaction that wrote the entry: the case rows that it changed must name this entry.';
COMMENT ON COLUMN audit.entries.stream IS 'What the entry belongs to: request:<uuid> and organisation:<uuid> are chained, all others are not.';
COMMENT ON COLUMN audit.entries.seq IS 'Place in the chain of the stream, from 1 without gaps; null where the entry is not chained.';
COMMENT ON COLUMN audit.entries.canon IS 'The entry itself: canonical JSON (RFC 8785) of codes and identifiers, no free text and no names.';
COMMENT ON COLUMN audit.entries.leaf_hash IS 'SHA-256 of a zero byte and canon: the leaf of RFC 6962.';
COMMENT ON COLUMN audit.entries.recorded_at IS 'The database''s own clock at the writing.';
COMMENT ON COLUMN audit.entries.request_id IS 'canon.request: the request that the entry is about.';
COMMENT ON COLUMN audit.entries.organisation_id IS 'canon.organisation: the organisation that the entry is about.';
COMMENT ON COLUMN audit.entries.actor_id IS 'canon.actor: the person who acted; null for the service itself and for strangers.';
COMMENT ON COLUMN audit.entries.action IS 'canon.action: the name of the deed or of the way of reading.';
COMMENT ON COLUMN audit.entries.outcome IS 'canon.outcome: done or refused.';
COMMENT ON COLUMN audit.entries.rule IS 'canon.rule: the code of the rule that refused.';
COMMENT ON COLUMN audit.entries.occurred_at IS 'canon.at: the service''s clock at the deed.';

CREATE TABLE audit.details (
	entry_id      bigint PRIMARY KEY REFERENCES audit.entries (id),
	salt          bytea CHECK (octet_length(salt) = 32),
	body          bytea CHECK (octet_length(body) <= 8388608),
	erased_at     timestamptz,
	erasure_entry bigint REFERENCES audit.entries (id),
	CONSTRAINT details_whole_or_erased_check CHECK (
		num_nulls(salt, body) = 0 AND num_nulls(erased_at, erasure_entry) = 2
		OR num_nulls(salt, body) = 2 AND num_nulls(erased_at, erasure_entry) = 0)
);
COMMENT ON TABLE audit.details IS 'The words of an entry (reasons, names), kept apart so that they can be erased while the entry stays provable.';
COMMENT ON COLUMN audit.details.entry_id IS 'The entry whose canon.detail commits to salt and body.';
COMMENT ON COLUMN audit.details.salt IS '32 random bytes: without them the commitment says nothing about the body.';
COMMENT ON COLUMN audit.details.body IS 'The bytes committed to, as they were hashed.';
COMMENT ON COLUMN audit.details.erased_at IS 'When salt and body were erased.';
COMMENT ON COLUMN audit.details.erasure_entry IS 'The entry that records the erasure.';

-- Every deed moves its chain's end: room is left on the page so that the update stays on it.
CREATE TABLE audit.chains (
	stream text PRIMARY KEY,
	seq    integer NOT NULL CHECK (seq > 0),
	head   bytea NOT NULL CHECK (octet_length(head) = 32)
) WITH (fillfactor = 70);
COMMENT ON TABLE audit.chains IS 'The end of every chain: what the next entry must follow. Only audit.append moves it.';
COMMENT ON COLUMN audit.chains.stream IS 'The stream, as in audit.entries.';
COMMENT ON COLUMN audit.chains.seq IS 'seq of the last entry.';
COMMENT ON COLUMN audit.chains.head IS 'leaf_hash of the last entry.';

-- spell writes an entry again, as it must be written: every member there is, in canonical order. Bytes that it does not
-- give back have a member more, a member twice, another order, an escape or a space. (A pattern would say the same, and
-- took 0.4 ms: PostgreSQL builds a pattern's automaton anew at every match.)
-- +goose StatementBegin
CREATE FUNCTION audit.spell(doc jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	facts text;
BEGIN
	IF doc ? 'facts' THEN
		SELECT string_agg(concat('"', key, '":"', value, '"'), ',' ORDER BY key COLLATE "C") INTO facts
		FROM jsonb_each_text(doc -> 'facts');
	END IF;
	RETURN concat('{',
		'"acting":"' || (doc ->> 'acting') || '",',
		'"action":"' || (doc ->> 'action') || '",',
		'"actor":"' || (doc ->> 'actor') || '",',
		'"appointment":"' || (doc ->> 'appointment') || '",',
		'"at":' || (doc ->> 'at') || ',',
		'"delegation":"' || (doc ->> 'delegation') || '",',
		'"detail":"' || (doc ->> 'detail') || '",',
		'"digest":"' || (doc ->> 'digest') || '",',
		'"facts":{' || facts || '},',
		'"from":"' || (doc ->> 'from') || '",',
		'"line":"' || (doc ->> 'line') || '",',
		'"nonce":"' || (doc ->> 'nonce') || '",',
		'"organisation":"' || (doc ->> 'organisation') || '",',
		'"outcome":"' || (doc ->> 'outcome') || '",',
		'"policy":"' || (doc ->> 'policy') || '",',
		'"prev":"' || (doc ->> 'prev') || '",',
		'"request":"' || (doc ->> 'request') || '",',
		'"rule":"' || (doc ->> 'rule') || '",',
		'"seq":' || (doc ->> 'seq') || ',',
		'"stream":"' || (doc ->> 'stream') || '",',
		'"subject":"' || (doc ->> 'subject') || '",',
		'"to":"' || (doc ->> 'to') || '",',
		'"v":1',
		',"version":' || (doc ->> 'version'),
		'}');
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.spell(jsonb) IS 'The canonical spelling of an entry of version 1.';

-- fits looks at the values, which spell takes as they come. An absent member makes its comparisons null, which refuse
-- nothing. What is no number and no uuid at all raises an error of its own, which read_canon turns into CG002.
-- +goose StatementBegin
CREATE FUNCTION audit.fits(doc jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	code  CONSTANT text := 'abcdefghijklmnopqrstuvwxyz_';
	words CONSTANT text := 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.:/@+-';
	names text;
	facts text;
	empty boolean;
BEGIN
	IF doc ? 'facts' THEN
		SELECT string_agg(key, ''), string_agg(value, ''), bool_or('' IN (key, value)) INTO names, facts, empty
		FROM jsonb_each_text(doc -> 'facts');
	END IF;
	RETURN (empty
		OR num_nulls(doc ->> 'action', doc ->> 'at', doc ->> 'nonce', doc ->> 'outcome', doc ->> 'stream') > 0
		OR '' IN (doc ->> 'acting', doc ->> 'action', doc ->> 'from', doc ->> 'line', doc ->> 'rule', doc ->> 'to')
		OR '' <> ltrim(concat(doc ->> 'acting', doc ->> 'line', doc ->> 'rule', facts), words)
		OR '' <> ltrim(concat(doc ->> 'action', doc ->> 'from', doc ->> 'to', names), code)
		OR '' <> ltrim(concat(doc ->> 'detail', doc ->> 'digest', doc ->> 'nonce', doc ->> 'policy', doc ->> 'prev'), '0123456789abcdef')
		OR 64 <> length(doc ->> 'detail') OR 64 <> length(doc ->> 'digest')
		OR 64 <> length(doc ->> 'policy') OR 64 <> length(doc ->> 'prev') OR 32 <> length(doc ->> 'nonce')
		OR doc ->> 'outcome' NOT IN ('done', 'refused')
		OR doc ->> 'stream' !~ '^[a-z_]+(?::[0-9a-z-]+)?$'
		OR (doc ->> 'at')::bigint NOT BETWEEN 1 AND 9007199254740991
		OR (doc ->> 'seq')::bigint NOT BETWEEN 1 AND 999999999
		OR (doc ->> 'version')::bigint NOT BETWEEN 1 AND 999999999
		OR (doc ->> 'actor')::uuid::text <> doc ->> 'actor'
		OR (doc ->> 'appointment')::uuid::text <> doc ->> 'appointment'
		OR (doc ->> 'delegation')::uuid::text <> doc ->> 'delegation'
		OR (doc ->> 'organisation')::uuid::text <> doc ->> 'organisation'
		OR (doc ->> 'request')::uuid::text <> doc ->> 'request'
		OR (doc ->> 'subject')::uuid::text <> doc ->> 'subject') IS NOT TRUE;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.fits(jsonb) IS 'Whether the values of an entry are of their kinds: codes, identifiers, hashes, numbers; no free text.';

-- read_canon is the gate for what may stand in an entry. encode(…, 'escape') cannot fail, and leaves the accepted
-- alphabet as it is.
-- +goose StatementBegin
CREATE FUNCTION audit.read_canon(canon bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	words text := encode(canon, 'escape');
	doc   jsonb;
	known boolean := false;
BEGIN
	BEGIN
		doc := words::jsonb;
		known := octet_length(canon) <= 65535 AND audit.spell(doc) = words AND audit.fits(doc);
	EXCEPTION WHEN data_exception THEN
		NULL; -- not JSON, or a number or uuid that is none
	END;
	IF known IS NOT TRUE THEN
		RAISE EXCEPTION 'the entry is not a canonical entry of a known shape' USING ERRCODE = 'CG002';
	END IF;
	RETURN doc;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.read_canon(bytea) IS 'The members of a canonical entry; CG002 for anything else.';

-- require_agreement keeps an entry from saying one thing to the database and another to those who will read it.
-- +goose StatementBegin
CREATE FUNCTION audit.require_agreement(doc jsonb, stream text, seq integer, prev bytea, salt bytea, body bytea) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind     text := split_part(stream, ':', 1);
	chained  boolean := seq IS NOT NULL;
	reading  boolean := doc ->> 'action' IN ('viewed', 'searched', 'exported');
	detail   text := encode(sha256(convert_to('cg/detail/v1', 'UTF8') || salt || body), 'hex');
BEGIN
	IF doc ->> 'stream' IS DISTINCT FROM stream
		OR doc ->> 'seq' IS DISTINCT FROM seq::text
		OR doc ->> 'prev' IS DISTINCT FROM encode(prev, 'hex')
		OR chained <> (prev IS NOT NULL)
	THEN
		RAISE EXCEPTION 'the entry does not name the stream, seq and prev that it is appended with' USING ERRCODE = 'CG003';
	END IF;
	IF kind IN ('request', 'organisation') AND stream IS DISTINCT FROM kind || ':' || (doc ->> kind) THEN
		RAISE EXCEPTION 'an entry of stream % must be about that %', stream, kind USING ERRCODE = 'CG003';
	END IF;
	IF chained AND (kind NOT IN ('request', 'organisation') OR doc ->> 'outcome' <> 'done' OR reading) THEN
		RAISE EXCEPTION 'only deeds done on a request or an organisation are chained' USING ERRCODE = 'CG003';
	END IF;
	IF num_nulls(salt, body) = 1 OR octet_length(salt) <> 32 OR doc ->> 'detail' IS DISTINCT FROM detail THEN
		RAISE EXCEPTION 'the entry does not commit to the salt and body that it is appended with' USING ERRCODE = 'CG003';
	END IF;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.require_agreement(jsonb, text, integer, bytea, bytea, bytea) IS 'CG003 unless the entry says what the call says.';

-- append is the only way into the trail. The entry goes in before the chain moves, because the guard of
-- audit.chains asks for it; of two that extend the same chain, the later waits for the earlier and then gets CG001.
-- +goose StatementBegin
CREATE FUNCTION audit.append(stream text, seq integer, prev bytea, canon bytea, salt bytea, body bytea) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	doc  jsonb := audit.read_canon(append.canon);
	leaf bytea := sha256('\x00'::bytea || append.canon);
	made bigint;
BEGIN
	PERFORM audit.require_agreement(doc, append.stream, append.seq, append.prev, append.salt, append.body);
	INSERT INTO audit.entries (stream, seq, canon, leaf_hash, request_id, organisation_id, actor_id, action, outcome, rule, occurred_at)
	VALUES (append.stream, append.seq, append.canon, leaf, (doc ->> 'request')::uuid, (doc ->> 'organisation')::uuid,
		(doc ->> 'actor')::uuid, doc ->> 'action', doc ->> 'outcome', doc ->> 'rule',
		'epoch'::timestamptz + (doc ->> 'at')::bigint * interval '1 microsecond')
	ON CONFLICT ON CONSTRAINT entries_stream_seq_key DO NOTHING
	RETURNING id INTO made;
	IF made IS NULL AND NOT EXISTS (SELECT FROM audit.entries e WHERE e.stream = append.stream AND e.seq = append.seq) THEN
		RAISE EXCEPTION 'the entry was swallowed' USING ERRCODE = 'CG006';
	END IF;
	IF append.seq = 1 AND made IS NOT NULL AND append.prev = decode(repeat('00', 32), 'hex') THEN
		INSERT INTO audit.chains (stream, seq, head) VALUES (append.stream, 1, leaf) ON CONFLICT DO NOTHING;
	ELSIF append.seq IS NOT NULL THEN
		UPDATE audit.chains c SET seq = append.seq, head = leaf
		WHERE c.stream = append.stream AND c.seq = append.seq - 1 AND c.head = append.prev AND made IS NOT NULL;
	END IF;
	IF append.seq IS NOT NULL AND NOT FOUND THEN
		RAISE EXCEPTION 'stream % does not end in seq % with head %', append.stream, append.seq - 1, encode(append.prev, 'hex')
			USING ERRCODE = 'CG001';
	END IF;
	IF append.body IS NOT NULL THEN
		INSERT INTO audit.details (entry_id, salt, body) VALUES (made, append.salt, append.body);
		IF NOT FOUND THEN
			RAISE EXCEPTION 'the detail of the entry was swallowed' USING ERRCODE = 'CG006';
		END IF;
	END IF;
	RETURN made;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.append(text, integer, bytea, bytea, bytea, bytea) IS
	'Appends an entry and returns its id. Chained: seq follows the chain''s, prev is its head (32 zero bytes before seq 1). Unchained: seq and prev are null.';

-- +goose StatementBegin
CREATE FUNCTION audit.refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION '%.% keeps everything: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'CG004';
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.refuse() IS 'Trigger: refuses whatever it stands on.';

-- +goose StatementBegin
CREATE FUNCTION audit.require_head() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before integer := 0;
BEGIN
	IF TG_OP = 'UPDATE' THEN
		before := OLD.seq;
	END IF;
	IF NEW.seq = before + 1 AND (TG_OP = 'INSERT' OR NEW.stream = OLD.stream) AND EXISTS (
		SELECT FROM audit.entries e
		WHERE e.stream = NEW.stream AND e.seq = NEW.seq AND e.leaf_hash = NEW.head AND e.xid = pg_current_xact_id())
	THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION 'chain % moves only to the entry that this transaction appended', NEW.stream USING ERRCODE = 'CG004';
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.require_head() IS 'Trigger: a chain moves by one, to an entry of the same transaction.';

-- require_entry looks at commit. It is the definer's, because the application may not read the trail. The columns
-- are named in branches, not computed, so that a case row is never serialised to find out whose it is. The entry's
-- time matters after a restore into another cluster, where the transaction numbers of old entries come round again.
-- +goose StatementBegin
CREATE FUNCTION audit.require_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind   CONSTANT text := TG_ARGV[0];
	named  CONSTANT text := TG_ARGV[1];
	owner  uuid;
	before uuid;
BEGIN
	IF named = 'id' THEN
		owner := NEW.id;
		IF TG_OP = 'UPDATE' THEN before := OLD.id; END IF;
	ELSIF named = 'request_id' THEN
		owner := NEW.request_id;
		IF TG_OP = 'UPDATE' THEN before := OLD.request_id; END IF;
	ELSIF named = 'organisation_id' THEN
		owner := NEW.organisation_id;
		IF TG_OP = 'UPDATE' THEN before := OLD.organisation_id; END IF;
	END IF;
	IF TG_OP = 'UPDATE' AND before IS DISTINCT FROM owner THEN
		RAISE EXCEPTION '%.%: a row stays with its %', TG_TABLE_SCHEMA, TG_TABLE_NAME, kind USING ERRCODE = 'CG005';
	END IF;
	IF NOT EXISTS (
		SELECT FROM audit.entries e
		WHERE e.id = NEW.entry_id AND e.xid = pg_current_xact_id() AND e.recorded_at >= transaction_timestamp()
			AND e.stream = kind || ':' || owner AND e.seq IS NOT NULL AND e.outcome = 'done')
	THEN
		RAISE EXCEPTION '%.%: % without its entry in the trail', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'CG005';
	END IF;
	RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.require_entry() IS
	'Constraint trigger (kind, column): the row''s entry_id names a chained entry of this transaction, done, in the stream of the request or organisation that the column names.';

-- +goose StatementBegin
CREATE FUNCTION audit.keep(guarded regclass, events text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER keep_rows BEFORE %s ON %s FOR EACH ROW EXECUTE FUNCTION audit.refuse()', events, guarded);
	EXECUTE format('CREATE TRIGGER keep_table BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()', guarded);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER keep_rows, ENABLE ALWAYS TRIGGER keep_table', guarded);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.keep(regclass, text) IS 'Refuses the events, and TRUNCATE, on a table: for every role and in every replication role.';

-- +goose StatementBegin
CREATE FUNCTION audit.witness(guarded regclass, events text, kind text, owner_column text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF kind NOT IN ('request', 'organisation') OR owner_column NOT IN ('id', 'request_id', 'organisation_id') THEN
		RAISE EXCEPTION '% cannot be guarded by % and %', guarded, kind, owner_column;
	END IF;
	IF 2 <> (SELECT count(*) FROM pg_attribute WHERE attrelid = guarded AND attnotnull
		AND (attname, atttypid) IN (('entry_id', 'bigint'::regtype), (owner_column, 'uuid'::regtype)))
	THEN
		RAISE EXCEPTION '% needs entry_id bigint NOT NULL and % uuid NOT NULL', guarded, owner_column;
	END IF;
	EXECUTE format('CREATE CONSTRAINT TRIGGER witness AFTER %s ON %s DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION audit.require_entry(%L, %L)', events, guarded, kind, owner_column);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER witness', guarded);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.witness(regclass, text, text, text) IS 'Installs audit.require_entry on a table.';

-- +goose StatementBegin
CREATE FUNCTION audit.guard_table(guarded regclass, kind text DEFAULT 'request', owner_column text DEFAULT 'request_id') RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT audit.witness(guarded, 'INSERT OR UPDATE', kind, owner_column);
	SELECT audit.keep(guarded, 'DELETE');
END;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.guard_table(regclass, text, text) IS
	'For case tables: no change without its entry, no DELETE, no TRUNCATE. Kind is request or organisation, the column says which one (id, request_id or organisation_id).';

-- +goose StatementBegin
CREATE FUNCTION audit.guard_insert_only(guarded regclass, kind text DEFAULT 'request', owner_column text DEFAULT 'request_id') RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT audit.witness(guarded, 'INSERT', kind, owner_column);
	SELECT audit.keep(guarded, 'UPDATE OR DELETE');
END;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.guard_insert_only(regclass, text, text) IS 'As audit.guard_table, for case tables whose rows never change.';

SELECT audit.keep('audit.entries', 'UPDATE OR DELETE');
SELECT audit.keep('audit.details', 'UPDATE OR DELETE');
SELECT audit.keep('audit.chains', 'DELETE');
CREATE TRIGGER move BEFORE INSERT OR UPDATE ON audit.chains FOR EACH ROW EXECUTE FUNCTION audit.require_head();
ALTER TABLE audit.chains ENABLE ALWAYS TRIGGER move;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;
GRANT USAGE ON SCHEMA audit TO caldicott_app, caldicott_reader;
GRANT EXECUTE ON FUNCTION audit.append(text, integer, bytea, bytea, bytea, bytea) TO caldicott_app;
GRANT SELECT ON audit.chains TO caldicott_app;
GRANT SELECT ON ALL TABLES IN SCHEMA audit TO caldicott_reader;
