-- What the world outside says of the log: cosignatures of witnesses, and anchors of its daily checkpoint.
-- docs/decisions/0023-witnesses.md says why.

-- +goose Up

CREATE TABLE audit.cosignatures (
	size        bigint NOT NULL REFERENCES audit.checkpoints,
	witness     text NOT NULL CHECK (octet_length(witness) <= 512),
	line        text NOT NULL CHECK (octet_length(line) <= 8192),
	received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (size, witness)
);
CREATE INDEX cosignatures_witness_idx ON audit.cosignatures (witness, size);
COMMENT ON TABLE audit.cosignatures IS 'What witnesses say of checkpoints: that the log has become this from what they saw before. Each was verified when it came.';
COMMENT ON COLUMN audit.cosignatures.size IS 'The checkpoint.';
COMMENT ON COLUMN audit.cosignatures.witness IS 'Name and hash of the witness''s key, as in its verifier key.';
COMMENT ON COLUMN audit.cosignatures.line IS 'The line of the signed note, without its end. The witness''s own time is in it.';
COMMENT ON COLUMN audit.cosignatures.received_at IS 'When it was stored.';

CREATE TABLE audit.anchors (
	size    bigint NOT NULL REFERENCES audit.checkpoints,
	kind    text NOT NULL CHECK (kind IN ('timestamp', 'file', 'mail')),
	token   bytea NOT NULL CHECK (octet_length(token) BETWEEN 1 AND 262144),
	made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (size, kind)
);
CREATE INDEX anchors_made_idx ON audit.anchors (made_at);
COMMENT ON TABLE audit.anchors IS 'Where else a day''s checkpoint can be found, out of reach of whoever rules this database.';
COMMENT ON COLUMN audit.anchors.size IS 'The checkpoint.';
COMMENT ON COLUMN audit.anchors.kind IS 'timestamp: a time-stamping authority''s token (RFC 3161) of the checkpoint''s text; file: a file in a folder that keeps what it has; mail: a mail to people.';
COMMENT ON COLUMN audit.anchors.token IS 'The token as it came (DER); the file''s name; the note as it was sent.';
COMMENT ON COLUMN audit.anchors.made_at IS 'When it was stored.';

SELECT audit.keep('audit.cosignatures', 'UPDATE OR DELETE');
SELECT audit.keep('audit.anchors', 'UPDATE OR DELETE');

GRANT SELECT ON audit.cosignatures, audit.anchors TO caldicott_sealer, caldicott_reader;
GRANT INSERT (size, witness, line) ON audit.cosignatures TO caldicott_sealer;
GRANT INSERT (size, kind, token) ON audit.anchors TO caldicott_sealer;
