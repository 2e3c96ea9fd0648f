"""What an import tells the person who started it: what came in, what did not and why."""

from dataclasses import dataclass, field

SHOWN = 60  # characters of a refused value


class ImportRefused(ValueError):
    """The file as a whole cannot be used; nothing of it was written. The message is for a person."""


@dataclass(frozen=True)
class Refusal:
    """A row that was left out. `line`: where it starts in the file, the header being line 1; `field` is
    empty when the row as a whole is at fault."""

    line: int
    field: str
    reason: str
    value: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}, {self.field}" if self.field else f"line {self.line}"
        return f'{place}: "{self.value}" {self.reason}' if self.value else f"{place}: {self.reason}"


@dataclass
class Report:
    """The outcome of one file, in rows; `refused` in the order of lines, one entry per value at fault."""

    kind: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def rows_refused(self) -> int:
        """A row with two values at fault is refused once."""
        return len({refusal.line for refusal in self.refused})


def shown(value: str) -> str:
    """A refused value as it may be printed: its beginning."""
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
