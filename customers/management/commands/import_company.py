"""A company's folder of CSV files into the database (A7): run it again as often as you like."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from customers.actions import imports

FILES = {  # in this order: each refers to those before it
    "services.csv": imports.import_services,
    "components.csv": imports.import_components,
    "accounts.csv": imports.import_accounts,
    "contacts.csv": imports.import_contacts,
    "usage.csv": imports.import_usage,
}
TOLD_EVERY = 5_000  # rows


class Command(BaseCommand):
    help = (
        "Import services.csv, components.csv, accounts.csv, contacts.csv and usage.csv from a folder, those "
        "that exist. Rows are recognised by their external_id and never doubled. Nothing is sent to anyone. "
        "The exit code is 1 if a row or a file was refused; everything else is in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder with the files")

    def handle(self, *, folder: Path, **options: object) -> None:
        names = [name for name in FILES if (folder / name).exists()]
        if not names:
            raise CommandError(f"Nothing to import: {folder} has none of {', '.join(FILES)}.")
        self.stdout.write(f"{'':16}{'added':>9}{'changed':>9}{'unchanged':>11}{'refused':>9}")
        if not all([self._import(folder / name) for name in names]):  # noqa: C419  all files, not the first
            raise CommandError(
                "Not everything could be imported. Correct what is named above and import the folder again: "
                "what is in stays and is not doubled."
            )

    def _import(self, path: Path) -> bool:
        """Whether every row is in."""
        try:
            with path.open("rb") as file:
                report = FILES[path.name](file, self._tell)
        except (imports.ImportRefused, OSError) as refused:
            self.stdout.write(f"{path.name:16}not imported: {refused}")
            return False
        counts = f"{report.added:9,}{report.changed:9,}{report.unchanged:11,}{report.rows_refused:9,}"
        self.stdout.write(f"{path.name:16}{counts}")
        for warning in report.warnings:
            self.stdout.write(f"  note: {warning}")
        for refusal in report.refused:
            self.stdout.write(f"  refused: {refusal}")
        return not report.refused

    def _tell(self, done: int) -> None:
        if done % TOLD_EVERY == 0:
            self.stdout.write(f"  {done:,} rows read")
            self.stdout.flush()
