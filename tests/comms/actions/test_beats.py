"""Who is judged silent: rung for and did nothing, or running and acknowledging nothing (E4, R2, R3)."""

from datetime import datetime, timedelta

import pytest
from django_q.models import OrmQ

from comms.actions import beats
from comms.actions.beats import RETRY, SILENT
from comms.choices import DeliveryState, Lane
from comms.models import Beat, Delivery
from customers import clock
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db
LONG, SHORT = SILENT * 1.1, SILENT * 0.9


@pytest.fixture
def now() -> datetime:
    return clock.now()


def beat(now: datetime, ago: timedelta, *names: str) -> None:
    for name in names or beats.NAMES:
        Beat.objects.update_or_create(name=name, defaults={"ran_at": now - ago})


def waits(now: datetime, ago: timedelta, lane: Lane = Lane.CRITICAL) -> None:
    OrmQ.objects.create(key=lane.value, payload="x", lock=now - ago)


def taken(now: datetime, ago: timedelta, lane: Lane = Lane.CRITICAL) -> None:
    OrmQ.objects.create(key=lane.value, payload="x", lock=now - ago + RETRY)


def test_lanes_that_answered_lately_are_not_silent_however_long_a_doorbell_waits(now):
    beat(now, SHORT)
    waits(now, LONG)
    taken(now, LONG)
    assert beats.silent(now) == []


@pytest.mark.parametrize("ring", [waits, taken])
def test_a_lane_that_was_rung_for_and_did_nothing_is_silent(now, ring):
    beat(now, SHORT)
    beat(now, LONG, Lane.CRITICAL, Lane.BULK)
    ring(now, LONG)
    ring(now, SHORT, Lane.BULK)  # there is still time to answer
    assert beats.silent(now) == ["critical"]


def test_a_lane_that_was_never_heard_of_is_silent_once_it_was_rung_for(now):
    beat(now, SHORT, beats.CLOCKS)
    waits(now, LONG, Lane.NORMAL)
    assert beats.silent(now) == ["normal"]


def test_a_lane_that_nobody_asked_is_not_silent(now):
    beat(now, timedelta(hours=2), *Lane.values)
    beat(now, SHORT, beats.CLOCKS)
    assert beats.silent(now) == []


def test_a_lane_whose_worker_holds_deliveries_is_at_work_until_their_lease_runs_out(now):
    component = make_component()
    make_contact(make_account(uses=(component,)))
    publish(make_incident(component))
    OrmQ.objects.all().delete()
    beat(now, SHORT)
    beat(now, LONG, Lane.CRITICAL)
    taken(now, LONG)
    Delivery.objects.update(state=DeliveryState.STARTED, leased_until=now + timedelta(seconds=1))
    assert beats.silent(now) == []
    Delivery.objects.update(leased_until=now - timedelta(seconds=1))
    assert beats.silent(now) == ["critical"]


def test_a_lane_that_runs_and_acknowledges_nothing_is_silent(now):
    beat(now, SHORT)
    for spans in (1.5, 2.5):
        taken(now, SILENT * spans)
    assert beats.silent(now) == []
    taken(now, SILENT * 3.5)
    assert beats.silent(now) == ["critical"]


def test_doorbells_that_killed_workers_left_do_not_make_a_lane_silent(now):
    beat(now, SHORT)
    for spans in (3.1, 3.2, 3.3, 3.4, 3.5):
        taken(now, SILENT * spans)
    assert beats.silent(now) == []


def test_silent_clocks_are_named_alone_because_nothing_is_known_of_the_lanes_then(now):
    beat(now, LONG)
    waits(now, LONG)
    assert beats.silent(now) == ["clocks"]
    assert beats.silent_lanes(now) == [Lane.CRITICAL]


def test_clocks_that_never_gave_a_sign_are_silent(now):
    assert beats.silent(now) == ["clocks"]


def test_give_back_doorbells_lets_what_was_taken_be_heard_again_and_leaves_other_lanes_alone(now):
    taken(now, SHORT)
    taken(now, SHORT, Lane.BULK)
    waits(now, LONG)
    assert beats.give_back_doorbells(Lane.CRITICAL) == 1
    after = clock.now()
    assert OrmQ.objects.filter(key=Lane.CRITICAL, lock__lte=after).count() == 2
    assert OrmQ.objects.filter(key=Lane.BULK, lock__gt=after).count() == 1


def test_ask_rings_for_lanes_that_were_not_heard_lately_once(now):
    beat(now, timedelta(0), Lane.CRITICAL)
    beats.ask()
    beats.ask()
    assert sorted(OrmQ.objects.values_list("key", flat=True)) == ["bulk", "normal"]
    assert Beat.objects.filter(name=beats.CLOCKS).exists()
