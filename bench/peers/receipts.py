"""Writes the receipts of a finished store into a copy without them, and makes the calendars due that they name, as
fast as the C library does it from Python: 64 in a transaction, then each in a transaction of its own.

Fails unless every call was kept once.
"""
import json
import sqlite3
import sys
import time

GROUP = 64
SINGLES = 2_000

source, target, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
old = sqlite3.connect(source)
rows = old.execute("SELECT provider, dedup, noted_at FROM receipts ORDER BY noted_at").fetchall()
assert len(rows) == calls, f"{len(rows)} receipts of {calls} calls"
new = sqlite3.connect(target, isolation_level=None)
old.backup(new)
old.close()
for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -16384",
                "wal_autocheckpoint = 4096"):
    new.execute(f"PRAGMA {setting}").fetchall()
new.execute("DELETE FROM receipts")
watches = {bytes(id).hex(): id for (id,) in new.execute("SELECT watch_id FROM streams")}
KEEP = "INSERT INTO receipts (provider, dedup, noted_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
# As the store does: a calendar is looked at once in two seconds at most.
DUE = ("UPDATE streams SET noticed_at = ?1, dirty = 1, next_due_at = min(max(?1, coalesce(leased_at + 2000000, ?1)),"
       " coalesce(next_due_at, max(?1, coalesce(leased_at + 2000000, ?1)))) WHERE watch_id = ?2")


def watch(dedup):
    return watches[dedup.split()[0].rsplit("-", 1)[0].replace("-", "")]


def write(rows):
    new.execute("BEGIN IMMEDIATE")
    new.executemany(KEEP, rows)
    new.executemany(DUE, [(at, watch(dedup)) for (_, dedup, at) in rows])
    new.execute("COMMIT")


began = time.perf_counter()
for first in range(0, len(rows) - SINGLES, GROUP):
    write(rows[first:min(first + GROUP, len(rows) - SINGLES)])
batches = (len(rows) - SINGLES) / (time.perf_counter() - began)
began = time.perf_counter()
for row in rows[-SINGLES:]:
    write([row])
singles = SINGLES / (time.perf_counter() - began)
new.close()
print(json.dumps({"receipts": len(rows),
                  "batches_per_second": batches, "singles_per_second": singles}))
