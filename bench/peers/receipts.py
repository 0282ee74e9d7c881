"""Writes the receipts of a finished store into a copy without them, and makes the calendars due that they name, as
fast as the C library does it from Python: 64 in a transaction, then each in a transaction of its own.

Fails unless every call was kept once.
"""
import json
import sqlite3
import sys
import time

from hooks_store import DUE, KEEP, opened, watch

GROUP = 64
SINGLES = 2_000

source, target, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
old = sqlite3.connect(source)
rows = old.execute("SELECT provider, dedup, noted_at FROM receipts ORDER BY noted_at").fetchall()
old.close()
assert len(rows) == calls, f"{len(rows)} receipts of {calls} calls"
new = opened(source, target)


def write(rows):
    new.execute("BEGIN IMMEDIATE")
    new.executemany(KEEP, rows)
    new.executemany(DUE, [(at, watch(dedup.split()[0])) for (_, dedup, at) in rows])
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
