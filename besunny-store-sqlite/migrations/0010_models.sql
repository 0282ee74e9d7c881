-- What was said about documents, and the models that learned it.

-- The log of answers, one for each owner; append-only.
CREATE TABLE labels (
    tenant   BLOB    NOT NULL,
    owner    BLOB    NOT NULL,
    seq      INTEGER NOT NULL, -- 1, 2, 3 and so on, without a gap
    at       INTEGER NOT NULL,
    document BLOB    NOT NULL,
    answer   TEXT    NOT NULL, -- JSON
    PRIMARY KEY (tenant, owner, seq),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id),
    FOREIGN KEY (tenant, document) REFERENCES documents (tenant, id)
) STRICT, WITHOUT ROWID;

-- With a rowid: a state may have some MiB, and the lists do not read it.
CREATE TABLE models (
    tenant     BLOB    NOT NULL,
    owner      BLOB    NOT NULL,
    version    INTEGER NOT NULL, -- the highest is in use
    parent     INTEGER,
    made_by    TEXT    NOT NULL, -- learning or rolling_back
    learner    TEXT    NOT NULL,
    seq        INTEGER NOT NULL, -- the last label that was learned or skipped
    promises   TEXT    NOT NULL, -- JSON
    sha256     BLOB    NOT NULL,
    size_bytes INTEGER NOT NULL,
    made_at    INTEGER NOT NULL,
    state      BLOB, -- NULL once it is kept no more
    PRIMARY KEY (tenant, owner, version),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id)
) STRICT;

-- JSON: what the tenant allows; nothing unless it was set.
ALTER TABLE tenants ADD COLUMN allowed TEXT NOT NULL DEFAULT '{}';
