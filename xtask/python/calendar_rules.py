"""Prints random recurrence rules and what Python's `dateutil` makes of them, as JSON lines.

    python3 calendar_rules.py SEED COUNT

One line a rule: start, rule, and the times it comes to in 2024. Needs `pip install python-dateutil`; without it
it ends with code 3. Rules that come to more than a few thousand times, or that take dateutil longer than a moment,
are left out; so are those with a count whose start is none of their times, which RFC 5545 leaves open. It is the second
opinion of `besunny-core/tests/ical/rules.rs`.
"""

import datetime
import json
import random
import signal
import sys

try:
    from dateutil.rrule import rrulestr
except ImportError:
    sys.exit(3)

FIRST, LAST = datetime.datetime(2024, 1, 1), datetime.datetime(2025, 1, 1)
MOST = 3_000
PATIENCE_SECONDS = 0.3
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


class TooLong(Exception):
    pass


is_late = False


def give_up(*_):
    global is_late
    is_late = True
    raise TooLong


def in_time(start, text):
    """Returns the times, or nothing where that takes too much of the processor, however busy it is.

    What is raised while Python cleans up after something else goes nowhere, so it is remembered too.
    """
    global is_late
    is_late = False
    try:
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_SECONDS)
            found = times(start, text)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except (TooLong, ValueError):
        return None
    return None if is_late else found


def some(values):
    return ",".join(map(str, random.sample(values, random.randint(1, 3))))


def perhaps(chance, part, make):
    return [f"{part}={make()}"] if random.random() < chance else []


def numbered_days():
    # dateutil takes no day at all where some are numbered and some are not.
    numbers = random.choice([[""], ["1", "2", "-1", "3", "-2", "5"]])
    return ",".join(random.choice(numbers) + day for day in random.sample(DAYS, random.randint(1, 3)))


def rule():
    by = random.choice(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"])
    parts = perhaps(0.5, "INTERVAL", lambda: random.randint(1, 5))
    parts += perhaps(0.3, "WKST", lambda: random.choice(DAYS))
    named = perhaps(0.3, "BYMONTH", lambda: some(range(1, 13)))
    if by in ("YEARLY", "MONTHLY") and random.random() < 0.4:
        named.append(f"BYDAY={numbered_days()}")
    else:
        # dateutil takes all days of a week that no day is named of; RFC 5545 takes the day of the start.
        named += perhaps(0.2, "BYWEEKNO", lambda: some([1, 2, 20, 52, 53, -1, -2])) if by == "YEARLY" else []
        named += perhaps(1.0 if "BYWEEKNO" in "".join(named) else 0.3, "BYDAY", lambda: some(DAYS))
    if by != "WEEKLY":
        named += perhaps(0.25, "BYMONTHDAY", lambda: some([1, 2, 13, 15, 28, 29, 30, 31, -1, -2, -31]))
    if by in ("YEARLY", "HOURLY", "MINUTELY", "SECONDLY"):
        named += perhaps(0.15, "BYYEARDAY", lambda: some([1, 60, 100, 200, 365, 366, -1, -366, -100]))
    named += perhaps(0.25, "BYHOUR", lambda: some(range(24)))
    named += perhaps(0.2, "BYMINUTE", lambda: some(range(60)))
    named += perhaps(0.1, "BYSECOND", lambda: some(range(60)))
    if named:
        named += perhaps(0.25, "BYSETPOS", lambda: some([1, 2, -1, 3, -2]))
    parts += named + perhaps(0.3, "COUNT", lambda: random.randint(1, 60))
    return ";".join([f"FREQ={by}"] + parts)


def times(start, text):
    found, first = [], None
    for time in rrulestr(text, dtstart=start):
        first = first or time
        if time >= LAST:
            break
        if time >= FIRST:
            found.append(time)
        if len(found) > MOST:
            raise TooLong
    if first != start:
        if "COUNT" in text:
            raise TooLong
        # The start is always the first (RFC 5545 3.8.5.3); dateutil shows it only if it matches.
        found = [start] * (FIRST <= start < LAST) + found
    return found


def main(seed, count):
    random.seed(seed)
    signal.signal(signal.SIGVTALRM, give_up)
    while count > 0:
        text = rule()
        start = datetime.datetime(2023, 1, 1) + datetime.timedelta(
            days=random.randint(0, 500), hours=random.choice([0, 9, 23]), minutes=random.choice([0, 30])
        )
        found = in_time(start, text)
        if found is None:
            continue
        count -= 1
        found = [time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in found]
        print(json.dumps({"start": start.strftime("%Y%m%dT%H%M%SZ"), "rule": text, "found": found}))


main(int(sys.argv[1]), int(sys.argv[2]))
