"""Marks: places in a rendered text that differ per reader.

A text is rendered once per message; a mark stands between two private-use characters that no input may hold, and is
filled when it reaches somebody: `time:2026-11-21T03:00:00+00:00` in his zone, `name`, `labels`, `link` in a mail.
"""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format

OPEN, CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
_FORBIDDEN = re.compile(f"[{OPEN}{CLOSE}\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def mark(name: str) -> str:
    return f"{OPEN}{name}{CLOSE}"


def time_mark(instant: datetime) -> str:
    return mark(f"time:{instant.astimezone(UTC).isoformat(timespec='seconds')}")


def clock_mark(instant: datetime) -> str:
    """The hour alone, for a subject: `14:00 CET`."""
    return mark(f"clock:{instant.astimezone(UTC).isoformat(timespec='seconds')}")


def clean(value: str) -> str:
    """What people wrote, without the characters that could forge a mark or end a header; line ends become LF."""
    return _FORBIDDEN.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))


def clean_line(value: str) -> str:
    """The same in one line: for subjects and names, where a line end would begin a header (RFC 5322)."""
    return " ".join(clean(value).split())


def split(text: str) -> list[str]:
    """Literals at even places, names of marks at odd ones."""
    return _MARK.split(text)


def fill(text: str, value_of: Callable[[str], str]) -> str:
    return _MARK.sub(lambda found: value_of(found[1]), text)


@lru_cache(maxsize=4096)
def local_time(instant: datetime, zone: str, language: str) -> str:
    """`Sat 21 Nov, 14:00 CET (13:00 UTC)`: the reader's zone first, UTC beside it (L0)."""
    local = instant.astimezone(ZoneInfo(zone))
    with translation.override(language):
        shown = f"{date_format(local, 'D j M')}, {local_clock(instant, zone)}"
    return shown if not local.utcoffset() else f"{shown} ({instant.astimezone(UTC):%H:%M} UTC)"


def local_clock(instant: datetime, zone: str) -> str:
    """`14:00 CET`; a zone without letters is told by its distance: `20:00 UTC+08`."""
    local = instant.astimezone(ZoneInfo(zone))
    name = local.tzname() or "UTC"
    return f"{local:%H:%M} {'UTC' + name if name[0] in '+-' else name}"


def time_words(name: str, zone: str, language: str) -> str | None:
    """A time mark as words for a reader, None for any other mark."""
    kind, _, value = name.partition(":")
    if kind == "time":
        return local_time(datetime.fromisoformat(value), zone, language)
    if kind == "clock":
        return local_clock(datetime.fromisoformat(value), zone)
    return None


def fill_times(text: str, zone: str, language: str) -> str:
    """All time marks as words; other marks are left out."""
    return fill(text, lambda name: time_words(name, zone, language) or "")


def as_elements(text: str, zone: str = "UTC", language: str = "en") -> str:
    """Time marks of an HTML text as `<time datetime>`; live fragments say UTC and the page's script localises them."""

    def value_of(name: str) -> str:
        words = time_words(name, zone, language)
        if words is None:
            return ""
        return f'<time datetime="{name.partition(":")[2]}">{html.escape(words)}</time>'

    return fill(text, value_of)
