-- What people said of decisions, and the rules they made.

-- Append-only, in the order of the commits.
CREATE TABLE acts (
    seq    INTEGER PRIMARY KEY,
    tenant BLOB    NOT NULL,
    id     BLOB    NOT NULL, -- of the commit
    owner  BLOB    NOT NULL,
    by     BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    deed   TEXT    NOT NULL, -- JSON
    moves  TEXT    NOT NULL, -- JSON: documents with the state before and after
    rules  TEXT    NOT NULL, -- JSON: rules before and after
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id)
) STRICT;

CREATE INDEX acts_newest ON acts (tenant, owner, seq);

-- The rules that hold now.
CREATE TABLE standing_rules (
    tenant  BLOB NOT NULL,
    id      BLOB NOT NULL,
    owner   BLOB NOT NULL,
    project BLOB NOT NULL,
    rule    TEXT NOT NULL, -- JSON: all of it
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id),
    FOREIGN KEY (tenant, project) REFERENCES projects (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX standing_rules_by_owner ON standing_rules (tenant, owner, id);
-- Projects are looked for here when one is replaced.
CREATE INDEX standing_rules_by_project ON standing_rules (tenant, project);
