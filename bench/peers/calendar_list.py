"""Takes in a calendar as one writes it with google-api-python-client: list, executemany into SQLite, a transaction a
page with the page token in it.

The end state is one row an event with its JSON, found by id and by name, and the sync token.
"""
import json
import sqlite3
import sys

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from measured import instant, report, since

entry, target, count, size = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
base, grant = entry["base"], entry["credentials"]
store = sqlite3.connect(target, isolation_level=None)
for setting in ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL"):
    store.execute(f"PRAGMA {setting}").fetchall()
store.executescript("""
CREATE TABLE events (id TEXT PRIMARY KEY, uid TEXT, etag TEXT, status TEXT, starts TEXT, ends TEXT, title TEXT,
                     event TEXT);
CREATE INDEX events_by_uid ON events (uid);
CREATE TABLE cursor (calendar TEXT PRIMARY KEY, page TEXT, sync TEXT);
""")
INSERT = ("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET uid = excluded.uid,"
          " etag = excluded.etag, status = excluded.status, starts = excluded.starts, ends = excluded.ends,"
          " title = excluded.title, event = excluded.event")


def row(event):
    start, end = event.get("start", {}), event.get("end", {})
    return (event["id"], event["iCalUID"], event["etag"], event["status"], start.get("dateTime", start.get("date")),
            end.get("dateTime", end.get("date")), event.get("summary"), json.dumps(event))


credentials = Credentials(None, refresh_token=grant["refresh_token"], token_uri=f"{base}/token",
                          client_id=grant["client_id"], client_secret=grant["client_secret"])
calendar = build("calendar", "v3", credentials=credentials, client_options={"api_endpoint": f"{base}/calendar/v3/"},
                 static_discovery=True)
began, page = instant(), None
while True:
    listing = calendar.events().list(calendarId="primary", maxResults=size, pageToken=page).execute()
    page = listing.get("nextPageToken")
    store.execute("BEGIN IMMEDIATE")
    store.executemany(INSERT, [row(event) for event in listing.get("items", [])])
    store.execute("INSERT OR REPLACE INTO cursor VALUES ('primary', ?, ?)", (page, listing.get("nextSyncToken")))
    store.execute("COMMIT")
    if page is None:
        break
took = since(began)
stored = store.execute("SELECT count(*) FROM events").fetchone()[0]
if stored != count:
    sys.exit(f"{stored} of {count} events were stored")
report(count, took)
