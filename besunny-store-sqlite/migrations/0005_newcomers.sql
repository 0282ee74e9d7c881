-- People who come later, and rules that change.

-- Names nobody had when they were met; a person who takes one is asked for by it. It is short, since
-- only mail to nobody is in it.
CREATE INDEX detections_of_nobody ON detections (tenant, username, account, item)
    WHERE user IS NULL;

-- The rules of an intake are named by what they say, so that no change of them can be missed.
ALTER TABLE accounts DROP COLUMN intake_revision;
