from datetime import timedelta

import pytest

from comms.choices import PromiseKind, PromiseState
from comms.models import Promise
from customers.choices import Track
from portal.room.clocks import clocks_of, words
from tests.factories import utc

NOW = utc(2026, 11, 21, 3, 0)


def promise(minutes: float, **fields) -> Promise:
    """Due so many minutes from now, with 5 minutes of grace."""
    due_at = NOW + timedelta(minutes=minutes)
    grace = timedelta(minutes=5)
    return Promise(track=Track.TECHNICAL, kind=PromiseKind.NEXT, due_at=due_at, grace=grace, **fields)


@pytest.mark.parametrize(
    ("minutes", "state", "left"),
    [
        (65, "on-time", "in 1 h 05 min"),
        (10, "soon", "in 10 min"),
        (0.5, "soon", "in 30 s"),
        (-3, "soon", "due 3 min ago, counts as late in 2 min"),
        (-5, "soon", "due 5 min ago, counts as late in 0 s"),
        (-5.1, "late", "5 min late"),
        (-90, "late", "1 h 30 min late"),
    ],
)
def test_clocks_of_tells_how_long_is_left(minutes, state, left):
    technical, business = clocks_of([promise(minutes)], NOW)

    assert (technical.state, technical.left) == (state, left)
    assert (business.state, business.promise) == ("ended", None)


def test_clocks_of_keeps_the_answered_as_history():
    kept = promise(-120, state=PromiseState.KEPT, answered_at=NOW)
    late = promise(-60, state=PromiseState.LATE, answered_at=NOW)
    waits = promise(30)

    technical, _ = clocks_of([waits, late, kept], NOW)

    assert (technical.promise, technical.history, technical.kept) == (waits, (kept, late), 1)


def test_words_of_durations():
    assert [words(timedelta(seconds=n)) for n in (-5, 0, 59, 60, 3600, 3660, 90000)] == [
        "0 s",
        "0 s",
        "59 s",
        "1 min",
        "1 h 00 min",
        "1 h 01 min",
        "1 d 1 h",
    ]
