"""What a client says that it has: checked, because anybody may write to a socket."""

import json
from typing import Any

from comms.choices import Variant
from customers.choices import Track

FRAME_MAX = 32 * 1024  # characters
INCIDENTS_MAX = 200
NUMBER_MAX = 2**31 - 1

Have = dict[int, tuple[Variant, int]]
"""Incident -> the variant that the client shows, and the last sequence of it."""


class Malformed(ValueError):
    """A frame that none of our pages sends."""


def resume_point(frame: str | None) -> Have:
    """Read `{"resume": {"7": {"variant": "technical", "sequence": 3}}}`; it may be empty.

    Raises:
        Malformed: anything else, or more than FRAME_MAX characters or INCIDENTS_MAX incidents.
    """
    if frame is None or len(frame) > FRAME_MAX:
        raise Malformed("not text, or too long")
    try:
        content = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    resume = content.get("resume") if isinstance(content, dict) else None
    if not isinstance(resume, dict) or len(resume) > INCIDENTS_MAX:
        raise Malformed("no resume, or too many incidents")
    return {_incident(key): _shown(value) for key, value in resume.items()}


def _incident(key: str) -> int:
    if not (key.isascii() and key.isdigit() and len(key) <= 18):  # beyond that PostgreSQL's bigint ends
        raise Malformed("not the id of an incident")
    return int(key)


def _shown(value: Any) -> tuple[Variant, int]:
    variant, sequence = (value.get("variant"), value.get("sequence")) if isinstance(value, dict) else (0, 0)
    if variant not in Track.values or type(sequence) is not int or not 0 <= sequence <= NUMBER_MAX:
        raise Malformed("not a variant and its sequence")
    return Variant(variant), sequence
