"""A promise as its reader sees it: when, how long still, and honestly late when it is."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from comms.rendering.marks import local_clock

SOON = timedelta(minutes=10)


@dataclass(frozen=True)
class PromiseClock:
    """`state` is a class of the component `.promise`. To the reader a minute late is late: our grace is not his."""

    due_at: datetime
    state: str
    left: str

    @property
    def clock(self) -> str:
        """The hour in the reader's zone: `14:00 CET`."""
        return local_clock(self.due_at, timezone.get_current_timezone_name())

    @property
    def beside(self) -> str:
        """The day in the reader's zone, and the hour in UTC where it is another one."""
        local = timezone.localtime(self.due_at)
        day = date_format(local, "D j M")
        return f"{day}, {self.due_at.astimezone(UTC):%H:%M} UTC" if local.utcoffset() else day


def clock_of(due_at: datetime, now: datetime) -> PromiseClock:
    left = due_at - now
    if left < timedelta():
        return PromiseClock(due_at, "late", _("late by %(time)s") % {"time": words(-left)})
    state = "soon" if left < SOON else "on-time"
    return PromiseClock(due_at, state, _("in %(time)s") % {"time": words(left)})


def words(duration: timedelta) -> str:
    """`2 d 3 h`, `1 h 05 min`, `12 min` or `40 s`; static/js/times.js says the same each second."""
    seconds = max(0, int(duration.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
