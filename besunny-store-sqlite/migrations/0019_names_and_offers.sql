-- How often what is held under a name has changed, so that nothing is planned of what was read before.
CREATE TABLE names (
    tenant BLOB    NOT NULL,
    owner  BLOB    NOT NULL,
    uid    TEXT    NOT NULL,
    change INTEGER NOT NULL,
    PRIMARY KEY (tenant, owner, uid)
) STRICT, WITHOUT ROWID;

INSERT INTO names (tenant, owner, uid, change) SELECT DISTINCT tenant, owner, uid, 1 FROM events;

-- Whether the item says the event for another owner now; then `n` is below zero.
ALTER TABLE events ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;

-- How often it was taken in what an account offers, and when last.
ALTER TABLE accounts ADD COLUMN offers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN offered_at INTEGER;

-- Whether a stream is followed: it was proposed, and its source offers it still.
ALTER TABLE streams ADD COLUMN followed INTEGER NOT NULL DEFAULT 1;
UPDATE streams SET followed = 0 WHERE next_due_at IS NULL AND paused IS NULL;
