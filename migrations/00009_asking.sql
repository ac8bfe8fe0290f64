-- Indexes for who asks the log: each list of entries runs along one of them, the newest entry first. docs/decisions/0021-asking-the-log.md

-- +goose Up

CREATE INDEX entries_action_idx ON audit.entries (action, id);
CREATE INDEX entries_organisation_idx ON audit.entries (organisation_id, id);
CREATE INDEX entries_rule_idx ON audit.entries (rule, id) WHERE rule IS NOT NULL;
CREATE INDEX entries_occurred_idx ON audit.entries USING brin (occurred_at);
CREATE INDEX checkpoints_sealed_idx ON audit.checkpoints (sealed_at);
