from datetime import timedelta
from itertools import product

import pytest

from comms.choices import MaintenanceStatus as Status
from comms.policies.maintenance import LONGEST, NotPossible, check_ahead, check_transition, check_window, is_over
from tests.factories import utc

NOON = utc(2026, 11, 21, 12, 0)
ALLOWED = {
    (Status.SCHEDULED, Status.IN_PROGRESS),
    (Status.SCHEDULED, Status.CANCELLED),
    (Status.IN_PROGRESS, Status.VERIFYING),
    (Status.IN_PROGRESS, Status.COMPLETED),
    (Status.VERIFYING, Status.IN_PROGRESS),
    (Status.VERIFYING, Status.COMPLETED),
}


@pytest.mark.parametrize(("current", "target"), list(product(Status, Status)))
def test_check_transition_allows_these_and_no_others(current, target):
    if (current, target) in ALLOWED:
        check_transition(current, target)
    else:
        with pytest.raises(NotPossible, match=f"is {current.label}, so it cannot become {target.label}"):
            check_transition(current, target)


def test_is_over_when_nothing_follows():
    assert [status for status in Status if is_over(status)] == [Status.COMPLETED, Status.CANCELLED]


@pytest.mark.parametrize("length", [timedelta(0), timedelta(minutes=-1), LONGEST + timedelta(seconds=1)])
def test_check_window_refuses_what_is_no_window(length):
    with pytest.raises(NotPossible, match="The window"):
        check_window(NOON, NOON + length)


def test_check_window_takes_a_minute_and_the_longest():
    check_window(NOON, NOON + timedelta(minutes=1))
    check_window(NOON, NOON + LONGEST)


def test_check_ahead_refuses_what_is_over_by_now():
    check_ahead(NOON + timedelta(seconds=1), NOON)
    with pytest.raises(NotPossible, match="window is over"):
        check_ahead(NOON, NOON)
