"""The promise clocks as staff see them: what is due per track, how long is left, what was kept (C2, C3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from comms.choices import PromiseState
from comms.models import Promise
from customers.choices import Track


@dataclass(frozen=True)
class Clock:
    """One track's promise. `state` is a class of the component `.promise`; `left` says the time in words."""

    track: Track
    promise: Promise | None
    state: str
    left: str
    history: tuple[Promise, ...]

    @property
    def kept(self) -> int:
        return sum(promise.state == PromiseState.KEPT for promise in self.history)


def clocks_of(promises: Iterable[Promise], now: datetime) -> list[Clock]:
    """A clock for each track out of an incident's promises, technical first."""
    ordered = sorted(promises, key=lambda promise: promise.due_at)
    return [_clock(track, [p for p in ordered if p.track == track], now) for track in Track]


def _clock(track: Track, promises: list[Promise], now: datetime) -> Clock:
    waiting = next((p for p in promises if p.answered_at is None), None)
    answered = tuple(p for p in promises if p.answered_at is not None)
    if waiting is None:
        return Clock(track, None, "ended", "No promise is open on this track.", answered)
    soon = timedelta(minutes=max(settings.PROMISE_WARNING_MINUTES, default=0))
    left = waiting.due_at - now
    if waiting.state == PromiseState.MISSED or -left > waiting.grace:
        return Clock(track, waiting, "late", f"{words(-left)} late", answered)
    if left <= timedelta():
        grace = words(waiting.grace + left)
        return Clock(track, waiting, "soon", f"due {words(-left)} ago, counts as late in {grace}", answered)
    return Clock(track, waiting, "soon" if left <= soon else "on-time", f"in {words(left)}", answered)


def words(duration: timedelta) -> str:
    """A duration as `2 d 3 h`, `1 h 05 min`, `12 min` or `40 s`; a begun unit is not counted."""
    seconds = max(0, int(duration.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
