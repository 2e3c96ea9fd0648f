"""Rows for spreadsheets: RFC 4180, and nothing that a spreadsheet would compute."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

FORMULA = ("=", "+", "-", "@", "\t", "\r")
Cell = str | int | None


def lines(rows: Iterable[Sequence[Cell]]) -> str:
    """RFC 4180; cells from outside go through `quoted` first."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()


def quoted(value: Cell) -> Cell:
    """A cell that a spreadsheet would compute gets a leading apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def instant(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond: `2026-11-21T02:59:03.120Z`."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
