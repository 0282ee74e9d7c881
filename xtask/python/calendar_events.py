"""Prints what Python's `icalendar` and `recurring_ical_events` find in each calendar, as JSON lines.

    python3 calendar_events.py FOLDER FROM TO

One line a file, sorted by path: file, and either events, as sorted [start, end] pairs within FROM and TO, or
error. Times are in UTC; a time without a zone is taken for UTC. Needs `pip install icalendar
recurring_ical_events x-wr-timezone`; without them it ends with code 3. It is the second opinion of
`besunny-core/tests/ical/python.rs`; nothing of our own reader is known here.
"""

import datetime
import json
import pathlib
import sys

try:
    import icalendar
    import recurring_ical_events
except ImportError:
    sys.exit(3)


def moment(value):
    if not isinstance(value, datetime.datetime):
        return value.isoformat()
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def calendars(raw):
    loose = icalendar.Calendar()
    for component in icalendar.Component.from_ical(raw, multiple=True):
        if isinstance(component, icalendar.Calendar):
            yield component
        else:
            loose.add_component(component)
    yield loose


def events(raw, first, last):
    found = []
    for calendar in calendars(raw):
        for event in recurring_ical_events.of(calendar).between(first, last):
            start = event["DTSTART"].dt
            end = event["DTEND"].dt if "DTEND" in event else start
            found.append([moment(start), moment(end)])
    return sorted(found)


def main(folder, first, last):
    first, last = (
        datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc) for day in (first, last)
    )
    root = pathlib.Path(folder)
    for path in sorted(root.rglob("*.ics")):
        line = {"file": path.relative_to(root).as_posix()}
        try:
            line["events"] = events(path.read_bytes(), first, last)
        except Exception as error:  # The libraries raise many kinds on broken calendars.
            line["error"] = type(error).__name__
        print(json.dumps(line))


main(*sys.argv[1:4])
