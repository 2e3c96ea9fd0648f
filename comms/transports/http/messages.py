"""A request, its answer, and the ways in which there is none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from comms.transports.base import Accepted, Alarm, Item, Outcome, Rejected, Retry

NAME = re.compile(r"[A-Za-z0-9-]+")
VALUE = re.compile(r"[\x20-\x7e]*")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
MAX_TEXT = 500  # characters of an answer that are worth keeping
MAX_WAIT = 86400.0  # seconds; who asks for more is asked again after a day


class Refused(Exception):
    """Never to be posted to or sent to: nobody has been asked."""


class Unreachable(Exception):
    """No connection was made; nothing has left."""


class Unsent(Exception):
    """The connection broke before the request was complete: it was certainly not taken."""


class Lost(Exception):
    """The whole request may have arrived and its answer did not. `late`: it had its time."""

    def __init__(self, reason: str, *, late: bool) -> None:
        super().__init__(reason)
        self.late = late


@dataclass(frozen=True, slots=True)
class Request:
    """A POST. Raises ValueError at a header that could end its line."""

    url: str = field(repr=False)
    body: bytes
    headers: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if not NAME.fullmatch(name) or not VALUE.fullmatch(value):
                raise ValueError(f"the header {name!r} cannot be sent")

    def encoded(self, path: str, authority: str, user_agent: str) -> bytes:
        """As it goes over the wire."""
        general = {"Host": authority, "User-Agent": user_agent, "Accept-Encoding": "identity", "Connection": "close"}
        fields = general | dict(self.headers) | {"Content-Length": str(len(self.body))}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("ascii") + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said: its head decides, the body (64 kB at most, perhaps cut) only explains."""

    code: int
    reason: str
    body: bytes
    retry_after: float | None = None

    @property
    def text(self) -> str:
        """One printable line, safe to store and show, cut at MAX_TEXT characters."""
        said = self.body.decode("utf-8", "replace").strip() or self.reason
        text = f"redirects are not followed: {said}" if 300 <= self.code < 400 else said
        return UNPRINTABLE.sub(" ", text).strip()[:MAX_TEXT]

    def accepted(self, item: Item, reply: str | None = None) -> Accepted:
        return Accepted(item.delivery_id, item.attempt, self.code, self.text if reply is None else reply)

    def rejected(self, item: Item) -> Rejected:
        return Rejected(item.delivery_id, item.attempt, self.code, self.text)

    def alarm(self, item: Item) -> Alarm:
        return Alarm(item.delivery_id, item.attempt, self.code, self.text)

    def retry(self, item: Item) -> Retry:
        return Retry(item.delivery_id, item.attempt, self.code, self.text, retry_after=self.retry_after)


def by_status(
    item: Item,
    answer: Answer,
    *,
    rejected: frozenset[int] = frozenset({410}),
    alarm: frozenset[int] = frozenset(),
) -> Outcome:
    """Judge by the status: 2xx is accepted, all that is not named here is worth another attempt."""
    if 200 <= answer.code < 300:
        return answer.accepted(item)
    if answer.code in rejected:
        return answer.rejected(item)
    return answer.alarm(item) if answer.code in alarm else answer.retry(item)


def seconds_to_wait(retry_after: str, now: float) -> float | None:
    """Seconds from `now` (Unix time) that a Retry-After asks for, 0 to a day; None if it says nothing (RFC 9110)."""
    value = retry_after.strip()
    if value.isascii() and value.isdigit():
        seconds = float(value)
    else:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_WAIT)
