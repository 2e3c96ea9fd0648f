from decimal import Decimal

import pytest

from comms.policies.sms import over_limit, sms_cost


@pytest.mark.parametrize(
    ("count", "price", "cost"),
    [
        (37, "0.075", "2.78"),  # 2.775: half up, not to the even cent
        (3, "0.015", "0.05"),  # 0.045
        (620, "0.075", "46.50"),
        (1, "0.0049", "0.00"),
        (1000, "0.0049", "4.90"),  # rounded once: a thousand times 0.00 would be nothing
        (0, "0.075", "0.00"),
        (5, "0", "0.00"),
        (100_000, "999.9999", "99999990.00"),
    ],
)
def test_sms_cost_is_rounded_once_half_up(count, price, cost):
    assert str(sms_cost(count, Decimal(price))) == cost


def test_sms_cost_without_a_price_is_unknown_and_not_zero():
    assert sms_cost(37, None) is None


@pytest.mark.parametrize(
    ("count", "price"), [(-1, None), (1, Decimal(-1)), (1, Decimal("NaN")), (1, Decimal("Infinity")), (1, 0.075)]
)
def test_sms_cost_refuses_what_cannot_be(count, price):
    with pytest.raises(ValueError, match="SMS"):
        sms_cost(count, price)


@pytest.mark.parametrize(
    ("count", "limit", "over"), [(620, 500, 120), (500, 500, 0), (501, 500, 1), (0, 0, 0), (3, 0, 3)]
)
def test_over_limit_counts_what_is_beyond_it(count, limit, over):
    assert over_limit(count, limit) == over
