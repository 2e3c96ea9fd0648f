"""The relay's rate is shared by all workers, with a reserve for the critical lane; a relay that is away rests."""

import time

import pytest

from comms import ledger
from comms.actions.deliveries import relays
from comms.choices import Lane
from comms.models import Relay
from customers import clock
from customers.choices import TransportKind

pytestmark = pytest.mark.django_db


def limit(rate: int, tokens: float) -> None:
    Relay.objects.update(rate=rate, tokens=tokens, refilled_at=clock.now())


def test_take_tokens_grants_what_is_there_and_leaves_the_reserve():
    limit(1_000, 1_000)
    assert ledger.take_tokens("smtp", 600, reserve=0.2) == 600
    left = ledger.take_tokens("smtp", 600, reserve=0.2)
    assert 200 <= left < 600  # 400 were left, 200 of them are kept; what came meanwhile is granted too
    assert ledger.take_tokens("smtp", 100, reserve=0.0) == 100


def test_take_tokens_never_saves_up_more_than_a_second():
    limit(100, 0)
    Relay.objects.update(refilled_at=clock.now() - relays.LONGEST)
    assert ledger.take_tokens("smtp", 10_000, reserve=0.0) == 100


def test_allowance_without_a_rate_asks_nothing(django_assert_num_queries):
    allowance = relays.Allowance(Lane.BULK)
    with django_assert_num_queries(0):
        assert allowance.take(400, until=time.monotonic())


def test_allowance_gives_up_when_the_time_of_the_task_is_over():
    limit(1, 0)
    assert not relays.Allowance(Lane.BULK).take(50, until=time.monotonic())


def test_trip_leaves_the_relay_alone_for_longer_each_time_and_a_mail_opens_it():
    pauses = []
    for _ in range(4):
        Relay.objects.update(closed_until=None)
        before = clock.now()
        relays.trip("connection refused")
        pauses.append(round((Relay.objects.get().closed_until - before).total_seconds()))
        assert relays.resting() == [TransportKind.EMAIL]
    assert pauses == [5, 10, 20, 40]
    relays.recovered()
    assert (relays.resting(), Relay.objects.get().failures) == ([], 0)


def test_trip_while_it_rests_changes_nothing():
    relays.trip("refused")
    first = Relay.objects.get().closed_until
    relays.trip("refused")
    assert (Relay.objects.get().closed_until, Relay.objects.get().failures) == (first, 1)


@pytest.fixture
def both(settings) -> None:
    settings.SMTP_HOST, settings.MAIL_PROVIDER = "smtp.example", "postmark"


@pytest.mark.usefixtures("both")
def test_the_provider_takes_over_while_the_relay_is_left_alone():
    assert (relays.ways(), relays.way_now(), relays.resting()) == (["smtp", "provider"], "smtp", [])
    relays.trip("refused")
    assert (relays.way_now(), relays.resting(), relays.is_troubled()) == ("provider", [], False)
    relays.trip("no route", way="provider")
    assert relays.resting() == [TransportKind.EMAIL]
    Relay.objects.filter(pk="smtp").update(closed_until=clock.now())
    assert (relays.way_now(), relays.resting(), relays.is_troubled()) == ("smtp", [], True)
    relays.recovered()
    assert (relays.is_troubled(), relays.is_troubled(way="provider")) == (False, False)
    Relay.objects.filter(pk="provider").update(closed_until=clock.now())
    assert relays.is_troubled(way="provider")


def test_a_provider_alone_is_the_only_way(settings):
    settings.SMTP_HOST, settings.MAIL_PROVIDER = "", "postmark"
    relays.trip("refused")  # of a relay that was used before
    assert (relays.ways(), relays.way_now(), relays.resting()) == (["provider"], "provider", [])
    relays.trip("no route", way="provider")
    assert relays.resting() == [TransportKind.EMAIL]


@pytest.mark.usefixtures("both")
def test_allowance_keeps_to_the_rate_of_the_way_that_is_used():
    limit(1, 0)
    relays.trip("refused")
    assert relays.Allowance(Lane.BULK).take(50, until=time.monotonic())
    Relay.objects.create(name="provider", rate=1, refilled_at=clock.now())
    assert not relays.Allowance(Lane.BULK).take(50, until=time.monotonic())
