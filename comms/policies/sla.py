"""From seconds of downtime to a credit, exact to the cent (H2, STYLE item 15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext
from itertools import pairwise

from comms.policies.downtime import Interval, seconds

HUNDRED = Decimal(100)
CENT = Decimal("0.01")
SHOWN = Decimal("0.001")
DIGITS = 50  # far more than any figure of a contract has: a quotient cannot fall on the wrong side of a tier


@dataclass(frozen=True)
class Tier:
    """An uptime `below` this percentage earns a `credit` of this percentage of the monthly fee.

    Raises ValueError for anything but Decimals from 0 to 100, and for a `below` of 0, which nothing reaches.
    """

    below: Decimal
    credit: Decimal

    def __post_init__(self) -> None:
        _check_percent(self.below, "The uptime below which a tier applies")
        _check_percent(self.credit, "The credit of a tier")
        if self.below == 0:
            raise ValueError("The uptime below which a tier applies cannot be 0 %: no uptime is below it.")


def month_window(instant: datetime, tz: tzinfo) -> Interval:
    """The calendar month, in the account's zone, that holds the instant.

    A month with a change of summer time is an hour shorter or longer. Raises ValueError for an instant
    without a zone.
    """
    if instant.utcoffset() is None:
        raise ValueError(f"The month of {instant} is unknown without its zone.")
    local = instant.astimezone(tz)
    # fold=0 is the earlier midnight where the 1st has two, and the end of the gap where it has none.
    first = datetime(local.year, local.month, 1, tzinfo=tz)
    after = datetime(local.year + local.month // 12, local.month % 12 + 1, 1, tzinfo=tz)
    return Interval(first.astimezone(UTC), after.astimezone(UTC))


def uptime_percent(window: Interval, downtime_seconds: int) -> Decimal:
    """Percent of the window without downtime, not rounded to any number of decimals.

    Raises ValueError for an empty window, and for a downtime below 0 or above the window.
    """
    whole = seconds([window])
    if whole == 0:
        raise ValueError("The uptime of an empty period is not defined.")
    if not 0 <= downtime_seconds <= whole:
        raise ValueError(f"A downtime of {downtime_seconds} s does not fit a period of {whole} s.")
    with localcontext() as context:
        context.prec = DIGITS
        return HUNDRED * (whole - downtime_seconds) / whole  # multiplied first: exact where it can be


def shown_percent(uptime: Decimal) -> Decimal:
    """The uptime for people, with 3 decimals, rounded down: 99.9996 never shows as 100."""
    return uptime.quantize(SHOWN, rounding=ROUND_DOWN)


def check_tiers(tiers: Sequence[Tier]) -> None:
    """Raise ValueError, in words for the administrator, for tiers that contradict each other."""
    ordered = sorted(tiers, key=lambda tier: tier.below)
    for lower, higher in pairwise(ordered):
        if lower.below == higher.below:
            raise ValueError(f"Two tiers apply below {lower.below} %: {lower.credit} % and {higher.credit} %.")
        if lower.credit < higher.credit:
            raise ValueError(
                f"A worse uptime cannot earn less: below {lower.below} % the credit is {lower.credit} %, "
                f"but below {higher.below} % it is {higher.credit} %."
            )


def credit_percent(tiers: Sequence[Tier], uptime: Decimal) -> Decimal:
    """Percent of the monthly fee: the credit of the lowest tier whose `below` is above the uptime, else 0.

    Compare the exact uptime, not the shown one. Raises ValueError for contradicting tiers (`check_tiers`)
    and for an uptime outside 0 to 100.
    """
    check_tiers(tiers)
    _check_percent(uptime, "The uptime")
    reached = [tier for tier in tiers if tier.below > uptime]
    return min(reached, key=lambda tier: tier.below).credit if reached else Decimal(0)


def credit_amount(
    monthly_fee: Decimal, percent: Decimal, already: Decimal = Decimal(0), cap: Decimal | None = None
) -> Decimal:
    """What is still to be credited for one month, in the fee's currency: rounded once, half up, to the cent.

    `percent` is what the whole month has earned, so `already` (the amount credited for this month
    before) is taken off it. `cap` is in percent of the fee, None for the whole fee. Never negative,
    and with `already` never above the fee unless that alone was. Raises ValueError for figures that
    cannot be: a negative amount, a part of a cent, a percentage outside 0 to 100, a float.
    """
    _check_money(monthly_fee, "The monthly fee")
    _check_money(already, "The amount credited already")
    _check_percent(percent, "The credit")
    limit = HUNDRED if cap is None else cap
    _check_percent(limit, "The cap")
    with localcontext() as context:
        context.prec = DIGITS
        owed = monthly_fee * min(percent, limit) / HUNDRED - already
        return max(owed, Decimal(0)).quantize(CENT, rounding=ROUND_HALF_UP)


def _check_percent(value: Decimal, what: str) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= HUNDRED:
        raise ValueError(f"{what} must be a decimal number from 0 to 100 %, not {value!r}.")


def _check_money(value: Decimal, what: str) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
        raise ValueError(f"{what} must be a decimal number of 0 or more, not {value!r}.")
    if value != value.quantize(CENT, rounding=ROUND_DOWN):
        raise ValueError(f"{what} must be in whole cents, not {value}.")
