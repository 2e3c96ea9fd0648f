"""One file on its way in: its rows in chunks, looked up and written as sets, counted once each (A7)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO, Any, Generic, TypeVar

from django.db import connection, models, transaction

from customers import clock
from customers.actions.imports import values
from customers.actions.imports.reading import Row, Table, open_table
from customers.actions.imports.reports import Refusal, Report, shown
from customers.models import Account, Company, Component, Contact, Service, Usage

CHUNK = 1_000  # rows
Progress = Callable[[int], None]
M = TypeVar("M", Account, Component, Contact, Service, Usage)


@dataclass
class Entry:
    """A row whose every value could be read; refused later if what it refers to is not known."""

    line: int
    cells: Mapping[str, str]
    values: values.Values
    refused: bool = False


class Run:
    """The import of one file: `report` is complete when `run` has ended."""

    def __init__(self, kind: str, columns: Mapping[str, values.Reader], table: Table, now: datetime) -> None:
        self.report = Report(kind)
        self.now = now
        self._columns = columns
        self._table = table
        self._warned: Counter[str] = Counter()
        self._warned_first: dict[str, int] = {}
        # Which rows of the database this file has touched, 4,096 to a number: flat memory for long files.
        self._touched: defaultdict[int, int] = defaultdict(int)

    def chunks(self, progress: Progress | None = None) -> Iterator[list[Entry]]:
        """The readable rows, a thousand at a time; `progress` is told how many rows of the file are done."""
        rows, done = iter(self._table.rows), 0
        while chunk := list(islice(rows, CHUNK)):
            yield [entry for row in chunk if (entry := self._entry(row)) is not None]
            # Foreign keys are checked now: kept until the commit, they slow every row's history trigger.
            connection.check_constraints()
            done += len(chunk)
            if progress is not None:
                progress(done)

    def _entry(self, row: Row | Refusal) -> Entry | None:
        if isinstance(row, Refusal):
            self.report.refused.append(row)
            return None
        found, problems = values.read(self._columns, row.cells)
        entry = Entry(row.line, row.cells, found)
        for column, reason in problems:
            self.refuse(entry, column, reason)
        return None if problems else entry

    def refuse(self, entry: Entry, column: str, reason: str) -> None:
        value = shown(values.clean(entry.cells[column]))
        self.report.refused.append(Refusal(entry.line, column, reason, value))
        entry.refused = True

    def warn(self, line: int, text: str) -> None:
        """Say something about a row that is kept; the same words for many rows are said once, counted."""
        self._warned_first.setdefault(text, line)
        self._warned[text] += 1

    def refer(
        self, entries: Sequence[Entry], column: str, rows: models.QuerySet[Any], key: str = "external_id"
    ) -> None:
        """Replace the name in this column by the row it names, empty by None; an unknown one is refused."""
        wanted = {entry.values[column] for entry in entries} - {""}
        found = {getattr(row, key): row for row in rows.filter(**{f"{key}__in": wanted})}
        for entry in entries:
            name = entry.values[column]
            entry.values[column] = found.get(name)
            if name and name not in found:
                self.refuse(entry, column, f"is no {rows.model._meta.verbose_name} that is known here")

    def mark(self, pk: int) -> bool:
        """Remember that this file touched the row; whether it had before."""
        place, bit = divmod(pk, 4096)
        before = bool(self._touched[place] >> bit & 1)
        self._touched[place] |= 1 << bit
        return before

    def close(self) -> None:
        """Complete the report."""
        self.report.refused.sort(key=lambda refusal: refusal.line)
        self.report.warnings += self._table.notes
        for text, count in self._warned.items():
            more = "" if count == 1 else f" (and {count - 1} more {'line' if count == 2 else 'lines'})"
            self.report.warnings.append(f"line {self._warned_first[text]}: {text}{more}")


@contextmanager
def run(kind: str, file: bytes | IO[bytes], columns: Mapping[str, values.Reader]) -> Iterator[Run]:
    """One file, one transaction.

    Raises:
        ImportRefused: the file as a whole cannot be used; nothing was written.
    """
    with transaction.atomic(), open_table(file, columns) as table:
        # One import at a time: two that lock the same rows in a different order would wait for each other.
        list(Company.objects.select_for_update())
        this = Run(kind, columns, table, clock.now())
        yield this
        this.close()


class Batch(Generic[M]):
    """The rows of a chunk beside what the database holds of them, locked until the file is in."""

    def __init__(self, run: Run, model: type[M], entries: Sequence[Entry]) -> None:
        self._run = run
        self._model: type[M] = model
        self.entries = [entry for entry in entries if not entry.refused]
        ids = {entry.values["external_id"] for entry in self.entries}
        stored = model._default_manager.select_for_update().filter(external_id__in=ids).order_by("pk")
        self.rows: dict[str, M] = {row.external_id: row for row in stored}
        self._seen: set[str] = set()
        self._changed: dict[str, M] = {}

    @property
    def stored(self) -> list[M]:
        """Those that the database held before this chunk."""
        return [row for row in self.rows.values() if row.pk is not None]

    def row(self, entry: Entry) -> M:
        """The row with this external id, a new one if there is none."""
        name = entry.values["external_id"]
        return self.rows.setdefault(name, self._model(external_id=name))

    def count(self, entry: Entry, row: M, changed: bool) -> None:
        """Count the row, and keep it for `save` if it is new or differs from what is stored."""
        report, name = self._run.report, row.external_id
        again = name in self._seen or (row.pk is not None and self._run.mark(row.pk))
        if again:
            self._run.warn(entry.line, f'external_id "{name}" stands in the file again; this row was taken')
        if row.pk is None and name not in self._seen:
            report.added += 1
        elif changed:
            report.changed += 1
        else:
            report.unchanged += 1
        self._seen.add(name)
        if changed or row.pk is None:
            self._changed[name] = row

    def save(self, fields: Sequence[str]) -> list[M]:
        """Write what is new or differs, in one statement each; the rows written, all with their keys."""
        rows = list(self._changed.values())
        new = [row for row in rows if row.pk is None]
        self._model._default_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=["external_id"], update_fields=fields
        )
        for row in new:
            self._run.mark(row.pk)
        return rows


def assign(row: models.Model, found: Mapping[str, Any], fields: Sequence[str]) -> bool:
    """Set these fields; whether one differs from before."""
    changed = False
    for field in fields:
        value, attribute = found[field], row._meta.get_field(field).attname  # type: ignore[union-attr]
        if getattr(row, attribute) != (value.pk if isinstance(value, models.Model) else value):
            setattr(row, field, value)
            changed = True
    return changed
