-- What is counted apart, and waits that a source asked for.

-- How many leases in a row ended by themselves; `attempt` counts failures only.
ALTER TABLE streams ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;
-- Until when the source asked not to be asked again.
ALTER TABLE streams ADD COLUMN spared_until INTEGER;
-- How many failures of a job no patience heals; `attempt` counts them all.
ALTER TABLE jobs ADD COLUMN strikes INTEGER NOT NULL DEFAULT 0;
