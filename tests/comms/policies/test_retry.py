"""E4: when to try again."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from comms.policies.retry import delay, give_up

FIRST = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_delay_grows_to_an_hour_and_stays():
    assert [delay(attempts, 0.5) for attempts in range(1, 10)] == [
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(minutes=30),
        *[timedelta(minutes=60)] * 4,
    ]


def test_delay_spreads_by_a_fifth_either_way():
    assert delay(1, 0.0) == timedelta(seconds=24)
    assert delay(6, 0.0) == timedelta(minutes=48)
    for attempts in range(1, 8):
        assert delay(attempts, 0.0) < delay(attempts, 0.25) < delay(attempts, 0.5)
        assert delay(attempts, 0.5) < delay(attempts, math.nextafter(1, 0)) <= delay(attempts, 0.5) * 1.2


@pytest.mark.parametrize("attempts", [0, -1])
def test_delay_refuses_a_wait_without_an_attempt(attempts):
    with pytest.raises(ValueError, match="A wait follows an attempt"):
        delay(attempts, 0.5)


@pytest.mark.parametrize("jitter", [-0.01, 1.0, math.nan])
def test_delay_refuses_a_jitter_out_of_range(jitter):
    with pytest.raises(ValueError, match="at least 0 and less than 1"):
        delay(1, jitter)


def test_give_up_after_a_day():
    assert give_up(FIRST, FIRST) is False
    assert give_up(FIRST, FIRST + timedelta(hours=24, microseconds=-1)) is False
    assert give_up(FIRST, FIRST + timedelta(hours=24)) is True
