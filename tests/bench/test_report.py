import json

import pytest

from bench import report
from bench.report import Measure, Unmeasured, percentile

SLOWER = Measure("publish", 120.0, 100.0, 1.5, "ms", 7, {"recipients": 100_000}, id="P1")
TOO_FEW = Measure("mails / Celery", 2300.0, 1000.0, 6, "mails/s", 5, at_least=True, id="P4")
NOWHERE = Unmeasured("p99 to 10,000 sockets", "a process here may open 4,096 files (ulimit -Hn)", "P9")
LATEST = Measure("memory per socket", 0.0365, 0.04, 1.0, "MB", 1, id="P10")


def lines_of(*measures: Measure | Unmeasured) -> list[dict[str, object]]:
    return [json.loads(measure.line()) for measure in measures]


@pytest.mark.parametrize(
    ("ours", "at_least", "holds"),
    [(150.0, False, True), (150.1, False, False), (150.0, True, True), (149.9, True, False)],
)
def test_measure_holds_up_to_its_goal(ours, at_least, holds):
    assert Measure("any", ours, 100.0, 1.5, "ms", 5, at_least=at_least).holds is holds


def test_line_says_what_was_measured_and_for_which_goal():
    assert json.loads(SLOWER.line()) == {
        "id": "P1",
        "bench": "publish",
        "ours": 120.0,
        "reference": 100.0,
        "ratio": 1.2,
        "goal": 1.5,
        "goal_is": "at most",
        "holds": True,
        "unit": "ms",
        "n": 7,
        "recipients": 100_000,
    }


def test_table_is_in_the_order_of_the_goals_and_says_what_holds():
    lines = [report.failure("sending", "OSError: no"), *lines_of(LATEST, NOWHERE, TOO_FEW, SLOWER)]
    assert report.table(lines).splitlines() == [
        "goal  what                   ours           reference      ratio  aim     verdict",
        "P1    publish                120 ms         100 ms         1.2    <= 1.5  holds",
        "P4    mails / Celery         2,300 mails/s  1,000 mails/s  2.3    >= 6    falls short",
        "P9    p99 to 10,000 sockets                                               "
        "not measured: a process here may open 4,096 files (ulimit -Hn)",
        "P10   memory per socket      0.036 MB       0.04 MB        0.912  <= 1    holds",
        "      sending                                                             failed: OSError: no",
    ]


def test_markdown_is_the_same_table_for_a_page():
    assert report.markdown([*lines_of(SLOWER), report.failure("sending", "this | that")]).splitlines() == [
        "| goal | what | ours | reference | ratio | aim | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| P1 | publish | 120 ms | 100 ms | 1.2 | <= 1.5 | holds |",
        "|  | sending |  |  |  |  | failed: this / that |",
    ]


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (95, 95), (99, 99), (100, 100)])
def test_percentile_is_the_least_that_so_many_do_not_exceed(percent, value):
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_percentile_of_few_is_the_largest():
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
