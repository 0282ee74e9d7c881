"""Writes the rows of a finished store into an empty file of the same schema, as fast as the C
library does it from Python: executemany, a transaction a page.

Rows wait in memory, in the order of the pages; only writing is timed.

Usage: executemany.py SOURCE TARGET UNITS [UNITS OF A PAGE]
"""
import sqlite3
import sys

from measured import instant, report, since

source, target, units = sys.argv[1], sys.argv[2], int(sys.argv[3])
page_units = int(sys.argv[4]) if len(sys.argv) > 4 else 500
old = sqlite3.connect(source)
schema = [sql for (sql,) in old.execute(
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid")]
names = [name for (name,) in old.execute(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'"
    " AND name NOT LIKE 'sqlite_%' ORDER BY rowid")]
# Tables without a rowid forget the order in which their rows came: that of documents, or of events.
order = {
    "origins": "(SELECT d.rowid FROM documents d WHERE d.tenant = t.tenant AND d.id = t.document)",
    "items": "coalesce((SELECT d.rowid FROM origins o JOIN documents d ON d.tenant = o.tenant AND d.id = o.document"
             " WHERE o.tenant = t.tenant AND o.account = t.account AND o.item = t.id),"
             " (SELECT e.rowid FROM events e WHERE e.tenant = t.tenant AND e.account = t.account AND e.item = t.id))",
    "members": "coalesce((SELECT d.rowid FROM origins o JOIN documents d ON d.tenant = o.tenant"
               " AND d.id = o.document WHERE o.tenant = t.tenant AND o.item = t.item),"
               " (SELECT e.rowid FROM events e JOIN streams s ON s.tenant = e.tenant AND s.account = e.account"
               " WHERE s.tenant = t.tenant AND s.id = t.stream AND e.item = t.item))",
    "names": "(SELECT min(e.rowid) FROM events e WHERE e.tenant = t.tenant AND e.owner = t.owner AND e.uid = t.uid)",
}
tables = []
for name in names:
    columns = [row[1] for row in old.execute(f"PRAGMA table_xinfo({name})") if row[6] == 0]
    by = f"ORDER BY {order[name]}" if name in order else ""
    rows = old.execute(f"SELECT {', '.join(columns)} FROM {name} t {by}").fetchall()
    marks = ", ".join("?" * len(columns))
    tables.append((f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", rows))
old.close()

new = sqlite3.connect(target, isolation_level=None)
for setting in ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON",
                "cache_size = -16384", "temp_store = MEMORY", "wal_autocheckpoint = 4096"):
    new.execute(f"PRAGMA {setting}").fetchall()
for sql in schema:
    new.execute(sql)
pages = max(1, -(-units // page_units))
began = instant()
for page in range(pages):
    new.execute("BEGIN IMMEDIATE")
    for sql, rows in tables:
        # Few rows are those that the others refer to.
        parts = pages if len(rows) >= pages else 1
        first, last = len(rows) * page // parts, len(rows) * (page + 1) // parts
        if first < last:
            new.executemany(sql, rows[first:last])
    new.execute("COMMIT")
took = since(began)
new.close()
report(units, took, rows=sum(len(rows) for _, rows in tables))
