"""Looks for groups that live but do nothing: the queue survives the loss of its parts, and hears nothing any more.

The supervisor forks, so it has no database connection: every few seconds a short-lived child looks, and says with its
exit code who is silent.
"""

import signal
import time
from collections.abc import Sequence

from django.db import DatabaseError, InterfaceError

from comms.actions import beats
from customers import clock
from portal.management.groups import Group

YOUNG = beats.SILENT.total_seconds() * 1.5  # a group of this age may still be starting
PATIENCE = beats.SILENT.total_seconds() / 3  # for the child: a database that hangs tells nothing


def run() -> None:
    """In the child: ends with a bit for each silent name. 0 also where the database is away: then nothing is known."""
    try:
        names = beats.silent(clock.now())
    except (DatabaseError, InterfaceError):
        return
    raise SystemExit(sum(2 << beats.NAMES.index(name) for name in names))  # 1 is what a child that failed ends with


def silent_in(code: int | None) -> set[str]:
    """The names that an exit code stands for."""
    if code is None or code < 0 or code & 1:
        return set()
    return {name for bit, name in enumerate(beats.NAMES) if code & (2 << bit)}


class Watchdog:
    """`bitten()` each time the supervisor looks around; `group` is its child, to be stopped with the others."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.group = Group("watch", run, on_demand=True)
        self._watched = [group for group in groups if group.beats_as]
        self._suspects: set[str] = set()
        self._look_at = 0.0

    def bitten(self) -> list[Group]:
        """Groups that two looks in a row found silent: to be ended as a whole. Younger ones are left alone."""
        now = time.monotonic()
        if not self.group.ended():
            if now - self.group.started_at > PATIENCE:
                self.group.signal_all(signal.SIGKILL)
            return []
        found = self._take_finding()
        if now >= self._look_at and any(_is_grown(group, now) for group in self._watched):
            self._look_at = now + beats.EVERY.total_seconds()
            self.group.start()
        return [group for group in self._watched if group.beats_as in found and _is_grown(group, now)]

    def _take_finding(self) -> set[str]:
        if self.group.pid is None:
            return set()
        self.group.pid = None  # what it said is heard once
        now_silent = silent_in(self.group.code)
        confirmed = now_silent & self._suspects
        self._suspects = now_silent - confirmed
        return confirmed


def _is_grown(group: Group, now: float) -> bool:
    return not group.ended() and now - group.started_at > YOUNG
