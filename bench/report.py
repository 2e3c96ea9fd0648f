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
    id: str = ""
    """The goal that it is about: P1 to P12."""

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
                "id": self.id,
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


@dataclass(frozen=True)
class Unmeasured:
    """What this machine could not show, and why: neither a success nor a failure."""

    bench: str
    why: str
    id: str = ""

    def line(self) -> str:
        return json.dumps({"id": self.id, "bench": self.bench, "not_measured": self.why})


def say(measures: Iterator[Measure | Unmeasured]) -> None:
    for measure in measures:
        print(measure.line(), flush=True)


def failure(bench: str, why: str) -> dict[str, object]:
    """A bench that broke, as a line among the others."""
    return {"id": "", "bench": bench, "failed": why}


HEAD = ["goal", "what", "ours", "reference", "ratio", "aim", "verdict"]


def table(lines: Sequence[Mapping[str, object]]) -> str:
    """In the order of the goals, in columns; the rest of each line is left to whoever reads the JSON."""
    rows = [HEAD, *_rows(lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    return "\n".join("  ".join([*map(str.ljust, row[:-1], widths), row[-1]]) for row in rows)


def markdown(lines: Sequence[Mapping[str, object]]) -> str:
    """The same table for a page of documentation."""
    rows = [HEAD, ["---"] * len(HEAD), *_rows(lines)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)


def _rows(lines: Sequence[Mapping[str, object]]) -> list[list[str]]:
    return [_row(line) for line in sorted(lines, key=_place)]


def _place(line: Mapping[str, object]) -> int:
    """By the goal's number; what belongs to none comes last."""
    number = str(line["id"])[1:]
    return int(number) if number.isdecimal() else 1000


def _row(line: Mapping[str, object]) -> list[str]:
    name = [str(line["id"]), str(line["bench"])]
    for word in ("failed", "not_measured"):
        if word in line:
            return [*name, "", "", "", "", f"{word.replace('_', ' ')}: {line[word]}"]
    aim = f"{'>=' if line['goal_is'] == 'at least' else '<='} {_figure(line['goal'])}"
    both = [f"{_figure(line[side])} {line['unit']}" for side in ("ours", "reference")]
    return [*name, *both, _figure(line["ratio"]), aim, "holds" if line["holds"] else "falls short"]


def _figure(value: object) -> str:
    """Three digits that count, none lost of what is larger: 0.0313, 1.5, 62.4, 23,120."""
    number = float(str(value))
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


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


def percentile(values: Sequence[float], percent: int) -> float:
    """The least value that so many per cent of all do not exceed. `values` must not be empty."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
