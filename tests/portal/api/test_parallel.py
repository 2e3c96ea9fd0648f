"""The same at once, on connections of their own: what only the database can settle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connections
from django.http import HttpResponse
from django.utils import timezone

from comms.choices import TimelineKind
from comms.models import Alert, Delivery, Incident, Promise, TimelineEntry
from customers.choices import Track
from customers.models import Signal, Ticket
from tests.factories import make_account, make_contact
from tests.portal.api.senders import group, post_group, post_ticket, ticket

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]
TIMES = 20
T = TypeVar("T")


def at_once(send: Callable[[int], HttpResponse]) -> list[HttpResponse]:
    """All answers, of requests that start together in threads of their own."""
    start = Barrier(TIMES)

    def one(number: int) -> HttpResponse:
        start.wait(timeout=60)
        try:
            return send(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(TIMES) as pool:
        return list(pool.map(one, range(TIMES)))


def test_the_same_group_twenty_times_at_once_opens_one_draft(key):
    answers = at_once(lambda _: post_group(key, group()))

    incident = Incident.objects.get()
    told = {"incident": incident.reference, "unknown_components": ["db-eu-2", "pg-eu-2"]}
    assert {answer.status_code for answer in answers} == {202}
    assert sorted((answer.json()["opened"] for answer in answers), reverse=True) == [True] + [False] * (TIMES - 1)
    assert [answer.json() | told == answer.json() for answer in answers] == [True] * TIMES
    assert (Promise.objects.count(), Alert.objects.count(), Delivery.objects.count()) == (2, 3, 0)
    assert TimelineEntry.objects.filter(kind=TimelineKind.ALERT_FIRING).count() == 3


def test_resolved_twenty_times_at_once_is_noted_once(key):
    post_group(key, group())

    answers = at_once(lambda _: post_group(key, group("resolved")))

    assert {answer.status_code for answer in answers} == {202}
    assert TimelineEntry.objects.filter(kind=TimelineKind.ALERT_RESOLVED).count() == 3


def test_the_same_ticket_twenty_times_at_once_is_kept_once(sender):
    contact = make_contact(make_account(), email="ops@customer.example")

    answers = at_once(lambda _: post_ticket(ticket()))

    assert sorted(answer.status_code for answer in answers) == [200] * (TIMES - 1) + [201]
    kept = Ticket.objects.get()
    assert (kept.contact, Signal.objects.exclude(ticket=kept).count()) == (contact, 0)


def test_twenty_tickets_of_one_account_at_once_are_all_kept_and_weighed(sender):
    contact = make_contact(make_account(), email="ops@customer.example")

    just_now = timezone.now().isoformat()  # what is old has faded

    answers = at_once(lambda number: post_ticket(ticket(id=str(number), created_at=just_now)))

    assert [answer.status_code for answer in answers] == [201] * TIMES
    assert Ticket.objects.filter(contact=contact).count() == TIMES
    contact.refresh_from_db()
    assert contact.track_inferred == Track.TECHNICAL
