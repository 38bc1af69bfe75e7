#!/usr/bin/env python3
"""Writes tests/cron/year.txt: all moments of 2026 that some expressions mean in three time zones, found by looking at the
clock of every minute. Shares no code with Landwaiter; the time zones are Python's (zoneinfo, with the tzdata package).

    target/python/bin/python tests/cron/make_year.py >tests/cron/year.txt

The rules for the hours that are skipped and doubled are those of Debian's cron, as docs/service.md has them:
an expression whose minute or hour begins with `*` happens whenever the clock shows it; any other happens the first time
that the clock shows it, and what the clock skips happens once, when it goes on.
"""
from datetime import datetime, timedelta, timezone
from itertools import groupby
from zoneinfo import ZoneInfo

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
EXPRESSIONS = [
    "30 2 * * *", "0 2 * * *", "30 1 * * *", "15 2 * * *", "0 0 * * *", "59 23 * * *", "0,30 1-3 * * *", "0 3 * * *",
    "*/30 * * * *", "17 * * * *", "0 */6 * * *", "*/20 2 * * *", "*/15 1 * * sun", "45 1 * * 0", "0 9 * * mon-fri",
    "30 2 29 3 *", "30 2 * 3,4,10,11 sun", "0 2 1,15 * *", "0 12 13 * fri", "0 4 13 * */5", "5 1,2 31 * *", "0 0 1 1 *",
]
START = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp())
END = int(datetime(2027, 1, 1, tzinfo=timezone.utc).timestamp())
NAMES = {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())}


def values(field, low, high):
    found = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            ends = [NAMES.get(end, None) if end in NAMES else int(end) for end in span.split("-")]
            first, last = ends[0], ends[-1]
        found.update(range(first, last + 1, int(step or 1)))
    return found


def matcher(expression):
    minute, hour, day, month, weekday = expression.split()
    minutes, hours, days = values(minute, 0, 59), values(hour, 0, 23), values(day, 1, 31)
    months, weekdays = values(month, 1, 12), {number % 7 for number in values(weekday, 0, 6)}
    both = day.startswith("*") or weekday.startswith("*")

    def matches(clock):
        on_day, on_weekday = clock.day in days, clock.isoweekday() % 7 in weekdays
        on_date = (on_day and on_weekday) if both else (on_day or on_weekday)
        return clock.minute in minutes and clock.hour in hours and clock.month in months and on_date

    return matches, minute.startswith("*") or hour.startswith("*")


def moments(expression, clocks):
    matches, elapsed = matcher(expression)
    before = None
    for moment, clock in clocks:
        naive = clock.replace(tzinfo=None)
        skipped = False
        if before is not None and not elapsed:
            reading = before + timedelta(minutes=1)
            while reading < naive:
                skipped = skipped or matches(reading)
                reading += timedelta(minutes=1)
        if skipped or (matches(naive) and (elapsed or clock.fold == 0)):
            yield moment
        before = naive


def main():
    print("# Made by tests/cron/make_year.py: zone | expression | first moment, then steps in seconds (`60*3` is three of 60).")
    for name in ZONES:
        zone = ZoneInfo(name)
        clocks = [(at, datetime.fromtimestamp(at, zone)) for at in range(START - 60, END, 60)]
        for expression in EXPRESSIONS:
            found = [at for at in moments(expression, clocks) if at >= START]
            steps = [later - earlier for earlier, later in zip(found, found[1:])]
            runs = [(step, len(list(same))) for step, same in groupby(steps)]
            shown = [str(step) if count == 1 else f"{step}*{count}" for step, count in runs]
            print(" | ".join([name, expression, " ".join([str(found[0])] + shown)]))


main()
