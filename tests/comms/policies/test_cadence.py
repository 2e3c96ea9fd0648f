"""C2, C2c, C3: the clock of a promise."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from comms.choices import PromiseState
from comms.policies.cadence import (
    CadenceRule,
    Judgement,
    LaterThanCadence,
    NotInTheFuture,
    check_rule,
    first_due,
    from_json,
    judge,
    next_due,
    to_json,
    warnings_due,
)
from customers.choices import Track

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
GRACE = timedelta(minutes=5)
BERLIN = ZoneInfo("Europe/Berlin")


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


HOURLY = CadenceRule(first_within=minutes(15), every=minutes(60), grace=GRACE)


def test_first_due_counts_from_detection():
    assert first_due(HOURLY, NOON) == datetime(2026, 5, 4, 12, 15, tzinfo=UTC)


def test_first_due_at_once():
    assert first_due(CadenceRule(minutes(0), minutes(30), GRACE), NOON) == NOON


def test_next_due_follows_the_cadence():
    assert next_due(HOURLY, NOON, wanted=None) == NOON + minutes(60)


@pytest.mark.parametrize("wanted", [NOON + MICROSECOND, NOON + minutes(20), NOON + minutes(60)])
def test_next_due_takes_an_earlier_time(wanted):
    assert next_due(HOURLY, NOON, wanted=wanted) == wanted


def test_next_due_gives_utc_whatever_zone_is_wanted():
    wanted = datetime(2026, 5, 4, 14, 30, tzinfo=BERLIN)

    due = next_due(HOURLY, NOON, wanted=wanted)

    assert (due, due.tzinfo) == (datetime(2026, 5, 4, 12, 30, tzinfo=UTC), UTC)


def test_next_due_refuses_a_later_time_and_names_both_in_utc():
    wanted = datetime(2026, 5, 4, 15, 0, 1, tzinfo=timezone(timedelta(hours=2)))

    with pytest.raises(LaterThanCadence) as refused:
        next_due(HOURLY, NOON, wanted=wanted)

    assert str(refused.value) == (
        "The next update was announced for 2026-05-04 13:00:01 UTC, but it is due by 2026-05-04 13:00:00 UTC."
    )


@pytest.mark.parametrize("wanted", [NOON, NOON - MICROSECOND, NOON - timedelta(days=1)])
def test_next_due_refuses_what_is_not_in_the_future(wanted):
    with pytest.raises(NotInTheFuture, match="this one goes out at 2026-05-04 12:00:00 UTC"):
        next_due(HOURLY, NOON, wanted=wanted)


@pytest.mark.parametrize(
    "day", [datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN), datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN)]
)
def test_due_times_are_elapsed_time_on_the_days_the_clocks_change(day):
    two_hourly = CadenceRule(minutes(120), minutes(120), GRACE)

    assert first_due(two_hourly, day) - day.astimezone(UTC) == minutes(120)
    assert next_due(two_hourly, day, wanted=None) - day.astimezone(UTC) == minutes(120)


@pytest.mark.parametrize(
    ("after_due", "judgement"),
    [
        (-minutes(59), Judgement(PromiseState.KEPT, 0)),
        (minutes(0), Judgement(PromiseState.KEPT, 0)),
        (minutes(5), Judgement(PromiseState.KEPT, 0)),
        (minutes(5) + MICROSECOND, Judgement(PromiseState.LATE, 301)),
        (minutes(5) + timedelta(seconds=1), Judgement(PromiseState.LATE, 301)),
        (minutes(90), Judgement(PromiseState.LATE, 5400)),
        (timedelta(days=3, seconds=2), Judgement(PromiseState.LATE, 259_202)),
    ],
)
def test_judge_with_grace(after_due, judgement):
    assert judge(NOON, GRACE, NOON + after_due) == judgement


def test_judge_without_grace_never_calls_anything_late_by_nothing():
    assert judge(NOON, timedelta(), NOON) == (PromiseState.KEPT, 0)
    assert judge(NOON, timedelta(), NOON + MICROSECOND) == (PromiseState.LATE, 1)


@pytest.mark.parametrize(
    ("minutes_left", "already", "given"),
    [
        (10.1, [], []),
        (10, [], [10]),
        (9.9, [10], []),
        (5, [10], [5]),
        (4, [10, 5], []),
        (4, [], [5]),
        (3, [5], []),
        (0.01, [], [5]),
        (0, [], []),
        (-1, [], []),
    ],
)
@pytest.mark.parametrize("before", [[10, 5], (5, 10)])
def test_warnings_due(minutes_left, already, given, before):
    assert warnings_due(NOON, NOON - minutes(minutes_left), before, already) == given


def test_warnings_due_second_by_second_gives_each_once():
    given: list[tuple[int, int]] = []
    for left in range(1200, -60, -1):
        now = NOON - timedelta(seconds=left)
        given += [(left, warning) for warning in warnings_due(NOON, now, [10, 5], [w for _, w in given])]

    assert given == [(600, 10), (300, 5)]


def test_warnings_due_after_sleep_gives_the_nearest_and_never_the_longer_ones_after_it():
    given: list[int] = []
    for left in (7200, 200, 199, 100, 1):
        given += warnings_due(NOON, NOON - timedelta(seconds=left), [30, 10, 5, 2], given)

    assert given == [5, 2]


def test_warnings_due_without_any_configured():
    assert warnings_due(NOON, NOON - MICROSECOND, [], []) == []


@pytest.mark.parametrize(
    ("first", "every", "severity", "track"),
    [
        (0, 15, 5, Track.TECHNICAL),
        (0, 60, 5, Track.BUSINESS),
        (45, 180, 1, Track.BUSINESS),
        (15, 61, 5, Track.TECHNICAL),
    ],
)
def test_check_rule_accepts_what_is_within_bounds(first, every, severity, track):
    check_rule(minutes(first), minutes(every), severity, track)


@pytest.mark.parametrize(
    ("first", "every", "severity", "track", "message"),
    [
        (
            15, 14, 3, Track.TECHNICAL,
            "Severity 3, technical track: an update every 14 minutes is too often; the least is 15 minutes.",
        ),
        (
            15, 0, 3, Track.BUSINESS,
            "Severity 3, business track: an update every 0 minutes is too often; the least is 15 minutes.",
        ),
        (
            0, 61, 5, Track.BUSINESS,
            "Severity 5, business track: an update every 61 minutes is too seldom; the most is 60 minutes.",
        ),
        (
            -1, 60, 4, Track.BUSINESS,
            "Severity 4, business track: the first message cannot be due before the incident was detected.",
        ),
        (0, 60, 6, Track.BUSINESS, "There is no severity 6; it is 1 to 5."),
        (0, 60, 0, Track.BUSINESS, "There is no severity 0; it is 1 to 5."),
    ],
)  # fmt: skip
def test_check_rule_refuses_in_words(first, every, severity, track, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared below
        check_rule(minutes(first), minutes(every), severity, track)

    assert str(refused.value) == message


CADENCE = {
    (3, Track.TECHNICAL): CadenceRule(minutes(15), minutes(60), minutes(5)),
    (3, Track.BUSINESS): CadenceRule(minutes(15), minutes(90), minutes(0)),
    (5, Track.TECHNICAL): CadenceRule(minutes(0), minutes(30), minutes(5)),
}
SNAPSHOT = {
    "3": {
        "business": {"first_within": 15, "every": 90, "grace": 0},
        "technical": {"first_within": 15, "every": 60, "grace": 5},
    },
    "5": {"technical": {"first_within": 0, "every": 30, "grace": 5}},
}


def test_snapshot_there_and_back():
    assert to_json(CADENCE) == SNAPSHOT
    assert from_json(SNAPSHOT) == CADENCE


def test_snapshot_refuses_to_lose_seconds():
    with pytest.raises(ValueError, match="whole minutes, not 0:00:30"):
        to_json({(1, Track.BUSINESS): CadenceRule(minutes(45), minutes(180), timedelta(seconds=30))})


@pytest.mark.parametrize(
    "row",
    [
        {"first_within": 15, "every": 60},
        {"first_within": 15, "every": 60, "grace": -1},
        {"first_within": 15, "every": 60, "grace": True},
        {"first_within": 15, "every": 60, "grace": "5"},
        {"first_within": 15, "every": 60, "grace": 0.5},
    ],
)
def test_from_json_refuses_what_it_did_not_write(row):
    with pytest.raises(ValueError, match="severity 3, technical track has no whole number of minutes for grace"):
        from_json({"3": {"technical": row}})


@pytest.mark.parametrize(
    ("snapshot", "message"),
    [
        ({"6": SNAPSHOT["3"]}, "6 is not a valid Severity"),
        ({"x": SNAPSHOT["3"]}, "invalid literal for int.* 'x'"),
        ({"3": {"public": SNAPSHOT["5"]["technical"]}}, "'public' is not a valid Track"),
    ],
)
def test_from_json_refuses_unknown_severities_and_tracks(snapshot, message):
    with pytest.raises(ValueError, match=message):
        from_json(snapshot)
