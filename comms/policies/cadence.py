"""When the next word is due, whether it came in time, and when to warn before (C2, C2c, C3).

The figures themselves are data; this file only knows their bounds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from comms.choices import PromiseState
from customers.choices import Severity, Track

MINUTE = timedelta(minutes=1)
SHORTEST_EVERY = timedelta(minutes=15)  # C2: editable down to 15
LONGEST_EVERY_BUSINESS_CRITICAL = timedelta(minutes=60)  # C2: severity 5, business: never above 60


class LaterThanCadence(ValueError):
    """The author named a next update later than the cadence allows."""


class NotInTheFuture(ValueError):
    """The author named a next update that is not after the one he publishes."""


@dataclass(frozen=True)
class CadenceRule:
    """First message `first_within` after detection, then one `every`; `grace` decides kept or late."""

    first_within: timedelta
    every: timedelta
    grace: timedelta


Cadence = Mapping[tuple[int, Track], CadenceRule]
CadenceJson = dict[str, dict[str, dict[str, int]]]


class Judgement(NamedTuple):
    """KEPT with 0, or LATE with the whole seconds after the due time."""

    state: PromiseState
    lateness_seconds: int


def check_rule(first_within: timedelta, every: timedelta, severity: int, track: Track) -> None:
    """Raise ValueError, in words for the administrator, for a cadence outside the bounds of C2."""
    where = f"Severity {severity}, {track.value} track"
    if severity not in Severity.values:
        raise ValueError(f"There is no severity {severity}; it is 1 to 5.")
    if first_within < timedelta():
        raise ValueError(f"{where}: the first message cannot be due before the incident was detected.")
    if every < SHORTEST_EVERY:
        raise ValueError(f"{where}: an update every {_minutes_words(every)} is too often; the least is 15 minutes.")
    critical_business = severity == Severity.FIVE and track is Track.BUSINESS
    if critical_business and every > LONGEST_EVERY_BUSINESS_CRITICAL:
        raise ValueError(f"{where}: an update every {_minutes_words(every)} is too seldom; the most is 60 minutes.")


def first_due(rule: CadenceRule, detected_at: datetime) -> datetime:
    """When the first message is due, in UTC. May lie in the past: then the promise is born late (C2c)."""
    return detected_at.astimezone(UTC) + rule.first_within


def next_due(rule: CadenceRule, published_at: datetime, *, wanted: datetime | None) -> datetime:
    """When the update after the one of `published_at` is due, in UTC.

    The author may want an earlier time than the cadence's; raises LaterThanCadence for a later one and
    NotInTheFuture for one that is not after `published_at`.
    """
    published = published_at.astimezone(UTC)
    latest = published + rule.every  # in UTC, because adding in a zone with summer time adds wall-clock time
    if wanted is None:
        return latest
    chosen = wanted.astimezone(UTC)
    if chosen > latest:
        raise LaterThanCadence(
            f"The next update was announced for {_shown(chosen)}, but it is due by {_shown(latest)}."
        )
    if chosen <= published:
        raise NotInTheFuture(
            f"The next update was announced for {_shown(chosen)}, this one goes out at {_shown(published)}."
        )
    return chosen


def judge(due: datetime, grace: timedelta, published_at: datetime) -> Judgement:
    """Kept up to and including due + grace (C2c), late from the first microsecond after it.

    Lateness counts from the due time that was promised, not from the end of the grace; a begun second
    counts as one, so that nothing is late by 0 seconds.
    """
    if published_at <= due + grace:
        return Judgement(PromiseState.KEPT, 0)
    return Judgement(PromiseState.LATE, -((due - published_at) // timedelta(seconds=1)))


def warnings_due(due: datetime, now: datetime, before: Sequence[int], already: Collection[int]) -> list[int]:
    """Which warning (minutes before `due`) to give now: a list of one, or empty.

    `before` are the configured warnings (C3: 10 and 5), `already` those that were given. When several
    came due unseen only the nearest is given; the longer ones count as skipped and never come after it,
    so the caller needs to remember only what this returned. From the due time on there is nothing to
    warn of. A promise shorter than a warning (a next time 7 minutes away) gives that warning at once,
    unless the caller starts it with that warning in `already`.
    """
    if now >= due:
        return []
    nearest_given = min(already, default=None)
    open_now = [
        minutes
        for minutes in before
        if due - minutes * MINUTE <= now and (nearest_given is None or minutes < nearest_given)
    ]
    return [min(open_now)] if open_now else []


def to_json(cadence: Cadence) -> CadenceJson:
    """The cadence as an incident keeps it from its opening on, in minutes.

    `{"3": {"technical": {"first_within": 15, "every": 60, "grace": 5}}}`. Raises ValueError for a
    duration that is not a whole number of minutes, because it would come back changed.
    """
    found: CadenceJson = {}
    for (severity, track), rule in sorted(cadence.items(), key=lambda row: (row[0][0], row[0][1].value)):
        found.setdefault(str(int(severity)), {})[track.value] = {
            "first_within": _whole_minutes(rule.first_within),
            "every": _whole_minutes(rule.every),
            "grace": _whole_minutes(rule.grace),
        }
    return found


def from_json(snapshot: CadenceJson) -> dict[tuple[int, Track], CadenceRule]:
    """The cadence that `to_json` wrote. Raises ValueError for what it cannot have written."""
    found = {}
    for severity, tracks in snapshot.items():
        for track, minutes in tracks.items():
            place = f"severity {severity}, {track} track"
            found[Severity(int(severity)).value, Track(track)] = CadenceRule(
                first_within=_duration(minutes, "first_within", place),
                every=_duration(minutes, "every", place),
                grace=_duration(minutes, "grace", place),
            )
    return found


def _duration(minutes: Mapping[str, int], name: str, place: str) -> timedelta:
    value = minutes.get(name)
    if type(value) is not int or value < 0:  # a bool is an int to isinstance
        raise ValueError(f"The cadence of {place} has no whole number of minutes for {name}: {value!r}.")
    return value * MINUTE


def _whole_minutes(duration: timedelta) -> int:
    minutes, rest = divmod(duration, MINUTE)
    if rest:
        raise ValueError(f"A cadence is counted in whole minutes, not {duration}.")
    return minutes


def _minutes_words(duration: timedelta) -> str:
    return f"{duration / MINUTE:g} minutes"


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
