"""What the public page says of a service's last 90 days, exact to the second, from what the public was told (F7).

Days are UTC days, so that the page says the same to everybody. Every interval is half open.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from comms.policies.downtime import Interval, clip, merge, seconds, subtract

DAYS = 90
DAY = timedelta(days=1)
HUNDREDTH = Decimal("0.01")


class State(StrEnum):
    """The six states of the design. `UNKNOWN` is for missing data, which is never shown as if all were well."""

    OPERATIONAL = "operational"
    MAINTENANCE = "maintenance"
    DEGRADED = "degraded"
    PARTIAL = "partial"
    MAJOR = "major"
    UNKNOWN = "unknown"


WORST_FIRST = (State.MAJOR, State.PARTIAL, State.DEGRADED, State.MAINTENANCE)
OUTAGE = (State.MAJOR, State.PARTIAL)


@dataclass(frozen=True)
class Told:
    """A public update: from `at` on these services were as bad as it said; `over` says that the incident had ended."""

    at: datetime
    affected: Mapping[str, State]
    over: bool = False


@dataclass(frozen=True)
class Span:
    """A service was in a state for a while."""

    state: State
    interval: Interval


@dataclass(frozen=True)
class Day:
    """A UTC day. The durations are elapsed seconds; maintenance counts what no outage covers."""

    date: date
    state: State
    outage: int = 0
    degraded: int = 0
    maintenance: int = 0


@dataclass(frozen=True)
class Record:
    """The days, oldest first, and what they come to. `uptime` is percent, None where nothing is known.

    `since` is the first day that something is known of.
    """

    days: tuple[Day, ...]
    uptime: Decimal | None
    outage: int
    maintenance: int
    since: date | None


def worst(states: Iterable[State]) -> State:
    """The worst of them; operational where there is none."""
    found = set(states)
    return next((state for state in WORST_FIRST if state in found), State.OPERATIONAL)


def spans_of(
    started_at: datetime, resolved_at: datetime | None, told: Sequence[Told], now: datetime
) -> dict[str, list[Span]]:
    """Per service how bad an incident was and when: what an update said holds until the next one, the last until the
    incident was resolved, or `now`. The first one tells of the time since the incident started."""
    ordered = sorted(told, key=lambda update: update.at)
    spans: dict[str, list[Span]] = defaultdict(list)
    for n, update in enumerate(ordered):
        start = started_at if n == 0 else update.at
        end = ordered[n + 1].at if n + 1 < len(ordered) else now
        if resolved_at is not None and (n + 1 >= len(ordered) or (n + 2 == len(ordered) and ordered[-1].over)):
            end = resolved_at
        if update.over or min(end, now) <= start:
            continue
        for service, state in update.affected.items():
            if state is not State.OPERATIONAL:
                spans[service].append(Span(state, Interval(start, min(end, now))))
    return dict(spans)


def record_of(spans: Sequence[Span], since: datetime | None, now: datetime, days: int = DAYS) -> Record:
    """The last `days` UTC days up to `now`. Nothing is known before `since`, unless something was told of it.

    Uptime is the share of the known time without partial or major outage; time of maintenance counts for neither,
    unless there was an outage in it. It is cut, not rounded: 100 means that there was none.
    """
    today = now.astimezone(UTC).date()
    first = today - (days - 1) * DAY
    begun = min([*([since] if since else []), *(span.interval.start for span in spans)], default=None)
    whole = Interval(_midnight(first), now)
    known = [] if begun is None else clip([Interval(min(begun, now), now)], whole)
    outage = clip(_in_state(spans, *OUTAGE), whole)
    maintenance = subtract(clip(_in_state(spans, State.MAINTENANCE), whole), outage)
    counted, down = seconds(subtract(known, maintenance)), seconds(outage)
    return Record(
        days=tuple(_day(first + n * DAY, spans, known, now) for n in range(days)),
        uptime=_percent(counted - down, counted) if counted else None,
        outage=down,
        maintenance=seconds(maintenance),
        since=None if begun is None else max(first, begun.astimezone(UTC).date()),
    )


def _day(day: date, spans: Sequence[Span], known: Sequence[Interval], now: datetime) -> Day:
    window = Interval(_midnight(day), min(_midnight(day + DAY), now))
    if not clip(known, window):
        return Day(day, State.UNKNOWN)
    here = [span for span in spans if clip([span.interval], window)]
    outage = clip(_in_state(here, *OUTAGE), window)
    degraded = subtract(clip(_in_state(here, State.DEGRADED), window), outage)
    maintenance = subtract(clip(_in_state(here, State.MAINTENANCE), window), outage)
    state = worst(span.state for span in here)
    return Day(day, state, seconds(outage), seconds(degraded), seconds(maintenance))


def _in_state(spans: Iterable[Span], *states: State) -> list[Interval]:
    return merge(span.interval for span in spans if span.state in states)


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / Decimal(whole)).quantize(HUNDREDTH, rounding=ROUND_DOWN)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
