"""What is wrong, in words: each part of the sending, broken for real."""

from datetime import timedelta

import pytest
from django_q.models import OrmQ

from comms.actions import beats, figures, health
from comms.actions.beats import SILENT
from comms.choices import DeliveryState, Lane, PromiseState
from comms.models import Beat, Delivery, Installation, Promise, Relay
from customers import clock
from customers.choices import Track
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db
PARTS = ["database", "clocks", "lane_critical", "lane_normal", "lane_bulk", "relay", "sending"]


@pytest.fixture(autouse=True)
def _everything_runs() -> None:
    for name in beats.NAMES:
        Beat.objects.create(name=name, ran_at=clock.now())


def wrong() -> dict[str, str]:
    return {check.name: check.says for check in health.checks() if not check.ok}


def delivered(state: DeliveryState, *, seconds: float, code: int | None = 250) -> Delivery:
    """A delivery that ended just now, so many seconds after its message was published."""
    component = make_component()
    make_contact(make_account(uses=(component,)))
    publish(make_incident(component))
    delivery = Delivery.objects.latest("pk")
    finished_at = delivery.message.created_at + timedelta(seconds=seconds)
    Delivery.objects.filter(pk=delivery.pk).update(state=state, code=code, finished_at=finished_at)
    OrmQ.objects.all().delete()
    return delivery


def test_checks_find_nothing_where_everything_runs():
    found = health.checks()
    assert [check.name for check in found] == PARTS
    assert [check for check in found if not check.ok or check.mend or check.detail] == []


def test_checks_name_clocks_without_a_sign_of_life_and_what_that_means():
    Beat.objects.filter(name=beats.CLOCKS).update(ran_at=clock.now() - timedelta(minutes=90))
    assert wrong() == {"clocks": "Last sign of life 1 h 30 min ago."}
    (check,) = [check for check in health.checks() if not check.ok]
    assert "manage.py supervise" in check.mend
    Beat.objects.all().delete()
    assert set(wrong()) == {"clocks", "lane_critical", "lane_normal", "lane_bulk"}


def test_checks_name_a_lane_that_was_rung_for_and_is_silent():
    Beat.objects.filter(name=Lane.BULK).update(ran_at=clock.now() - SILENT * 2)
    assert list(wrong()) == []  # nobody asked it yet
    OrmQ.objects.create(key=Lane.BULK, payload="x", lock=clock.now() - SILENT * 2)
    assert wrong() == {"lane_bulk": f"Last sign of life {health.words(SILENT * 2)} ago."}


def test_checks_say_why_the_relay_rests_to_colleagues_only():
    closed_until = clock.now() + timedelta(seconds=80)
    Relay.objects.update(failures=3, closed_until=closed_until, reason="connection refused by smtp.secret.example")
    (check,) = [check for check in health.checks() if not check.ok]
    assert check.name == "relay"
    assert check.says.startswith("It did not answer the last 3 times that it was tried. It is left alone for another ")
    assert (check.detail, "SMTP_HOST" in check.mend) == ("connection refused by smtp.secret.example", True)


def test_checks_say_that_the_provider_takes_over_and_that_it_does_not_answer_either(settings):
    settings.MAIL_PROVIDER = "postmark"
    soon = clock.now() + timedelta(seconds=80)
    Relay.objects.update(failures=1, closed_until=soon, reason="refused")
    assert wrong()["relay"].endswith(" Mail leaves by the provider meanwhile.")
    settings.SMTP_HOST = ""
    assert wrong() == {}
    Relay.objects.create(name="provider", failures=1, closed_until=soon, reason="no route")
    (check,) = [check for check in health.checks() if not check.ok]
    assert (check.detail, "MAIL_PROVIDER" in check.mend, "meanwhile" in check.says) == ("no route", True, False)


def test_checks_say_that_sending_is_held():
    Installation.objects.update(held_at=clock.now(), held_reason="this database is a copy")
    assert wrong() == {"sending": "It is held: nothing leaves until a person confirms."}


def test_queues_count_what_is_unfinished_and_tell_the_oldest_that_is_due():
    component = make_component()
    account = make_account(uses=(component,))
    for _ in range(3):
        make_contact(account)
    publish(make_incident(component))
    one, two, three = Delivery.objects.order_by("pk").values_list("pk", flat=True)
    now = clock.now()
    Delivery.objects.filter(pk=one).update(due_at=now - timedelta(minutes=5), state=DeliveryState.CLAIMED)
    Delivery.objects.filter(pk=two).update(due_at=now + timedelta(minutes=5))
    Delivery.objects.filter(pk=three).update(state=DeliveryState.ACCEPTED, due_at=now - timedelta(hours=1))
    critical, normal, bulk = health.queues(now)
    assert (critical.waiting, critical.oldest) == (2, now - timedelta(minutes=5))
    assert [(queue.waiting, queue.oldest) for queue in (normal, bulk)] == [(0, None)] * 2
    assert figures.unfinished(now) == {("critical", "queued"): 1, ("critical", "claimed"): 1}


def test_troubled_counts_the_last_day_only():
    old = delivered(DeliveryState.FAILED, seconds=1, code=550)
    Delivery.objects.filter(pk=old.pk).update(finished_at=clock.now() - timedelta(hours=25))
    delivered(DeliveryState.FAILED, seconds=1, code=550)
    delivered(DeliveryState.UNCERTAIN, seconds=1, code=None)
    assert health.troubled(clock.now()) == {DeliveryState.FAILED: 1, DeliveryState.UNCERTAIN: 1}


def test_ended_tells_channel_state_and_code():
    for code in (250, 250, None):
        delivered(DeliveryState.ACCEPTED, seconds=1, code=code)
    delivered(DeliveryState.FAILED, seconds=1, code=550)
    assert figures.ended(clock.now()) == {
        ("email", "accepted", "250"): 2,
        ("email", "accepted", ""): 1,
        ("email", "failed", "550"): 1,
    }


def test_lag_is_counted_from_publishing_to_acceptance():
    for seconds in (0.5, 1.5, 100.0):
        delivered(DeliveryState.ACCEPTED, seconds=seconds)
    delivered(DeliveryState.FAILED, seconds=1)
    found = figures.lag(clock.now())
    assert dict(zip(figures.LAG_BOUNDS, found.counts, strict=True)) == {
        1: 1, 2: 2, 5: 2, 10: 2, 30: 2, 60: 2, 120: 3, 300: 3, 900: 3, 3600: 3,
    }  # fmt: skip
    assert (found.count, found.seconds) == (3, pytest.approx(102.0))


def test_promises_are_counted_by_state():
    publish(make_incident(make_component()))
    kept = Promise.objects.filter(state=PromiseState.KEPT).count()
    assert kept > 0
    Promise.objects.filter(state=PromiseState.OPEN, track=Track.BUSINESS).update(state=PromiseState.MISSED)
    assert figures.promises() == {"open": 1, "kept": kept, "late": 0, "missed": 1}


@pytest.mark.parametrize("events", [1, 3])
def test_checks_ask_as_often_whatever_there_is(events, django_assert_num_queries):
    for _ in range(events):
        delivered(DeliveryState.QUEUED, seconds=1)
        OrmQ.objects.create(key=Lane.BULK, payload="x", lock=clock.now())
    with django_assert_num_queries(8):
        health.checks()


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=89.4), "89 s"),
        (timedelta(seconds=90), "1 min"),
        (timedelta(minutes=89), "89 min"),
        (timedelta(minutes=125), "2 h 05 min"),
        (timedelta(days=4, hours=3), "4 days"),
    ],
)
def test_words_of_a_span(span, said):
    assert health.words(span) == said
