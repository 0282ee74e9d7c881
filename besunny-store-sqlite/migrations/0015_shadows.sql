-- What shadows would have decided, beside the decisions; append-only.

-- With a rowid: rows are long.
CREATE TABLE shadows (
    tenant    BLOB    NOT NULL,
    owner     BLOB    NOT NULL,
    document  BLOB    NOT NULL,
    version   INTEGER NOT NULL, -- the document's version after the decision
    contender TEXT    NOT NULL, -- who was asked
    shadow    TEXT    NOT NULL, -- JSON: all of it
    PRIMARY KEY (tenant, owner, document, version, contender),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id),
    FOREIGN KEY (tenant, document) REFERENCES documents (tenant, id)
) STRICT;
