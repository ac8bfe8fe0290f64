-- What is promised of a deed is given again with its answer.

-- +goose Up

ALTER TABLE casework.answers_given ADD COLUMN receipt text NOT NULL DEFAULT '' CHECK (octet_length(receipt) <= 16384);
COMMENT ON COLUMN casework.answers_given.receipt IS 'Audit-Receipt header; empty where none was signed.';
GRANT UPDATE (receipt) ON casework.answers_given TO caldicott_app;
