"""From the bytes of a file to its rows: encoding, separator, header and quotation marks (A7).

Nothing here holds more than one row, whatever the size of the file.
"""

import codecs
import csv
import io
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

from customers.actions.imports.reports import ImportRefused, Refusal
from customers.actions.imports.values import clean

SEPARATORS = (",", ";", "\t")
LINE_AT_MOST = 1_000_000  # characters: a longer one is no table
BLOCK = 1 << 16
IN_MEMORY = 1 << 20  # bytes of a pipe before it goes to a temporary file


@dataclass
class Row:
    """The wanted cells of a row as they stand in the file; `line`: where it starts."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """`notes`: what the reader should know about the file; a Refusal stands for a row that cannot be read."""

    rows: Iterator[Row | Refusal]
    notes: list[str] = field(default_factory=list)


@contextmanager
def open_table(file: bytes | IO[bytes], columns: Collection[str]) -> Iterator[Table]:
    """Read a table with at least these columns, in any order; the file stays open.

    Raises:
        ImportRefused: empty, not a table, a column missing or there twice.
    """
    with _seekable(file) as source:
        encoding, notes = _encoding(source)
        # A byte that is none in this encoding becomes U+FFFD, and its row is refused by its value.
        text = io.TextIOWrapper(source, encoding=encoding, errors="replace", newline="")
        try:
            rows, extra = _rows(_lines(text), columns)
            if extra:
                notes.append(f"columns not used: {', '.join(extra)}")
            yield Table(rows, notes)
        finally:
            text.detach()  # whoever opened the file closes it


@contextmanager
def _seekable(file: bytes | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(file, bytes):
        yield io.BytesIO(file)
    elif file.seekable():
        yield file
    else:  # a pipe: it is read twice, once to learn its encoding
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield copy


def _encoding(source: IO[bytes]) -> tuple[str, list[str]]:
    start = source.tell()
    decoder = codecs.getincrementaldecoder("utf-8")()
    block = source.read(BLOCK)
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ImportRefused("The file is UTF-16. Save it as CSV UTF-8 and import it again.")
    marked = block.startswith(codecs.BOM_UTF8)
    try:
        while block:
            decoder.decode(block)
            block = source.read(BLOCK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if not marked:
            return "cp1252", ["the file is not UTF-8 and was read as Windows-1252: check letters with accents"]
    finally:
        source.seek(start)
    return "utf-8-sig", []


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LINE_AT_MOST):
        if len(line) == LINE_AT_MOST and line[-1] not in "\r\n":
            raise ImportRefused(f"A line has {LINE_AT_MOST:,} characters or more. Is this a CSV file?")
        yield line


def _rows(lines: Iterator[str], columns: Collection[str]) -> tuple[Iterator[Row | Refusal], list[str]]:
    skipped = 0
    for first in lines:
        if first.strip():
            break
        skipped += 1
    else:
        raise ImportRefused("The file is empty.")
    separator = max(SEPARATORS, key=lambda one: len({*columns} & {*_names(first, one)}))
    names = _names(first, separator)
    _check_header(names, columns)
    records = _records(chain([first], lines), separator, skipped)
    next(records)  # the header
    extra = [name for name in names if name and name not in columns]
    return _wanted(records, names, columns), extra


def _names(line: str, separator: str) -> list[str]:
    try:
        (names,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    except csv.Error:
        return []
    return [clean(name).lower() for name in names]


def _check_header(names: list[str], columns: Collection[str]) -> None:
    found = ", ".join(name for name in names if name) or "none"
    if missing := [name for name in columns if name not in names]:
        raise ImportRefused(f"Columns missing: {', '.join(missing)}. Columns found: {found}.")
    if twice := [name for name in columns if names.count(name) > 1]:
        raise ImportRefused(f"Columns there more than once: {', '.join(twice)}. Columns found: {found}.")


def _records(lines: Iterator[str], separator: str, skipped: int) -> Iterator[tuple[int, list[str]] | Refusal]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line = skipped + reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:  # the reader goes on with the line after the one where it failed
            yield Refusal(line, "", _why(str(error), line, skipped + reader.line_num))


def _why(error: str, line: int, until: int) -> str:
    if error.startswith("field larger"):
        why = f"a value has more than {csv.field_size_limit():,} characters, or a quotation mark is not closed"
    else:
        why = "quotation marks do not match"
    return why if until <= line else f"{why}; lines {line} to {until} were read as one row"


def _wanted(
    records: Iterator[tuple[int, list[str]] | Refusal], names: list[str], columns: Collection[str]
) -> Iterator[Row | Refusal]:
    places = {name: names.index(name) for name in columns}
    for record in records:
        if isinstance(record, Refusal):
            yield record
            continue
        line, cells = record
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :]):
            yield Refusal(line, "", f"has {len(cells)} values where the header has {len(names)}")
        else:
            yield Row(line, {name: cells[place] for name, place in places.items()})
