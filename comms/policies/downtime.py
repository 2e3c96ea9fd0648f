"""Downtime from the incident's own intervals, exact to the second (H2).

Every interval is half open, [start, end), so that neighbours neither overlap nor leave a gap.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

HALF_A_SECOND = timedelta(milliseconds=500)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, order=True)
class Interval:
    """From `start` up to, not including, `end`; kept in UTC whatever zone they come in.

    Raises ValueError for an instant without a zone and for an end before the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise ValueError(f"An interval needs instants with a zone, not {self.start} to {self.end}.")
        # Two instants of one zone are subtracted by their wall clocks: an hour wrong over a change of time.
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end < self.start:
            raise ValueError(f"An interval cannot end ({self.end}) before it starts ({self.start}).")


@dataclass(frozen=True)
class Impact:
    """A component was affected; `end` None: it still is."""

    component_id: int
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class UsageSpan:
    """An account used a component; `end` None: it still does."""

    component_id: int
    start: datetime
    end: datetime | None


def usage_span(component_id: int, starts_on: date, ends_on: date | None, zone: tzinfo) -> UsageSpan:
    """Usage in instants: from the beginning of its first day to the end of its last, in the account's zone."""
    end = None if ends_on is None else datetime.combine(ends_on + timedelta(days=1), time(), zone).astimezone(UTC)
    return UsageSpan(component_id, datetime.combine(starts_on, time(), zone).astimezone(UTC), end)


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The union, in order: what overlaps or touches becomes one, what is empty disappears."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if interval.start == interval.end:
            continue
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return merged


def clip(intervals: Iterable[Interval], window: Interval) -> list[Interval]:
    """The part of the union that lies in the window."""
    return merge(common for interval in intervals if (common := _common(interval, window)))


def subtract(intervals: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """The part of the union that no hole covers, for instance a maintenance announced in time."""
    left: list[Interval] = []
    cuts = merge(holes)
    for interval in merge(intervals):
        start = interval.start
        for hole in cuts:
            if hole.end <= start or hole.start >= interval.end:
                continue
            left.append(Interval(start, max(start, hole.start)))
            start = min(hole.end, interval.end)
        left.append(Interval(start, interval.end))
    return merge(left)


def seconds(intervals: Iterable[Interval]) -> int:
    """Elapsed seconds of the union, nothing counted twice; rounded once, half up, over the total."""
    total = sum((interval.end - interval.start for interval in merge(intervals)), timedelta())
    return (total + HALF_A_SECOND) // SECOND


def downtime_of_service(impacts: Sequence[Impact], usage: Sequence[UsageSpan], until: datetime) -> list[Interval]:
    """When an account could not use one service: the union, over the components that it used, of
    impact and usage at the same time.

    `usage` holds the account's spans on the components of that one service. Nothing after `until`
    counts; an impact or a usage that is still open ends there. Two components down together are one
    downtime, and a reopened incident simply brings a second impact.
    """
    used: dict[int, list[Interval]] = defaultdict(list)
    for span in usage:
        if interval := _until(span, until):
            used[span.component_id].append(interval)
    return merge(
        common
        for impact in impacts
        if (interval := _until(impact, until))
        for span_used in used.get(impact.component_id, ())
        if (common := _common(interval, span_used))
    )


def _until(row: Impact | UsageSpan, until: datetime) -> Interval | None:
    end = until if row.end is None else min(row.end, until)
    return None if row.start >= until else Interval(row.start, end)


def _common(one: Interval, other: Interval) -> Interval | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Interval(start, end) if start < end else None
