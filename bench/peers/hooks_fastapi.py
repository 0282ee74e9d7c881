"""Takes calls of calendars as one writes it with FastAPI: the token is checked in constant time, the call kept and
the calendar made due in one transaction, durable before the 200.

It serves a copy of a finished store until its input ends. One process, one connection, uvloop, and no thread between,
since SQLite has one writer: threads only add hops.

Usage: hooks_fastapi.py SOURCE TARGET SECRET
"""
import base64
import hashlib
import hmac
import json
import resource
import socket
import sys
import threading
import time

import uvicorn
from fastapi import FastAPI, Request, Response

from hooks_store import DUE, KEEP, opened, watch

source, target, secret = sys.argv[1], sys.argv[2], sys.argv[3].encode()
store = opened(source, target)
watches = [id for (id,) in store.execute("SELECT watch_id FROM streams WHERE watch_id IS NOT NULL")]
app = FastAPI(openapi_url=None)


def tag(channel):
    return hmac.new(secret, f"google calendar channel {channel}".encode(), hashlib.sha256).digest()


@app.post("/webhooks/calendar")
async def take(request: Request):
    channel, token = request.headers.get("x-goog-channel-id", ""), request.headers.get("x-goog-channel-token", "")
    if not hmac.compare_digest(tag(channel), base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))):
        return Response(status_code=401)
    if await request.body() or not request.headers.get("x-goog-resource-state"):
        return Response(status_code=200)
    at = time.time_ns() // 1_000
    store.execute("BEGIN IMMEDIATE")
    kept = store.execute(KEEP, ("google_calendar", f"{channel} {request.headers['x-goog-message-number']}", at))
    due = store.execute(DUE, (at, watch(channel))).rowcount if kept.rowcount else 1
    store.execute("COMMIT")
    return Response(status_code=200 if due == 1 else 409)


channels = []
for id in watches:
    name = id.hex()
    channel = "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:])) + "-1"
    channels.append([channel, base64.urlsafe_b64encode(tag(channel)).decode().rstrip("=")])
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
host, port = listener.getsockname()
server = uvicorn.Server(uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="critical"))


def end():
    sys.stdin.read()
    server.should_exit = True


threading.Thread(target=end, daemon=True).start()
print(json.dumps({"address": f"{host}:{port}", "channels": channels}), flush=True)
server.run(sockets=[listener])
receipts = store.execute("SELECT count(*) FROM receipts").fetchone()[0]
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"receipts": receipts, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_kib": usage.ru_maxrss}))
