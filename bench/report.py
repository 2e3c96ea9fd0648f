"""What a bench says: a JSON line per measure. A measure holds where `ratio` is at most `goal`, for rates at least."""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measure:
    """`ours` and `reference` are in `unit`; `n` is how many rounds their medians come from."""

    bench: str
    ours: float
    reference: float
    goal: float
    unit: str
    n: int
    more: Mapping[str, object] = field(default_factory=dict)
    at_least: bool = False
    """More is better: the goal is the least that `ratio` may be."""

    @property
    def ratio(self) -> float:
        return self.ours / self.reference

    @property
    def holds(self) -> bool:
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal

    def line(self) -> str:
        numbers = {"ours": self.ours, "reference": self.reference, "ratio": self.ratio}
        return json.dumps(
            {
                "bench": self.bench,
                **{name: round(value, 3) for name, value in numbers.items()},
                "goal": self.goal,
                "goal_is": "at least" if self.at_least else "at most",
                "holds": self.holds,
                "unit": self.unit,
                "n": self.n,
                **self.more,
            }
        )


def say(measures: Iterator[Measure]) -> None:
    for measure in measures:
        print(measure.line(), flush=True)


def table(lines: Sequence[Mapping[str, object]]) -> str:
    """The measures in columns; the rest of each line is left to whoever reads the JSON."""
    rows = [["bench", "ours", "reference", "unit", "ratio", "goal_is", "goal", "holds", "n"]]
    for line in lines:
        cells = [line[name] for name in rows[0]]
        rows.append(["yes" if cell is True else "NO" if cell is False else str(cell) for cell in cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


Side = tuple[Callable[[], None], Callable[[], object]]
"""What is set up before each round, and what is timed."""


def medians(rounds: int, *sides: Side) -> list[float]:
    """Seconds of each side, in turns so that a slow moment of the machine meets all; one round before to warm up."""
    seen: list[list[float]] = [[] for _ in sides]
    for count in range(rounds + 1):
        for times, (prepare, call) in zip(seen, sides, strict=True):
            prepare()
            began = time.perf_counter()
            call()
            if count:
                times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in seen]
