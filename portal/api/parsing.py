"""Bodies and times of machines: bounded, strict in form, and without what PostgreSQL cannot store."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from portal.api.errors import TooLarge

DEEPEST = 50  # levels; what the documented bodies hold ends at 4
MALFORMED = "malformed"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL and lone surrogates: PostgreSQL refuses them in a text
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_ZERO = datetime(1, 1, 1)  # noqa: DTZ001 - Go's "no time", before it is moved to any zone
_YEARS = range(1970, 9999)  # the edges of what can be moved to another zone are no times of incidents


def raw_body(request: Request) -> bytes:
    """The body as it was sent; `request.data` still works afterwards.

    Raises:
        TooLarge: above WEBHOOK_MAX_BYTES, by its Content-Length before anything is read, else by what came.
        ParseError: the connection broke, or its Content-Length is no number.
    """
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not (declared.isascii() and declared.isdigit()):
        raise ParseError("The Content-Length is not a number.", MALFORMED)
    _bound(int(declared[:12]))
    try:
        body: bytes = request.body  # reads no more into memory than DATA_UPLOAD_MAX_MEMORY_SIZE
    except RequestDataTooBig as error:
        raise _too_large() from error
    except UnreadablePostError as error:
        raise ParseError("The body did not arrive whole.", MALFORMED) from error
    _bound(len(body))
    request.META["CONTENT_LENGTH"] = str(len(body))  # a chunked body has none, and would count as empty
    return body


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object (RFC 8259) that these bytes are; NUL and lone surrogates are removed from its texts.

    Raises:
        ParseError: not UTF-8, not JSON (with line and column), not an object, NaN, infinite, too deep.
    """
    try:
        found = json.loads(
            raw.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite, parse_int=_integer
        )
        found = _storable(found, DEEPEST)
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8: byte {error.start + 1} does not fit.", MALFORMED) from error
    except json.JSONDecodeError as error:
        message = f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise ParseError(message, MALFORMED) from error
    except RecursionError as error:
        raise ParseError(f"The body is nested deeper than {DEEPEST} levels.", MALFORMED) from error
    if not isinstance(found, dict):
        raise ParseError("The body is JSON, but not an object: it must begin with {.", MALFORMED)
    return found


class BoundedJSONParser(BaseParser):
    """JSON of at most WEBHOOK_MAX_BYTES, read once."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        raw = stream.read(settings.WEBHOOK_MAX_BYTES + 1)
        _bound(len(raw))
        return read_object(raw)


class Rfc3339Field(serializers.Field[datetime | None, str, str, Any]):
    """An instant (RFC 3339) as aware UTC, nanoseconds cut to microseconds; Go's zero time is None.

    `ahead`: how far after `context["now"]` it may lie (default: anywhere). `zero=False` refuses the zero.
    """

    default_error_messages = {
        "invalid": "This is not a time as RFC 3339 writes it, like 2026-04-14T08:41:07Z.",
        "zero": "This is the zero time; a real one is needed here.",
        "range": "This is not a time between 1970 and 9998.",
        "future": "This lies more than {ahead} in the future: check the clock of the sender.",
    }

    def __init__(self, *, ahead: timedelta | None = None, zero: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.ahead, self.zero = ahead, zero

    def to_internal_value(self, data: str) -> datetime | None:
        moment = self._moment(data)
        if moment.replace(tzinfo=None) == _ZERO:
            if not self.zero:
                self.fail("zero")
            return None
        if moment.year not in _YEARS:
            self.fail("range")
        moment = moment.astimezone(UTC)
        if self.ahead is not None and moment - self.context["now"] > self.ahead:
            self.fail("future", ahead=f"{self.ahead / timedelta(minutes=1):g} minutes")
        return moment

    def to_representation(self, value: datetime | None) -> str:
        return "" if value is None else value.isoformat()

    def _moment(self, text: object) -> datetime:
        parts = _RFC_3339.fullmatch(text) if isinstance(text, str) else None
        if parts is None:
            self.fail("invalid")
        day, time, fraction, zone = parts.groups(default="")
        try:
            return datetime.fromisoformat(f"{day}T{time}.{fraction[:6]:0<6}{zone.upper().replace('Z', '+00:00')}")
        except ValueError:  # no such day, hour or zone
            self.fail("invalid")


def _bound(length: int) -> None:
    if length > settings.WEBHOOK_MAX_BYTES:
        raise _too_large()


def _too_large() -> TooLarge:
    return TooLarge(f"The body is larger than {settings.WEBHOOK_MAX_BYTES // 1024} kB; nothing of it was kept.")


def _storable(value: Any, levels: int) -> Any:
    if levels < 0:
        raise RecursionError
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [_storable(part, levels - 1) for part in value]
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("", name): _storable(part, levels - 1) for name, part in value.items()}
    return value


def _refuse_constant(name: str) -> None:
    raise ParseError(f"The body is not JSON: {name} is not a number.", MALFORMED)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ParseError("The body holds a number that is too large.", MALFORMED)
    return number


def _integer(digits: str) -> int:
    if len(digits) > 300:  # as far as a float goes; Python refuses thousands of digits with an error of its own
        raise ParseError("The body holds a number that is too large.", MALFORMED)
    return int(digits)
