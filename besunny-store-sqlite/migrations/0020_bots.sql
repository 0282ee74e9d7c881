-- Meeting bots: which rooms need them, what became of each, and what they heard.

ALTER TABLE meetings ADD COLUMN room TEXT; -- the key of its link
UPDATE meetings SET room = meeting ->> '$.link.key';
CREATE INDEX meetings_by_room ON meetings (tenant, room, ends_at) WHERE room IS NOT NULL;

ALTER TABLE users ADD COLUMN bot_policy TEXT; -- none: nothing was said

-- How often the bots of a room were planned, so that they are planned one time after the other.
CREATE TABLE rooms (
    tenant  BLOB    NOT NULL REFERENCES tenants (id),
    room    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant, room)
) STRICT, WITHOUT ROWID;

CREATE TABLE postings (
    tenant    BLOB    NOT NULL REFERENCES tenants (id),
    id        BLOB    NOT NULL,
    version   INTEGER NOT NULL,
    room      TEXT    NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    is_live   INTEGER NOT NULL, -- 1: its bot is wanted and may come
    is_over   INTEGER NOT NULL, -- 1: nothing more happens
    provider  TEXT    NOT NULL,
    bot       TEXT,             -- at its provider
    posting   TEXT    NOT NULL, -- JSON: all of it
    PRIMARY KEY (tenant, id)
) STRICT;

-- One bot for each start in a room (E-13).
CREATE UNIQUE INDEX postings_live ON postings (tenant, room, starts_at) WHERE is_live = 1;
CREATE INDEX postings_by_room ON postings (tenant, room, ends_at);
CREATE INDEX postings_open ON postings (tenant, room) WHERE is_over = 0;
-- A provider's call names its bot, not the tenant.
CREATE INDEX postings_by_bot ON postings (provider, bot) WHERE bot IS NOT NULL;

-- The meetings that a posting is for.
CREATE TABLE posting_meetings (
    tenant  BLOB NOT NULL,
    meeting BLOB NOT NULL,
    posting BLOB NOT NULL,
    PRIMARY KEY (tenant, meeting, posting),
    FOREIGN KEY (tenant, posting) REFERENCES postings (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX posting_meetings_by_posting ON posting_meetings (tenant, posting);

-- What bots heard, piece by piece. With a rowid: rows are long.
CREATE TABLE segments (
    tenant    BLOB    NOT NULL,
    posting   BLOB    NOT NULL,
    key       TEXT    NOT NULL,
    starts_at INTEGER NOT NULL,
    segment   TEXT    NOT NULL, -- JSON: all of it
    PRIMARY KEY (tenant, posting, key),
    FOREIGN KEY (tenant, posting) REFERENCES postings (tenant, id)
) STRICT;

CREATE INDEX segments_by_time ON segments (tenant, posting, starts_at, key);
