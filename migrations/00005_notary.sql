-- The sealed log: every entry of the trail becomes one leaf of one Merkle tree (RFC 6962), in batches, by the sealer's
-- login alone. docs/decisions/0019-sealing.md says why. Errors, besides those of the trail:
--   CG007  the checkpoint does not extend the log as it is stored

-- +goose Up

-- +goose StatementBegin
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'caldicott_sealer') THEN
		CREATE ROLE caldicott_sealer NOLOGIN;
	END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
	NULL; -- another database's migration won the race
END
$$;
-- +goose StatementEnd

-- entry_id has no foreign key: the check would lock, and so rewrite, every entry that is sealed. The sealer reads the
-- entries that it seals, and the verifier reads both tables.
CREATE TABLE audit.leaves (
	leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
	entry_id   bigint NOT NULL UNIQUE,
	leaf_hash  bytea NOT NULL CHECK (octet_length(leaf_hash) = 32)
);
COMMENT ON TABLE audit.leaves IS 'The leaves of the log''s tree, one for each entry of the trail, in the order in which they were sealed.';
COMMENT ON COLUMN audit.leaves.leaf_index IS 'Place in the log, from 0 without gaps.';
COMMENT ON COLUMN audit.leaves.entry_id IS 'The entry of the trail.';
COMMENT ON COLUMN audit.leaves.leaf_hash IS 'The entry''s leaf_hash, as it was computed from its bytes when they were sealed.';

CREATE TABLE audit.tiles (
	level  smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
	idx    bigint NOT NULL CHECK (idx >= 0),
	root   bytea NOT NULL CHECK (octet_length(root) = 32),
	hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
	PRIMARY KEY (level, idx)
);
ALTER TABLE audit.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL; -- hashes do not shrink
COMMENT ON TABLE audit.tiles IS 'Full tiles of the tree: 256 hashes side by side. The tile that is not yet full is computed on reading, so that no row is ever rewritten.';
COMMENT ON COLUMN audit.tiles.level IS 'Height of the tile: its hashes stand 8 × level above the leaves.';
COMMENT ON COLUMN audit.tiles.idx IS 'Place among the tiles of its level, from 0.';
COMMENT ON COLUMN audit.tiles.root IS 'Root of the tile: hash number idx of the level above.';
COMMENT ON COLUMN audit.tiles.hashes IS 'The 256 hashes, one after the other.';

