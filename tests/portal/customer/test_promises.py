from datetime import timedelta

import pytest
from django.utils import timezone

from portal.customer.promises import clock_of, words
from tests.factories import utc

NOW = utc(2026, 11, 21, 12)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 00 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (183_600, "2 d 3 h"),
    ],
)
def test_words_count_what_is_full(seconds, expected):
    assert words(timedelta(seconds=seconds)) == expected


@pytest.mark.parametrize(
    ("minutes", "state", "left"),
    [(10, "on-time", "in 10 min"), (9, "soon", "in 9 min"), (0, "soon", "in 0 s"), (-1, "late", "late by 1 min")],
)
def test_clock_of_is_late_from_the_promised_time_on(minutes, state, left):
    """Our grace decides what reports count (C2c); the reader waits from the time he was given."""
    clock = clock_of(NOW + timedelta(minutes=minutes), NOW)

    assert (clock.state, clock.left) == (state, left)


def test_clock_of_says_the_day_and_utc_beside_the_readers_hour():
    clock = clock_of(utc(2026, 11, 21, 23, 30), NOW)

    with timezone.override("Europe/Berlin"):
        assert (clock.clock, clock.beside) == ("00:30 CET", "Sun 22 Nov, 23:30 UTC")
    with timezone.override("UTC"):
        assert (clock.clock, clock.beside) == ("23:30 UTC", "Sat 21 Nov")
