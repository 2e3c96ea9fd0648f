"""What the SMS of an update cost, and how many of them are too many (E8). One of ours is always one part."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def sms_cost(count: int, price: Decimal | None) -> Decimal | None:
    """What so many SMS cost, in the currency of `price` (of one): rounded once, half up, to the cent.

    None where no price is known. Raises ValueError for a negative count, and for a price that is a float, negative
    or no number.
    """
    if count < 0:
        raise ValueError(f"There cannot be {count} SMS.")
    if price is None:
        return None
    if not isinstance(price, Decimal) or not price.is_finite() or price < 0:
        raise ValueError(f"The price of an SMS must be a decimal number of 0 or more, not {price!r}.")
    return (count * price).quantize(CENT, rounding=ROUND_HALF_UP)


def over_limit(count: int, limit: int) -> int:
    """How many of so many SMS are beyond the limit: they leave only where the author confirms it."""
    return max(0, count - limit)