CREATE TABLE audit.checkpoints (
	size      bigint PRIMARY KEY CHECK (size > 0),
	root      bytea NOT NULL CHECK (octet_length(root) = 32),
	low_water xid8 NOT NULL,
	sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE audit.checkpoints IS 'What the log was after each batch. Unsigned: a checkpoint is signed once it is durable.';
COMMENT ON COLUMN audit.checkpoints.size IS 'How many leaves the log had.';
COMMENT ON COLUMN audit.checkpoints.root IS 'The root of its tree.';
COMMENT ON COLUMN audit.checkpoints.low_water IS 'Entries of transactions before this one are all sealed: where the next look begins.';
COMMENT ON COLUMN audit.checkpoints.sealed_at IS 'The database''s own clock at the sealing.';

CREATE TABLE audit.keys (
	n               integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	vkey            text NOT NULL CHECK (octet_length(vkey) <= 4096),
	role            text NOT NULL CHECK (role IN ('log', 'receipt', 'witness')),
	valid_from_size bigint NOT NULL CHECK (valid_from_size >= 0),
	valid_to_size   bigint CHECK (valid_to_size >= valid_from_size),
	noted_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX keys_vkey_idx ON audit.keys (vkey, n);
COMMENT ON TABLE audit.keys IS 'What was said of each public key, the newest word last. For information: whoever verifies has keys from elsewhere. Secret keys are never here.';
COMMENT ON COLUMN audit.keys.n IS 'Order of saying.';
COMMENT ON COLUMN audit.keys.vkey IS 'The public key as a verifier key of a signed note.';
COMMENT ON COLUMN audit.keys.role IS 'What it signs: the log''s checkpoints, receipts, or a witness''s cosignatures.';
COMMENT ON COLUMN audit.keys.valid_from_size IS 'The smallest size of the log that it signs.';
COMMENT ON COLUMN audit.keys.valid_to_size IS 'The first size that it signs no more; null while it is in use.';
COMMENT ON COLUMN audit.keys.noted_at IS 'When this was said.';

CREATE TABLE audit.signatures (
	size      bigint NOT NULL REFERENCES audit.checkpoints,
	key_id    text NOT NULL CHECK (octet_length(key_id) <= 512),
	line      text NOT NULL CHECK (octet_length(line) <= 8192),
	signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (size, key_id)
);
COMMENT ON TABLE audit.signatures IS 'Signatures of checkpoints. Not every checkpoint is signed: the newest one is, whenever the signer looks.';
COMMENT ON COLUMN audit.signatures.size IS 'The checkpoint.';
COMMENT ON COLUMN audit.signatures.key_id IS 'Name and hash of the key, as in its verifier key.';
COMMENT ON COLUMN audit.signatures.line IS 'The line of the signed note, without its end.';
COMMENT ON COLUMN audit.signatures.signed_at IS 'When it was stored.';

-- require_extension keeps a checkpoint from standing over leaves that are not there: with the primary keys it is what
-- makes two sealers one log, whatever they believe.
-- +goose StatementBegin
CREATE FUNCTION audit.require_extension() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before bigint := COALESCE((SELECT max(size) FROM audit.checkpoints), 0);
	added  bigint := (SELECT count(*) FROM audit.leaves WHERE leaf_index >= before);
	last   bigint := (SELECT max(leaf_index) FROM audit.leaves);
	tiles  bigint := COALESCE((SELECT max(idx) + 1 FROM audit.tiles WHERE level = 0), 0);
BEGIN
	IF NEW.size > before AND NEW.size = before + added AND NEW.size = last + 1 AND NEW.size / 256 = tiles THEN
		RETURN NEW;
	END IF;
	RAISE EXCEPTION 'a checkpoint of % does not extend a log of % by % leaves up to % in % tiles', NEW.size, before, added, last, tiles
		USING ERRCODE = 'CG007';
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.require_extension() IS 'Trigger: CG007 unless the checkpoint is larger than the last, and its leaves and full tiles are stored.';
REVOKE ALL ON FUNCTION audit.require_extension() FROM PUBLIC;

SELECT audit.keep('audit.leaves', 'UPDATE OR DELETE');
SELECT audit.keep('audit.tiles', 'UPDATE OR DELETE');
SELECT audit.keep('audit.checkpoints', 'UPDATE OR DELETE');
SELECT audit.keep('audit.keys', 'UPDATE OR DELETE');
SELECT audit.keep('audit.signatures', 'UPDATE OR DELETE');
CREATE TRIGGER extend BEFORE INSERT ON audit.checkpoints FOR EACH ROW EXECUTE FUNCTION audit.require_extension();
ALTER TABLE audit.checkpoints ENABLE ALWAYS TRIGGER extend;

GRANT USAGE ON SCHEMA audit TO caldicott_sealer;
GRANT SELECT (id, xid, canon, leaf_hash) ON audit.entries TO caldicott_sealer;
GRANT SELECT ON audit.leaves, audit.tiles, audit.checkpoints, audit.keys, audit.signatures TO caldicott_sealer, caldicott_reader;
GRANT INSERT ON audit.leaves, audit.tiles TO caldicott_sealer;
GRANT INSERT (size, root, low_water) ON audit.checkpoints TO caldicott_sealer;
GRANT INSERT (vkey, role, valid_from_size, valid_to_size) ON audit.keys TO caldicott_sealer;
GRANT INSERT (size, key_id, line) ON audit.signatures TO caldicott_sealer;
