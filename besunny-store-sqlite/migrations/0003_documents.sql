-- Documents: what is listed and searched in short rows, what is read alone in `blobs`.

-- Bytes by their SHA-256, stored once for all who refer to them. With a rowid: rows are long, and
-- in order of arrival they are written side by side.
CREATE TABLE blobs (
    tenant     BLOB    NOT NULL REFERENCES tenants (id),
    sha256     BLOB    NOT NULL,
    packing    TEXT    NOT NULL, -- how `bytes` holds them: plain or zstd
    size_bytes INTEGER NOT NULL, -- before packing
    bytes      BLOB    NOT NULL,
    PRIMARY KEY (tenant, sha256)
) STRICT;

CREATE TABLE documents (
    tenant      BLOB    NOT NULL,
    id          BLOB    NOT NULL,
    version     INTEGER NOT NULL,
    owner       BLOB    NOT NULL,
    kind        TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    author      TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    project     BLOB,
    decision    TEXT    NOT NULL, -- JSON: the state with its reason
    removed_at  INTEGER,
    message_id  TEXT,
    raw         BLOB    NOT NULL, -- SHA-256 of the bytes as they came
    content     BLOB    NOT NULL, -- SHA-256 of the JSON of what was read out of them
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id),
    FOREIGN KEY (tenant, raw) REFERENCES blobs (tenant, sha256),
    FOREIGN KEY (tenant, content) REFERENCES blobs (tenant, sha256)
) STRICT;

-- Newest first: all of them, of one state, of one project.
CREATE INDEX documents_newest ON documents (tenant, received_at, id);
CREATE INDEX documents_by_state ON documents (tenant, state, received_at, id, owner);
CREATE INDEX documents_by_project ON documents (tenant, project, received_at, id)
    WHERE project IS NOT NULL;
-- Newest first of one owner; it also holds all that a tally counts.
CREATE INDEX documents_by_owner
    ON documents (tenant, owner, received_at, id, state, project, removed_at);
-- Where the earlier mails of a thread went.
CREATE INDEX documents_by_message ON documents (tenant, owner, message_id, project)
    WHERE message_id IS NOT NULL;

-- From which items a document came; without any it is removed.
CREATE TABLE origins (
    tenant   BLOB NOT NULL,
    document BLOB NOT NULL,
    account  BLOB NOT NULL,
    item     TEXT NOT NULL,
    PRIMARY KEY (tenant, document, account, item),
    FOREIGN KEY (tenant, document) REFERENCES documents (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX origins_by_item ON origins (tenant, account, item, document);

-- Append-only. With a rowid: lines are long, and are written in order of time.
CREATE TABLE history (
    tenant   BLOB    NOT NULL,
    document BLOB    NOT NULL,
    version  INTEGER NOT NULL, -- the document's version after it
    at       INTEGER NOT NULL,
    fact     TEXT    NOT NULL, -- JSON
    PRIMARY KEY (tenant, document, version),
    FOREIGN KEY (tenant, document) REFERENCES documents (tenant, id)
) STRICT;
