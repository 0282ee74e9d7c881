-- Jobs that end whoever takes them, jobs that were given up, and jobs that are forgotten.

-- How many claims in a row ended by themselves.
ALTER TABLE jobs ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;
-- What a person does before a dead job is tried again.
ALTER TABLE jobs ADD COLUMN waits_for TEXT;
-- When it was done. Of what was done before, when it was made is known.
ALTER TABLE jobs ADD COLUMN done_at INTEGER;
UPDATE jobs SET done_at = due_at WHERE state = 'done';

CREATE INDEX jobs_done ON jobs (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX commits_by_age ON commits (at);
