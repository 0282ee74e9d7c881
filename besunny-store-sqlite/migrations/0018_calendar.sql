-- Calendar events as their sources hold them, and the meetings that follow from them.

-- What an item says, event by event. With a rowid: rows are long.
CREATE TABLE events (
    tenant  BLOB    NOT NULL,
    account BLOB    NOT NULL,
    item    TEXT    NOT NULL,
    n       INTEGER NOT NULL, -- an invitation may hold several events
    owner   BLOB    NOT NULL,
    uid     TEXT    NOT NULL,
    holding TEXT    NOT NULL, -- 'calendar', 'mail' or 'forwarded'
    event   TEXT    NOT NULL, -- JSON: all of it
    PRIMARY KEY (tenant, account, item, n),
    FOREIGN KEY (tenant, account, item) REFERENCES items (tenant, account, id),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id)
) STRICT;

CREATE INDEX events_by_uid ON events (tenant, owner, uid);

CREATE TABLE meetings (
    tenant    BLOB    NOT NULL,
    id        BLOB    NOT NULL,
    version   INTEGER NOT NULL,
    owner     BLOB    NOT NULL,
    uid       TEXT    NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    meeting   TEXT    NOT NULL, -- JSON: all of it
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id)
) STRICT;

CREATE INDEX meetings_by_start ON meetings (tenant, owner, starts_at, id);
CREATE INDEX meetings_by_uid ON meetings (tenant, owner, uid);
