"""Which faults there are, and how one that was played is told in a line."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.world import World


class NotRun(Exception):
    """This fault cannot be played on this machine; the words say why."""


@dataclass
class Verdict:
    """What the outside saw. `broken` are promises that did not hold, in words."""

    lost: int = 0
    duplicated: int = 0
    misdirected: int = 0
    out_of_order: int = 0
    uncertain: int = 0
    recovery: float | None = None
    """Seconds from the end of the fault (or the kill) until all was well."""
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def must(self, holds: bool, words: str) -> None:
        """Say that a promise did not hold, if it did not."""
        if not holds:
            self.broken.append(words)

    def holds(self) -> bool:
        return not (self.broken or self.lost or self.misdirected or self.out_of_order)


Play = Callable[["World"], Verdict]


@dataclass(frozen=True)
class Fault:
    """A fault. `ci`: of the short selection. `own_server`: it breaks PostgreSQL itself, so it gets one of its own.
    `alone`: it judges times that another one would spoil."""

    id: str
    name: str
    play: Play
    ci: bool
    own_server: bool
    alone: bool


FAULTS: dict[str, Fault] = {}


def fault(
    id: str, name: str, *, ci: bool = False, own_server: bool = False, alone: bool = False
) -> Callable[[Play], Play]:
    """Enter a function into the list."""

    def enter(play: Play) -> Play:
        FAULTS[id] = Fault(id, name, play, ci, own_server, alone)
        return play

    return enter


def line_of(found: Fault, verdict: Verdict) -> str:
    recovery = "-" if verdict.recovery is None else f"{verdict.recovery:.1f} s"
    words = "; ".join([*verdict.broken, *verdict.notes])
    return (
        f"{found.id:<4}{found.name:<52} lost {verdict.lost:<3} duplicated {verdict.duplicated:<3} "
        f"misdirected {verdict.misdirected:<3} out of order {verdict.out_of_order:<3} "
        f"uncertain {verdict.uncertain:<4} recovery {recovery:<8} {'holds' if verdict.holds() else 'FAILS'}"
        f"{f' ({words})' if words else ''}"
    )
