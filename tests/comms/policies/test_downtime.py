"""H2: downtime exact to the second, nothing counted twice."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from comms.policies.downtime import (
    Impact,
    Interval,
    UsageSpan,
    clip,
    downtime_of_service,
    merge,
    seconds,
    subtract,
)

START = datetime(2026, 5, 4, 12, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def span(start: float, end: float) -> Interval:
    return Interval(at(start), at(end))


def test_interval_of_one_zone_is_elapsed_time_over_a_change_of_time():
    berlin = ZoneInfo("Europe/Berlin")
    spring = Interval(datetime(2026, 3, 29, 1, tzinfo=berlin), datetime(2026, 3, 29, 4, tzinfo=berlin))
    autumn = Interval(datetime(2026, 10, 25, 1, tzinfo=berlin), datetime(2026, 10, 25, 4, tzinfo=berlin))

    assert spring == Interval(datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC))
    assert (seconds([spring]), seconds([autumn])) == (2 * 3600, 4 * 3600)


def test_interval_refuses_an_end_before_the_start():
    with pytest.raises(ValueError, match=r"cannot end .* before it starts"):
        span(1, 0)


def test_interval_refuses_instants_without_a_zone():
    with pytest.raises(ValueError, match="instants with a zone"):
        Interval(START.replace(tzinfo=None), at(1))


@pytest.mark.parametrize(
    ("intervals", "union"),
    [
        ([], []),
        ([span(5, 5)], []),
        ([span(0, 10), span(20, 30)], [span(0, 10), span(20, 30)]),
        ([span(20, 30), span(0, 10)], [span(0, 10), span(20, 30)]),
        ([span(0, 10), span(5, 15)], [span(0, 15)]),
        ([span(0, 10), span(10, 15)], [span(0, 15)]),
        ([span(0, 30), span(5, 15), span(20, 25)], [span(0, 30)]),
        ([span(0, 10), span(0, 10)], [span(0, 10)]),
    ],
)
def test_merge(intervals, union):
    assert merge(intervals) == union


def test_clip_keeps_what_lies_in_the_window():
    assert clip([span(-10, 5), span(20, 40), span(90, 120), span(100, 101), span(-9, -1)], span(0, 100)) == [
        span(0, 5),
        span(20, 40),
        span(90, 100),
    ]


@pytest.mark.parametrize(
    ("holes", "left"),
    [
        ([], [span(0, 100)]),
        ([span(100, 200), span(-50, 0)], [span(0, 100)]),
        ([span(-50, 10)], [span(10, 100)]),
        ([span(90, 110)], [span(0, 90)]),
        ([span(40, 60), span(50, 70)], [span(0, 40), span(70, 100)]),
        ([span(-1, 101)], []),
        ([span(0, 50), span(50, 100)], []),
    ],
)
def test_subtract(holes, left):
    assert subtract([span(0, 100)], holes) == left


def test_subtract_one_hole_from_several_intervals():
    assert subtract([span(0, 10), span(20, 30), span(40, 50)], [span(5, 45)]) == [span(0, 5), span(45, 50)]


def test_seconds_counts_overlaps_once_and_rounds_once():
    assert seconds([span(0, 10), span(5, 15)]) == 15
    assert seconds([span(0, 0.4), span(1, 1.4), span(2, 2.4)]) == 1
    assert seconds([span(0, 0.5)]) == 1
    assert seconds([span(0, 0.499999)]) == 0
    assert seconds([]) == 0


def test_union_clip_and_subtract_agree_with_counting_seconds():
    chance = random.Random(20260504)
    for _ in range(200):
        rows = [sorted(chance.sample(range(60), 2)) for _ in range(chance.randrange(6))]
        cuts = [sorted(chance.sample(range(60), 2)) for _ in range(chance.randrange(4))]
        down = {second for start, end in rows for second in range(start, end)}
        excluded = {second for start, end in cuts for second in range(start, end)}
        intervals, holes = [span(*row) for row in rows], [span(*cut) for cut in cuts]

        assert seconds(intervals) == len(down)
        assert seconds(subtract(intervals, holes)) == len(down - excluded)
        assert seconds(clip(intervals, span(10, 40))) == len(down & set(range(10, 40)))


ALWAYS = UsageSpan(1, at(-1000), None)


def test_downtime_of_two_components_down_together_is_one_downtime():
    impacts = [Impact(1, at(0), at(60)), Impact(2, at(30), at(90))]
    usage = [ALWAYS, UsageSpan(2, at(-1000), None)]

    assert downtime_of_service(impacts, usage, at(600)) == [span(0, 90)]


def test_downtime_leaves_out_components_the_account_does_not_use():
    impacts = [Impact(1, at(0), at(60)), Impact(2, at(30), at(90))]

    assert downtime_of_service(impacts, [ALWAYS], at(600)) == [span(0, 60)]


def test_downtime_of_an_open_impact_ends_at_until():
    assert downtime_of_service([Impact(1, at(0), None)], [ALWAYS], at(45)) == [span(0, 45)]


def test_downtime_counts_nothing_after_until():
    impacts = [Impact(1, at(0), at(60)), Impact(1, at(100), None), Impact(1, at(45), None)]

    assert downtime_of_service(impacts, [ALWAYS], at(45)) == [span(0, 45)]


def test_downtime_counts_nothing_after_until_even_where_both_ends_are_known():
    assert downtime_of_service([Impact(1, at(0), at(60))], [UsageSpan(1, at(-10), at(90))], at(45)) == [span(0, 45)]


def test_downtime_of_a_reopened_incident_leaves_out_the_time_between():
    impacts = [Impact(1, at(0), at(60)), Impact(1, at(300), at(330))]

    assert downtime_of_service(impacts, [ALWAYS], at(600)) == [span(0, 60), span(300, 330)]


@pytest.mark.parametrize(
    ("usage", "downtime"),
    [
        ([UsageSpan(1, at(30), None)], [span(30, 60)]),
        ([UsageSpan(1, at(-10), at(20))], [span(0, 20)]),
        ([UsageSpan(1, at(-10), at(20)), UsageSpan(1, at(50), None)], [span(0, 20), span(50, 60)]),
        ([UsageSpan(1, at(-10), at(20)), UsageSpan(1, at(10), None)], [span(0, 60)]),
        ([UsageSpan(1, at(60), None)], []),
        ([UsageSpan(1, at(-10), at(0))], []),
        ([], []),
    ],
)
def test_downtime_counts_only_while_the_component_was_used(usage, downtime):
    assert downtime_of_service([Impact(1, at(0), at(60))], usage, at(600)) == downtime
