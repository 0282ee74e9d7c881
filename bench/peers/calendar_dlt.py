"""Takes in a calendar with dlt: its REST source with the page token as cursor, into SQLite by SQLAlchemy.

As the documentation of dlt advises for speed: nested lists stay JSON, and rows are appended.
"""
import json
import os
import sqlite3
import sys
import tempfile
import urllib.parse
import urllib.request

from measured import instant, report, since

entry, target, count, size = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
base, grant = entry["base"], entry["credentials"]
home = tempfile.TemporaryDirectory()
os.environ.update({"DLT_DATA_DIR": home.name, "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"})

import dlt  # noqa: E402  It reads its settings when it is imported.
from dlt.sources.rest_api import rest_api_source  # noqa: E402

asked = urllib.parse.urlencode({
    "grant_type": "refresh_token", "refresh_token": grant["refresh_token"],
    "client_id": grant["client_id"], "client_secret": grant["client_secret"],
}).encode()
began = instant()
token = json.load(urllib.request.urlopen(f"{base}/token", asked))["access_token"]
source = rest_api_source({
    "client": {
        "base_url": f"{base}/calendar/v3/",
        "auth": {"type": "bearer", "token": token},
        "paginator": {"type": "cursor", "cursor_path": "nextPageToken", "cursor_param": "pageToken"},
    },
    "resources": [{
        "name": "events",
        "max_table_nesting": 0,
        "write_disposition": "append",
        "endpoint": {"path": "calendars/primary/events", "params": {"maxResults": size}, "data_selector": "items"},
    }],
})
pipeline = dlt.pipeline("calendar", pipelines_dir=home.name, dataset_name="main",
                        destination=dlt.destinations.sqlalchemy(f"sqlite:///{target}"))
pipeline.run(source).raise_on_failed_jobs()
took = since(began)
stored = sqlite3.connect(target).execute("SELECT count(*) FROM events").fetchone()[0]
if stored != count:
    sys.exit(f"{stored} of {count} events were stored")
report(count, took)
