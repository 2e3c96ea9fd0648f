"""What the public page calls things, in plain words."""

from datetime import UTC, date, datetime
from urllib.parse import urljoin

from django.conf import settings
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comms.policies.uptime import Day, State
from portal.status.state import PublicState


def state_word(state: State) -> str:
    return {
        State.OPERATIONAL: _("working"),
        State.MAINTENANCE: _("maintenance"),
        State.DEGRADED: _("degraded"),
        State.PARTIAL: _("partial outage"),
        State.MAJOR: _("major outage"),
        State.UNKNOWN: _("not known"),
    }[state]


def sentence(public: PublicState) -> str:
    """The answer at the top of the page."""
    total = len(public.lines)
    affected = sum(line.state not in (State.OPERATIONAL, State.MAINTENANCE) for line in public.lines)
    if affected and total == 1:
        return _("Our service is affected")
    if affected:
        return ngettext(
            "%(affected)d of our %(total)d services is affected",
            "%(affected)d of our %(total)d services are affected",
            affected,
        ) % {"affected": affected, "total": total}
    if public.open:
        return _("We are looking into an incident")
    if public.active:
        return _("Maintenance is under way")
    return _("All services are working") if total else _("No service is listed here yet")


def length(seconds: int) -> str:
    """`2 d 3 h`, `1 h 05 min`, `12 min`, `40 s`; what is begun but not full is not counted."""
    minutes, hours = seconds // 60, seconds // 3600
    if hours >= 24:
        return _("%(days)d d %(hours)d h") % {"days": hours // 24, "hours": hours % 24}
    if hours:
        return _("%(hours)d h %(minutes)02d min") % {"hours": hours, "minutes": minutes % 60}
    return _("%(minutes)d min") % {"minutes": minutes} if minutes else _("%(seconds)d s") % {"seconds": seconds}


def lasted(start: datetime, end: datetime | None) -> str:
    return "" if end is None else length(max(0, round((end - start).total_seconds())))


def day_words(day: Day) -> str:
    """What happened on a day: `Major outage, 2 h 05 min; maintenance, 30 min`."""
    parts = [
        (day.state if day.outage else State.PARTIAL, day.outage),
        (State.DEGRADED, day.degraded),
        (State.MAINTENANCE, day.maintenance),
    ]
    told = [f"{state_word(state)}, {length(seconds)}" for state, seconds in parts if seconds]
    return capfirst("; ".join(told) or state_word(day.state))


def day_name(day: date) -> str:
    return date_format(day, "j M")


def month_name(month: date) -> str:
    return date_format(month, "F Y")


def month_slug(month: date) -> str:
    return f"{month:%Y-%m}"


def clock_words(instant: datetime, now: datetime) -> str:
    """`14:02 UTC`, with the day where it is another one: a page may be looked at long after."""
    there, here = instant.astimezone(UTC), now.astimezone(UTC)
    clock = f"{there:%H:%M} UTC"
    return clock if there.date() == here.date() else f"{date_format(there, 'D j M Y')}, {clock}"


def address(path: str) -> str:
    """The whole address of a public page: feeds and the JSON name it so."""
    return urljoin(f"{settings.SITE_URL}/", path.lstrip("/"))


def incident_path(key: str) -> str:
    return f"/status/incidents/{key}/"


def maintenance_path(key: str) -> str:
    return f"/status/maintenance/{key}/"
