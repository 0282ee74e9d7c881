-- What is known of a project beside its signals, and the conversations it comes of.

CREATE TABLE project_metadata (
    tenant     BLOB    NOT NULL,
    project    BLOB    NOT NULL,
    created_by BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    profile    TEXT    NOT NULL, -- JSON
    PRIMARY KEY (tenant, project),
    FOREIGN KEY (tenant, project) REFERENCES projects (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE onboardings (
    tenant     BLOB    NOT NULL,
    id         BLOB    NOT NULL,
    owner      BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    -- All of it as JSON; the columns before are for conditions and for the order.
    state      TEXT    NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id)
) STRICT;

CREATE INDEX onboardings_by_owner ON onboardings (tenant, owner, changed_at DESC, id);
