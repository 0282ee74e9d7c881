-- Tenants, their people and their projects.
--
-- What holds for every table: ids are the 16 bytes of a UUID; instants are microseconds since 1970,
-- UTC; every natural key begins with the tenant, so that no key tells one tenant of another's rows.
-- STRICT, since a value of a wrong type should fail where it is written.

-- Marks the file as ours: "BSUN".
PRAGMA application_id = 1112757582;

CREATE TABLE tenants (
    id         BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    tenant     BLOB    NOT NULL REFERENCES tenants (id),
    id         BLOB    NOT NULL,
    username   TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, username)
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    tenant      BLOB    NOT NULL,
    id          BLOB    NOT NULL,
    owner       BLOB    NOT NULL,
    name        TEXT    NOT NULL,
    -- The name in lower case by the rules of Unicode, which SQLite does not know.
    name_key    TEXT    NOT NULL,
    description TEXT    NOT NULL,
    signals     TEXT    NOT NULL, -- JSON
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, owner, name_key),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id)
) STRICT;
