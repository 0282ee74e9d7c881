-- A model says itself which labels it has learned, so that those it came from can be forgotten.
-- The table is made anew: what stands behind a state is read through the whole of it.

ALTER TABLE models RENAME TO models_before;

-- With a rowid: a state may have some MiB, and the lists do not read it.
CREATE TABLE models (
    tenant     BLOB    NOT NULL,
    owner      BLOB    NOT NULL,
    version    INTEGER NOT NULL, -- the highest is in use
    parent     INTEGER,
    made_by    TEXT    NOT NULL, -- learning or rolling_back
    learner    TEXT    NOT NULL,
    seq        INTEGER NOT NULL, -- the last label that was learned or skipped
    learned    TEXT    NOT NULL, -- JSON: pairs of numbers; the labels after the first, up to the second
    promises   TEXT    NOT NULL, -- JSON
    sha256     BLOB    NOT NULL,
    size_bytes INTEGER NOT NULL,
    made_at    INTEGER NOT NULL,
    state      BLOB, -- the last column; NULL once it is kept no more
    PRIMARY KEY (tenant, owner, version),
    FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id)
) STRICT;

-- What was learned followed from a model's parents so far. What was promised is counted by document
-- now: it is counted again with the model. Only as many are taken over as are kept from now on.
INSERT INTO models (
    tenant, owner, version, parent, made_by, learner, seq, learned, promises, sha256, size_bytes,
    made_at, state
)
SELECT
    old.tenant, old.owner, old.version, old.parent, old.made_by, old.learner, old.seq,
    (
        WITH RECURSIVE line (version, parent, made_by, seq, depth) AS (
            SELECT old.version, old.parent, old.made_by, old.seq, 0
            UNION ALL
            SELECT m.version, m.parent, m.made_by, m.seq, line.depth + 1
            FROM line
            JOIN models_before m
                ON m.tenant = old.tenant AND m.owner = old.owner AND m.version = line.parent
        )
        SELECT json_group_array(json_array(after, seq)) FROM (
            SELECT line.seq, coalesce((
                SELECT p.seq FROM models_before p
                WHERE p.tenant = old.tenant AND p.owner = old.owner AND p.version = line.parent
            ), 0) AS after
            FROM line WHERE line.made_by = 'learning' ORDER BY line.depth DESC
        )
    ),
    '{}', old.sha256, old.size_bytes, old.made_at, old.state
FROM models_before old
WHERE old.version > (
    SELECT max(m.version) FROM models_before m
    WHERE m.tenant = old.tenant AND m.owner = old.owner
) - 10;

DROP TABLE models_before;
