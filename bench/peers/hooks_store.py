"""A copy of a finished store without its receipts, and the statements by which a call of a calendar is kept."""
import sqlite3

KEEP = "INSERT INTO receipts (provider, dedup, noted_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
# As the store does: a calendar is looked at once in two seconds at most.
DUE = ("UPDATE streams SET noticed_at = ?1, dirty = 1, next_due_at = min(max(?1, coalesce(leased_at + 2000000, ?1)),"
       " coalesce(next_due_at, max(?1, coalesce(leased_at + 2000000, ?1)))) WHERE watch_id = ?2")


def opened(source, target):
    """Returns the copy, with the settings of the store."""
    old, new = sqlite3.connect(source), sqlite3.connect(target, isolation_level=None)
    old.backup(new)
    old.close()
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -16384",
                    "wal_autocheckpoint = 4096"):
        new.execute(f"PRAGMA {setting}").fetchall()
    new.execute("DELETE FROM receipts")
    return new


def watch(channel):
    """Returns the watch that a channel belongs to."""
    return bytes.fromhex(channel.rsplit("-", 1)[0].replace("-", ""))
