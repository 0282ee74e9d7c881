"""Takes in a Gmail mailbox as one writes it with google-api-python-client: list, get raw in batches
of 100, parse with the standard library, route by words, store in SQLite a transaction a batch.

The end state is that of ours: raw and readable content compressed, one row each for item, document, origin and decision.
"""
import base64
import email
import email.policy
import hashlib
import json
import re
import sqlite3
import sys
import uuid
import zlib

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.http import BatchHttpRequest

from measured import instant, report, since

entry, target, mails = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
base, grant = entry["base"], entry["credentials"]
projects = [(name, re.compile(rf"\b{name}\b", re.IGNORECASE))
            for name in ("harbour works", "city library", "night train")]
store = sqlite3.connect(target, isolation_level=None)
for setting in ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL"):
    store.execute(f"PRAGMA {setting}").fetchall()
store.executescript("""
CREATE TABLE items (account TEXT, id TEXT, state TEXT, PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE TABLE blobs (sha256 BLOB PRIMARY KEY, size_bytes INTEGER, bytes BLOB);
CREATE TABLE documents (id BLOB PRIMARY KEY, title TEXT, author TEXT, received_at INTEGER, state TEXT,
                        project TEXT, message_id TEXT, raw BLOB, content BLOB);
CREATE INDEX documents_newest ON documents (received_at, id);
CREATE INDEX documents_by_project ON documents (project, received_at, id);
CREATE INDEX documents_by_message ON documents (message_id);
CREATE TABLE origins (document BLOB, account TEXT, item TEXT, PRIMARY KEY (document, account, item)) WITHOUT ROWID;
CREATE TABLE history (document BLOB, version INTEGER, fact TEXT, PRIMARY KEY (document, version));
CREATE TABLE cursor (account TEXT PRIMARY KEY, history_id TEXT, page TEXT);
""")


def pack(data):
    return hashlib.sha256(data).digest(), len(data), zlib.compress(data, 1)


def read(raw):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    body = mail.get_body(preferencelist=("plain", "html"))
    attachments = [
        (part.get_filename(), part.get_content_type(), pack(part.get_payload(decode=True) or b""))
        for part in mail.iter_attachments()
    ]
    content = {
        "subject": mail["subject"], "from": str(mail["from"]), "to": str(mail["to"]), "cc": str(mail["cc"]),
        "date": str(mail["date"]), "message_id": mail["message-id"], "references": mail["references"],
        "in_reply_to": mail["in-reply-to"], "text": body.get_content() if body else "",
        "links": re.findall(r"https?://\S+", body.get_content() if body else ""),
        "attachments": [(name, kind) for name, kind, _ in attachments],
    }
    return content, attachments


def keep(messages, history_id, page):
    items, blobs, documents, origins, history = [], [], [], [], []
    for message in messages:
        raw = base64.urlsafe_b64decode(message["raw"])
        content, attachments = read(raw)
        text = f"{content['subject']}\n{content['text']}"
        found = [name for name, pattern in projects if pattern.search(text)]
        project = found[0] if len(found) == 1 else None
        packed, readable = pack(raw), pack(json.dumps(content).encode())
        identity = uuid.uuid5(uuid.NAMESPACE_URL, packed[0].hex()).bytes
        items.append(("ann", message["id"], "stored"))
        blobs += [packed, readable, *(blob for _, _, blob in attachments)]
        documents.append((identity, content["subject"], content["from"], int(message["internalDate"]),
                          "routed" if project else "needs_review", project, content["message_id"],
                          packed[0], readable[0]))
        origins.append((identity, "ann", message["id"]))
        history += [(identity, 1, '{"stored":{}}'), (identity, 2, json.dumps({"project": project}))]
    store.execute("BEGIN IMMEDIATE")
    store.executemany("INSERT OR IGNORE INTO items VALUES (?, ?, ?)", items)
    store.executemany("INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)", blobs)
    store.executemany("INSERT OR IGNORE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", documents)
    store.executemany("INSERT OR IGNORE INTO origins VALUES (?, ?, ?)", origins)
    store.executemany("INSERT OR IGNORE INTO history VALUES (?, ?, ?)", history)
    store.execute("INSERT OR REPLACE INTO cursor VALUES ('ann', ?, ?)", (history_id, page))
    store.execute("COMMIT")


began = instant()
credentials = Credentials(None, refresh_token=grant["refresh_token"], token_uri=f"{base}/token",
                          client_id=grant["client_id"], client_secret=grant["client_secret"])
gmail = build("gmail", "v1", credentials=credentials, static_discovery=True,
              client_options={"api_endpoint": base})
messages = gmail.users().messages()
head = gmail.users().getProfile(userId="me").execute()["historyId"]
page = None
while True:
    listing = messages.list(userId="me", maxResults=500, pageToken=page).execute()
    ids = [message["id"] for message in listing.get("messages", [])]
    for first in range(0, len(ids), 100):
        got = []

        def take(_, answer, error):
            if error:
                raise error
            got.append(answer)

        batch = BatchHttpRequest(callback=take, batch_uri=f"{base}/batch/gmail/v1")
        for identity in ids[first:first + 100]:
            batch.add(messages.get(userId="me", id=identity, format="raw"))
        batch.execute(http=gmail._http)
        keep(got, head, page)
    page = listing.get("nextPageToken")
    if page is None:
        break
took = since(began)
stored = store.execute("SELECT count(*) FROM documents").fetchone()[0]
if stored != mails:
    sys.exit(f"{stored} of {mails} mails were stored")
report(mails, took)
