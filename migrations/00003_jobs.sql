-- +goose Up

-- What the service does again and again, by one replica at a time: whoever holds a job's row runs it. Nothing here is part
-- of a case, so nothing here has an entry in the trail; what a job does to cases has its own.
CREATE TABLE casework.jobs (
	name        text PRIMARY KEY,
	next_at     timestamptz NOT NULL,
	started_at  timestamptz,
	finished_at timestamptz,
	failures    integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE casework.jobs IS 'What is done again and again. A job''s row is locked by the transaction of the replica that runs it, and free again when that ends, however it ends.';
COMMENT ON COLUMN casework.jobs.name IS 'The job; its row is made by the first replica that looks for it.';
COMMENT ON COLUMN casework.jobs.next_at IS 'From when on it is to be run, by the database''s clock. A run that was cut off leaves it in the past.';
COMMENT ON COLUMN casework.jobs.started_at IS 'When the last run began that came to its end; null before the first.';
COMMENT ON COLUMN casework.jobs.finished_at IS 'When the last run came to its end, well or badly; null before the first.';
COMMENT ON COLUMN casework.jobs.failures IS 'How often it has failed in a row; 0 after a run that went well. The more, the longer until next_at.';

GRANT SELECT, INSERT ON casework.jobs TO caldicott_app;
GRANT UPDATE (next_at, started_at, finished_at, failures) ON casework.jobs TO caldicott_app;
