"""The public page's days and uptime, from what the public was told."""

from datetime import date, timedelta
from decimal import Decimal

from comms.policies.downtime import Interval
from comms.policies.uptime import Day, Record, Span, State, Told, record_of, spans_of, worst
from tests.factories import utc

NOW = utc(2026, 11, 21, 12)
LONG_AGO = utc(2020, 1, 1)


def span(state: State, start, end) -> Span:
    return Span(state, Interval(start, end))


def test_worst_prefers_outages_to_maintenance_and_knows_the_best():
    assert worst([State.MAINTENANCE, State.DEGRADED, State.OPERATIONAL]) is State.DEGRADED
    assert worst([State.MAINTENANCE, State.OPERATIONAL]) is State.MAINTENANCE
    assert worst([]) is State.OPERATIONAL


def test_spans_of_hold_from_one_update_to_the_next_and_the_first_from_the_start():
    told = [
        Told(utc(2026, 11, 20, 11), {"db": State.PARTIAL, "web": State.DEGRADED}),
        Told(utc(2026, 11, 20, 10), {"db": State.MAJOR}),
        Told(utc(2026, 11, 20, 13), {}, over=True),
    ]
    assert spans_of(utc(2026, 11, 20, 9), utc(2026, 11, 20, 12, 30), told, NOW) == {
        "db": [
            span(State.MAJOR, utc(2026, 11, 20, 9), utc(2026, 11, 20, 11)),
            span(State.PARTIAL, utc(2026, 11, 20, 11), utc(2026, 11, 20, 12, 30)),
        ],
        "web": [span(State.DEGRADED, utc(2026, 11, 20, 11), utc(2026, 11, 20, 12, 30))],
    }


def test_spans_of_an_open_incident_reach_until_now():
    told = [Told(utc(2026, 11, 21, 10), {"db": State.MAJOR})]
    assert spans_of(utc(2026, 11, 21, 9), None, told, NOW) == {"db": [span(State.MAJOR, utc(2026, 11, 21, 9), NOW)]}


def test_spans_of_a_reopened_incident_leave_out_the_time_between():
    told = [
        Told(utc(2026, 11, 20, 10), {"db": State.MAJOR}),
        Told(utc(2026, 11, 20, 11), {"db": State.MAJOR}, over=True),
        Told(utc(2026, 11, 20, 15), {"db": State.DEGRADED}),
    ]
    assert spans_of(utc(2026, 11, 20, 10), None, told, utc(2026, 11, 20, 16)) == {
        "db": [
            span(State.MAJOR, utc(2026, 11, 20, 10), utc(2026, 11, 20, 11)),
            span(State.DEGRADED, utc(2026, 11, 20, 15), utc(2026, 11, 20, 16)),
        ]
    }


def test_record_of_nothing_known_is_unknown_and_has_no_uptime():
    record = record_of([], None, NOW, days=2)
    assert record == Record(
        (Day(date(2026, 11, 20), State.UNKNOWN), Day(date(2026, 11, 21), State.UNKNOWN)), None, 0, 0, None
    )


def test_record_of_days_before_the_service_was_there_are_unknown():
    record = record_of([], utc(2026, 11, 20, 18), NOW, days=3)
    assert [day.state for day in record.days] == [State.UNKNOWN, State.OPERATIONAL, State.OPERATIONAL]
    assert (record.uptime, record.since) == (Decimal("100.00"), date(2026, 11, 20))


def test_record_of_an_outage_over_midnight_counts_on_both_utc_days():
    outage = span(State.MAJOR, utc(2026, 11, 19, 23, 30), utc(2026, 11, 20, 2))
    record = record_of([outage], LONG_AGO, NOW, days=3)
    assert record.days == (
        Day(date(2026, 11, 19), State.MAJOR, outage=1800),
        Day(date(2026, 11, 20), State.MAJOR, outage=7200),
        Day(date(2026, 11, 21), State.OPERATIONAL),
    )
    assert record.uptime == Decimal("95.83")  # 2.5 of 60 hours: 95.8333, cut


def test_record_of_two_incidents_at_once_counts_the_time_once():
    spans = [
        span(State.PARTIAL, utc(2026, 11, 20, 1), utc(2026, 11, 20, 3)),
        span(State.MAJOR, utc(2026, 11, 20, 2), utc(2026, 11, 20, 4)),
        span(State.DEGRADED, utc(2026, 11, 20, 3), utc(2026, 11, 20, 6)),
    ]
    record = record_of(spans, LONG_AGO, NOW, days=2)
    assert record.days[0] == Day(date(2026, 11, 20), State.MAJOR, outage=3 * 3600, degraded=2 * 3600)


def test_record_of_maintenance_is_counted_apart_and_does_not_hide_an_outage():
    spans = [
        span(State.MAINTENANCE, utc(2026, 11, 20), utc(2026, 11, 20, 4)),
        span(State.MAJOR, utc(2026, 11, 20, 3), utc(2026, 11, 20, 6)),
    ]
    record = record_of(spans, LONG_AGO, utc(2026, 11, 21), days=2)
    assert record.days[0] == Day(date(2026, 11, 20), State.MAJOR, outage=3 * 3600, maintenance=3 * 3600)
    assert (record.outage, record.maintenance) == (3 * 3600, 3 * 3600)
    assert record.uptime == Decimal("85.71")  # 3 hours of the 21 that were no maintenance


def test_record_of_the_shortest_outage_is_never_rounded_up_to_100():
    second = span(State.MAJOR, utc(2026, 11, 20), utc(2026, 11, 20) + timedelta(seconds=1))
    assert record_of([second], LONG_AGO, NOW).uptime == Decimal("99.99")


def test_record_of_what_was_told_of_the_time_before_is_data_too():
    degraded = span(State.DEGRADED, utc(2026, 11, 20, 8), utc(2026, 11, 20, 9))
    record = record_of([degraded], utc(2026, 11, 21, 6), NOW, days=3)
    assert [day.state for day in record.days] == [State.UNKNOWN, State.DEGRADED, State.OPERATIONAL]
    assert record.since == date(2026, 11, 20)
