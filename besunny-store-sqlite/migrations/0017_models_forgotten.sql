-- A model says itself which labels it has learned, so that those it came from can be forgotten.

-- JSON: pairs of numbers; learned are the labels after the first of each, up to the second.
ALTER TABLE models ADD COLUMN learned TEXT NOT NULL DEFAULT '[]';

-- So far this followed from a model's parents.
UPDATE models SET learned = (
    WITH RECURSIVE line (version, parent, made_by, seq, depth) AS (
        SELECT models.version, models.parent, models.made_by, models.seq, 0
        UNION ALL
        SELECT m.version, m.parent, m.made_by, m.seq, line.depth + 1
        FROM line
        JOIN models m
            ON m.tenant = models.tenant AND m.owner = models.owner AND m.version = line.parent
    )
    SELECT json_group_array(json_array(after, seq)) FROM (
        SELECT line.seq, coalesce((
            SELECT p.seq FROM models p
            WHERE p.tenant = models.tenant AND p.owner = models.owner AND p.version = line.parent
        ), 0) AS after
        FROM line WHERE line.made_by = 'learning' ORDER BY line.depth DESC
    )
);

-- As many as are kept from now on.
DELETE FROM models WHERE version <= (
    SELECT max(m.version) FROM models m WHERE m.tenant = models.tenant AND m.owner = models.owner
) - 10;

-- What was promised is counted by document now; it is counted again with the model.
UPDATE models SET promises = '{}';
