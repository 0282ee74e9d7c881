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
