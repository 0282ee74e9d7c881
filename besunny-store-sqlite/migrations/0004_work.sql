-- Work that waits, facts to be published, and what was done before.

CREATE TABLE jobs (
    tenant        BLOB    NOT NULL REFERENCES tenants (id),
    id            BLOB    NOT NULL,
    task          TEXT    NOT NULL, -- JSON
    state         TEXT    NOT NULL, -- waiting, done or dead
    due_at        INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    claimed_until INTEGER,
    error         TEXT,
    -- The commit that completed it, so that repeating the commit changes nothing.
    done_by       BLOB,
    -- When it can be claimed.
    ready_at      INTEGER GENERATED ALWAYS AS (
        CASE WHEN state = 'waiting' THEN coalesce(claimed_until, due_at) END
    ) VIRTUAL,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX jobs_ready ON jobs (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (tenant, id) WHERE state = 'dead';

-- Commits that people made, so that repeating one changes nothing.
CREATE TABLE commits (
    tenant BLOB    NOT NULL REFERENCES tenants (id),
    id     BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Facts to be published, in order. Written once, since each goes with a line of history.
CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY,
    tenant   BLOB    NOT NULL REFERENCES tenants (id),
    id       BLOB    NOT NULL,
    owner    BLOB    NOT NULL,
    document BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    news     TEXT    NOT NULL -- JSON
) STRICT;

-- The relay forgets by id, for all tenants at once.
CREATE INDEX outbox_by_id ON outbox (id);

-- Deliveries that came before, by the provider's id; they belong to no tenant yet.
CREATE TABLE receipts (
    provider TEXT    NOT NULL,
    dedup    TEXT    NOT NULL,
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (provider, dedup)
) STRICT, WITHOUT ROWID;

CREATE INDEX receipts_by_age ON receipts (noted_at);
