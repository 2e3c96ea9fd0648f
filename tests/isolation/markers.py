"""Marker strings: each says whose it is and who may read it, so that a leak names its field.

`mkb-tech-symptoms` is the symptoms of account B's incident. Sides: `a`, `b`, `s` (an incident of both), `f` (a former
member's own name), `x` (ours, of no account). Kinds: `own` (every reader of the account), `tech` and `biz` (readers of
that track), `int` (colleagues only), `draft` (written and not published).
"""

import html
import re
from collections.abc import Iterable
from urllib.parse import unquote

from django.http import HttpResponseBase

KINDS = ("own", "tech", "biz", "int", "draft")
_CURRENCY = re.compile(r"\bQ([AB])X\b")  # a currency has three letters, so it is its own marker
_MARKER = re.compile(rf"mk([absfx])-({'|'.join(KINDS)})-[a-z0-9_]+")


def marker(side: str, kind: str, field: str) -> str:
    made = f"mk{side}-{kind}-{field}"
    assert _MARKER.fullmatch(made), made
    return made


def markers_in(text: str) -> set[str]:
    """Every marker in a text, however it was escaped."""
    plain = html.unescape(unquote(text))
    found = {found[0] for found in _MARKER.finditer(plain.lower())}
    return found | {marker(money[1].lower(), "own", "currency") for money in _CURRENCY.finditer(plain)}


def everything(response: HttpResponseBase) -> str:
    """What leaves for the browser: status line, headers, cookies, body."""
    body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    headers = "\n".join(f"{name}: {value}" for name, value in response.items())
    return f"{response.status_code}\n{headers}\n{response.cookies.output()}\n\n{body.decode('utf-8', 'replace')}"


def of(found: Iterable[str], *prefixes: str) -> set[str]:
    """Those that begin with `mk<prefix>-`: `of(found, "b-tech", "s")`."""
    return {one for one in found if one.startswith(tuple(f"mk{prefix}-" for prefix in prefixes))}


def foreign(found: Iterable[str], allowed: Iterable[str]) -> set[str]:
    """Those that a reader with these prefixes must not see."""
    return set(found) - of(found, *allowed)
