-- Accounts, the streams they offer, and what became of each item.

CREATE TABLE accounts (
    tenant          BLOB    NOT NULL,
    id              BLOB    NOT NULL,
    owner           BLOB    NOT NULL,
    provider        TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    intake          TEXT    NOT NULL,
    intake_revision INTEGER NOT NULL,
    connected_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, provider, subject),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id)
) STRICT;

-- A notice names an account as its provider does, in any case, and no tenant.
CREATE INDEX accounts_by_subject ON accounts (provider, subject COLLATE NOCASE);

-- With a rowid: rows are long, and change with every look.
CREATE TABLE streams (
    tenant       BLOB    NOT NULL,
    id           BLOB    NOT NULL,
    account      BLOB    NOT NULL,
    key          TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    track        TEXT    NOT NULL, -- JSON
    last_commit  BLOB,
    watch        TEXT,             -- JSON
    watch_id     BLOB,
    epoch        INTEGER NOT NULL,
    lease_until  INTEGER,
    leased_at    INTEGER,
    next_due_at  INTEGER,
    noticed_at   INTEGER,
    -- Something made the stream due while a lease was running.
    dirty        INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    quiet        INTEGER NOT NULL,
    error        TEXT,
    paused       TEXT,
    caught_up_at INTEGER,
    -- When it can be leased: due, not paused, and no lease running.
    due_at       INTEGER GENERATED ALWAYS AS (
        CASE WHEN paused IS NULL THEN max(next_due_at, coalesce(lease_until, next_due_at)) END
    ) VIRTUAL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, account, key),
    FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, id)
) STRICT;

CREATE INDEX streams_due ON streams (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX streams_by_watch ON streams (watch_id) WHERE watch_id IS NOT NULL;

CREATE TABLE items (
    tenant   BLOB    NOT NULL,
    account  BLOB    NOT NULL,
    id       TEXT    NOT NULL,
    revision TEXT,
    state    TEXT    NOT NULL,
    reason   TEXT,             -- JSON, of an item that was ignored or quarantined
    policy   INTEGER NOT NULL, -- under which rules it was ignored
    asked    INTEGER NOT NULL, -- whether somebody wants it read again
    PRIMARY KEY (tenant, account, id),
    FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX items_asked ON items (tenant, account, id) WHERE asked = 1;
-- Most items are stored; the others are listed and counted, so they are kept at hand.
CREATE INDEX items_not_stored ON items (tenant, account, state, id)
    WHERE state IN ('ignored', 'quarantined');

-- Which stream holds which item, and the last scan that met it there.
CREATE TABLE members (
    tenant BLOB    NOT NULL,
    stream BLOB    NOT NULL,
    item   TEXT    NOT NULL,
    mark   INTEGER NOT NULL,
    PRIMARY KEY (tenant, stream, item),
    FOREIGN KEY (tenant, stream) REFERENCES streams (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE detections (
    tenant   BLOB NOT NULL,
    account  BLOB NOT NULL,
    item     TEXT NOT NULL,
    address  TEXT NOT NULL,
    username TEXT NOT NULL,
    user     BLOB,
    kind     TEXT NOT NULL, -- JSON
    PRIMARY KEY (tenant, account, item, address),
    FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, id)
) STRICT, WITHOUT ROWID;
