"""Answers what the croniter package says: reads lines of JSON from stdin, each with an expression, a time zone and moments,
and writes one line for each, with the next moment after each of them, in UTC and on the clocks of the zone.

`near` says whether the clocks of the zone are set within a day of the answer or of the question: croniter has rules of its
own for such days.
"""
import json
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

DAY = 86_400


def after(expression, moment, zone):
    day, weekday = expression.split()[-3], expression.split()[-1]
    # crontab's rule; croniter takes `*/2` for a restricted field.
    either = not day.startswith("*") and not weekday.startswith("*")
    start = datetime.fromtimestamp(moment, zone)
    dates = croniter(expression, start, day_or=either, second_at_beginning=len(expression.split()) == 6)
    return int(dates.get_next(float))


def offset(moment, zone):
    return datetime.fromtimestamp(moment, zone).utcoffset()


def near(start, end, zone):
    return any(len({offset(at + way * DAY, zone) for way in (-1, 0, 1)}) > 1 for at in (start, end))


for line in sys.stdin:
    asked = json.loads(line)
    zone = ZoneInfo(asked["zone"])
    answer = {"utc": [], "zone": [], "near": []}
    try:
        for moment in asked["after"]:
            answer["utc"].append(after(asked["expression"], moment, timezone.utc))
            found = after(asked["expression"], moment, zone)
            answer["zone"].append(found)
            answer["near"].append(near(moment, found, zone))
    except CroniterError as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer))
