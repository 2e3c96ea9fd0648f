"""H2, STYLE item 15: from a month and its downtime to an amount of money."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from comms.policies.downtime import Interval, seconds
from comms.policies.sla import (
    Tier,
    check_tiers,
    credit_amount,
    credit_percent,
    month_window,
    shown_percent,
    uptime_percent,
)

DAY = 86_400
TIERS = (
    Tier(Decimal("99.9"), Decimal(10)),
    Tier(Decimal("99.0"), Decimal(25)),
    Tier(Decimal("95.0"), Decimal(100)),
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "zone", "start", "end", "length"),
    [
        (utc(2026, 4, 10), "Europe/Berlin", utc(2026, 3, 31, 22), utc(2026, 4, 30, 22), 30 * DAY),
        (utc(2026, 3, 10), "Europe/Berlin", utc(2026, 2, 28, 23), utc(2026, 3, 31, 22), 31 * DAY - 3600),
        (utc(2026, 10, 10), "Europe/Berlin", utc(2026, 9, 30, 22), utc(2026, 10, 31, 23), 31 * DAY + 3600),
        (utc(2026, 3, 31, 21), "Europe/Berlin", utc(2026, 2, 28, 23), utc(2026, 3, 31, 22), 31 * DAY - 3600),
        (utc(2026, 3, 31, 22), "Europe/Berlin", utc(2026, 3, 31, 22), utc(2026, 4, 30, 22), 30 * DAY),
        (utc(2028, 2, 29, 12), "UTC", utc(2028, 2, 1), utc(2028, 3, 1), 29 * DAY),
        (utc(2026, 2, 28), "UTC", utc(2026, 2, 1), utc(2026, 3, 1), 28 * DAY),
        (utc(2026, 12, 31, 23, 59, 59), "UTC", utc(2026, 12, 1), utc(2027, 1, 1), 31 * DAY),
        (utc(2026, 12, 31, 12), "Pacific/Auckland", utc(2026, 12, 31, 11), utc(2027, 1, 31, 11), 31 * DAY),
        # Havana puts its clocks back on 1 November 2026 at 1:00: of two midnights the first counts.
        (utc(2026, 11, 15), "America/Havana", utc(2026, 11, 1, 4), utc(2026, 12, 1, 5), 30 * DAY + 3600),
        # Asunción put them forward on 1 October 2023 at 0:00: the month begins at 1:00.
        (utc(2023, 10, 15), "America/Asuncion", utc(2023, 10, 1, 4), utc(2023, 11, 1, 3), 31 * DAY - 3600),
    ],
)  # fmt: skip
def test_month_window(instant, zone, start, end, length):
    window = month_window(instant, ZoneInfo(zone))

    assert window == Interval(start, end)
    assert seconds([window]) == length


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Europe/Berlin", "America/Havana", "America/Asuncion", "Australia/Lord_Howe", "Asia/Kolkata"],
)
def test_month_windows_neither_overlap_nor_leave_a_gap(zone):
    window = month_window(utc(2022, 1, 15), ZoneInfo(zone))
    for _ in range(60):
        following = month_window(window.end, ZoneInfo(zone))
        assert following.start == window.end
        assert month_window(following.end - timedelta(microseconds=1), ZoneInfo(zone)) == following
        window = following


def test_month_window_refuses_an_instant_without_a_zone():
    with pytest.raises(ValueError, match="unknown without its zone"):
        month_window(utc(2026, 4, 1).replace(tzinfo=None), UTC)


APRIL = month_window(utc(2026, 4, 10), UTC)


@pytest.mark.parametrize(
    ("downtime", "uptime"),
    [
        (0, Decimal(100)),
        (2592, Decimal("99.9")),
        (30 * DAY, Decimal(0)),
        (15 * DAY, Decimal(50)),
    ],
)
def test_uptime_percent_is_exact(downtime, uptime):
    assert uptime_percent(APRIL, downtime) == uptime


def test_uptime_percent_keeps_its_digits():
    assert str(uptime_percent(APRIL, 1)).startswith("99.999961419753086419753086419753")


@pytest.mark.parametrize("downtime", [-1, 30 * DAY + 1])
def test_uptime_percent_refuses_a_downtime_that_does_not_fit(downtime):
    with pytest.raises(ValueError, match=rf"A downtime of {downtime} s does not fit a period of 2592000 s\."):
        uptime_percent(APRIL, downtime)


def test_uptime_percent_of_an_empty_period_is_refused():
    with pytest.raises(ValueError, match="empty period"):
        uptime_percent(Interval(utc(2026, 4, 1), utc(2026, 4, 1)), 0)


@pytest.mark.parametrize(
    ("uptime", "shown"),
    [
        ("100", "100.000"),
        ("99.9996", "99.999"),
        ("99.9999999", "99.999"),
        ("99.95", "99.950"),
        ("0", "0.000"),
    ],
)
def test_shown_percent_rounds_down(uptime, shown):
    assert str(shown_percent(Decimal(uptime))) == shown


@pytest.mark.parametrize(
    ("uptime", "credit"),
    [
        ("100", 0),
        ("99.9", 0),
        ("99.89999999999999999999999999999999999999", 10),
        ("99.0", 10),
        ("98.999999", 25),
        ("95", 25),
        ("94.9", 100),
        ("0", 100),
    ],
)
def test_credit_percent_takes_the_lowest_tier_above_the_uptime(uptime, credit):
    assert credit_percent(TIERS, Decimal(uptime)) == Decimal(credit)
    assert credit_percent(TIERS[::-1], Decimal(uptime)) == Decimal(credit)


def test_credit_percent_without_tiers():
    assert credit_percent((), Decimal(0)) == Decimal(0)


def test_one_second_decides_a_tier():
    assert credit_percent(TIERS, uptime_percent(APRIL, 2592)) == Decimal(0)
    assert credit_percent(TIERS, uptime_percent(APRIL, 2593)) == Decimal(10)


@pytest.mark.parametrize(
    ("below", "credit", "message"),
    [
        (Decimal(101), Decimal(5), "from 0 to 100 %, not Decimal"),
        (Decimal(99), Decimal(-5), "The credit of a tier must be"),
        (Decimal("NaN"), Decimal(5), "must be a decimal number"),
        (99.9, Decimal(5), "not 99.9"),
        (Decimal(0), Decimal(5), "no uptime is below it"),
    ],
)
def test_tier_refuses_figures_that_cannot_be(below, credit, message):
    with pytest.raises(ValueError, match=message):
        Tier(below, credit)


def test_check_tiers_refuses_two_for_one_uptime():
    with pytest.raises(ValueError, match=r"Two tiers apply below 99\.9 %: (10|20) % and (10|20) %\."):
        check_tiers([TIERS[0], Tier(Decimal("99.90"), Decimal(20))])


def test_check_tiers_refuses_less_credit_for_a_worse_uptime():
    with pytest.raises(ValueError, match=r"below 99\.0 % the credit is 25 %, but below 99\.9 % it is 30 %"):
        check_tiers([Tier(Decimal("99.9"), Decimal(30)), TIERS[1]])


def test_credit_percent_refuses_an_uptime_that_cannot_be():
    with pytest.raises(ValueError, match="The uptime must be"):
        credit_percent(TIERS, Decimal("100.1"))


@pytest.mark.parametrize(
    ("fee", "percent", "already", "cap", "amount"),
    [
        ("99.90", "10", "0", None, "9.99"),
        ("49.95", "10", "0", None, "5.00"),  # 4.995: half up
        ("0.05", "10", "0", None, "0.01"),  # 0.005: half up, where half even would give 0.00
        ("0.04", "10", "0", None, "0.00"),
        ("1234.56", "33.33", "0", None, "411.48"),
        ("100.00", "100", "0", None, "100.00"),
        ("100.00", "50", "0", "30", "30.00"),
        ("100.00", "20", "0", "30", "20.00"),
        ("100.00", "25", "10.00", None, "15.00"),
        ("100.00", "50", "10.00", "30", "20.00"),
        ("100.00", "25", "25.00", None, "0.00"),
        ("100.00", "10", "25.00", None, "0.00"),
        ("100.00", "50", "0", "0", "0.00"),
        ("0.00", "100", "0", None, "0.00"),
    ],
)
def test_credit_amount(fee, percent, already, cap, amount):
    found = credit_amount(Decimal(fee), Decimal(percent), Decimal(already), None if cap is None else Decimal(cap))

    assert str(found) == amount


def test_credits_of_a_month_never_exceed_the_fee_however_they_are_split():
    for fee in (Decimal("0.01"), Decimal("10.01"), Decimal("99.99")):
        already = Decimal(0)
        for percent in range(101):
            already += credit_amount(fee, Decimal(percent), already)
            assert already == credit_amount(fee, Decimal(percent))
        assert already == fee


@pytest.mark.parametrize(
    ("fee", "percent", "already", "cap", "message"),
    [
        (Decimal(-1), Decimal(10), Decimal(0), None, "The monthly fee must be a decimal number of 0 or more"),
        (
            Decimal("9.999"),
            Decimal(10),
            Decimal(0),
            None,
            "The monthly fee must be in whole cents, not 9.999",
        ),
        (100.0, Decimal(10), Decimal(0), None, "The monthly fee must be a decimal number"),
        (Decimal(100), Decimal(101), Decimal(0), None, "The credit must be a decimal number from 0 to 100 %"),
        (Decimal(100), Decimal(10), Decimal(-1), None, "The amount credited already must be"),
        (Decimal(100), Decimal(10), Decimal(0), Decimal(101), "The cap must be"),
        (Decimal("Infinity"), Decimal(10), Decimal(0), None, "The monthly fee must be"),
    ],
)
def test_credit_amount_refuses_figures_that_cannot_be(fee, percent, already, cap, message):
    with pytest.raises(ValueError, match=message):
        credit_amount(fee, percent, already, cap)
