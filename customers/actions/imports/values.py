"""What may stand in a cell: each reader takes the cleaned text and gives the value, or says what is wrong."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Model, TextChoices

# Line ends and control characters would let a name write mail headers; marks of direction would let it
# show something else than it is.
UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
MONEY = re.compile(r"(?P<whole>[0-9]+)(?:\.(?P<point>[0-9]+)|,(?P<comma>[0-9]{1,2}))?")
MONEY_DIGITS = 10  # before the point
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
YES = frozenset({"true", "yes", "1"})
NO = frozenset({"", "false", "no", "0"})
SMALL = 32_767

Reader = Callable[[str], Any]
Values = dict[str, Any]


class BadValue(ValueError):
    """Its message completes the sentence that the value begins: '"EURO" is not a three-letter code'."""


def clean(value: str) -> str:
    """On one line, without control characters, single spaces."""
    return " ".join(UNWANTED.sub(" ", value).split())


def read(columns: Mapping[str, Reader], cells: Mapping[str, str]) -> tuple[Values, list[tuple[str, str]]]:
    """The values of a row, and (column, what is wrong) of each that is bad."""
    values: Values = {}
    problems = []
    for column, reader in columns.items():
        cell = cells[column]
        try:
            if "\0" in cell:
                raise BadValue("contains a NUL character")
            if "\ufffd" in cell:
                raise BadValue("contains a damaged character")
            values[column] = reader(clean(cell))
        except BadValue as bad:
            problems.append((column, str(bad)))
    return values, problems


def text(model: type[Model], field: str, *, optional: bool = False) -> Reader:
    """Text as long as the model's field allows."""
    limit = getattr(model._meta.get_field(field), "max_length")  # noqa: B009  not every field has one
    assert isinstance(limit, int)  # noqa: S101  a mistake of ours, found when this module is imported

    def reader(value: str) -> str:
        if not value and not optional:
            raise BadValue("is empty")
        if len(value) > limit:
            raise BadValue(f"has {len(value)} characters, at most {limit} are allowed")
        return value

    return reader


def name(optional: bool = False) -> Reader:
    """A reference to another row, by what it is called there."""
    return lambda value: value if value or optional else _raise("is empty")


def choice(choices: type[TextChoices], default: TextChoices | None) -> Reader:
    """One of these words, whatever its capitals; empty is the default, None allows no value."""

    def reader(value: str) -> str:
        if not value:
            return default.value if default else ""
        if value.lower() not in choices.values:
            raise BadValue(f"is none of {', '.join(choices.values)}")
        return value.lower()

    return reader


def money(value: str) -> Decimal:
    """An amount from 0; empty is 0. A comma before one or two last digits is a decimal comma."""
    if not value:
        return Decimal(0)
    match = MONEY.fullmatch(value)
    if match is None:
        raise BadValue("is not an amount like 1234.50")
    decimals = match["point"] or match["comma"] or "0"
    if len(decimals) > 2:
        raise BadValue("has more than two decimals")
    if len(match["whole"].lstrip("0")) > MONEY_DIGITS:
        raise BadValue("is too large")
    return Decimal(f"{match['whole']}.{decimals}")


def currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value.upper()):
        raise BadValue("is not a three-letter code")
    return value.upper()


def boolean(value: str) -> bool:
    if value.lower() in YES | NO:
        return value.lower() in YES
    raise BadValue("is neither true nor false")


def small_number(value: str) -> int:
    if re.fullmatch(r"[0-9]{0,5}", value) and int(value or 0) <= SMALL:
        return int(value or 0)
    raise BadValue(f"is not a whole number from 0 to {SMALL}")


def day(value: str) -> date:
    try:
        if DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise BadValue("is not a date like 2026-05-31" if value else "is empty")


def day_or_none(value: str) -> date | None:
    return day(value) if value else None


def zone(default: str) -> Reader:
    """A time zone of the IANA database; empty is the default."""

    def reader(value: str) -> str:
        if value and value not in _zones():
            raise BadValue("is not a time zone like Europe/Berlin")
        return value or default

    return reader


def email(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise BadValue("is not an e-mail address" if value else "is empty") from None
    if len(value) > 254:
        raise BadValue(f"has {len(value)} characters, at most 254 are allowed")
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"Factory", "localtime"}  # names of a place's absence


def _raise(reason: str) -> str:
    raise BadValue(reason)
