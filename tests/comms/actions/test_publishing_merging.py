"""Mails of slight incidents wait a little for others to the same person, and nothing else does (E6)."""

from datetime import timedelta

import pytest

from comms import fanout
from comms.choices import PromiseState, Variant
from comms.models import Delivery, Incident
from customers import clock
from customers.choices import Severity, Track, TransportKind
from customers.models import Company, ContactPoint
from tests.comms.support import promise_of
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def component():
    """Used by an account whose contact has a mail address and an SMS."""
    component = make_component()
    contact = make_contact(make_account(uses=(component,)))
    ContactPoint.objects.create(contact=contact, kind=TransportKind.SMS, address="+491")
    Company.objects.update(merge_up_to=Severity.TWO, merge_seconds=60)
    return component


def waits(incident: Incident) -> dict[str, timedelta]:
    """Per channel how long after the publishing a delivery is due."""
    rows = Delivery.objects.filter(message__incident=incident)
    return {row.kind: row.due_at - row.message.created_at for row in rows.select_related("message")}


@pytest.mark.parametrize(
    ("severity", "up_to", "seconds", "merges", "wait"),
    [
        (Severity.ONE, 2, 60, True, 60),
        (Severity.TWO, 2, 60, True, 60),
        (Severity.THREE, 2, 60, False, 0),
        (Severity.ONE, 0, 60, False, 0),
        (Severity.TWO, 2, 0, True, 0),
    ],
)
def test_only_mails_of_a_severity_that_the_company_merges_wait(component, severity, up_to, seconds, merges, wait):
    Company.objects.update(merge_up_to=up_to, merge_seconds=seconds)
    update = publish(make_incident(component, severity=severity))
    assert {message.merges for message in update.messages.all()} == {merges}
    assert waits(update.incident) == {"email": timedelta(seconds=wait), "sms": timedelta(0)}


def test_the_wait_is_divided_by_the_scale_of_time(component, settings):
    settings.TIME_SCALE = 10
    assert waits(publish(make_incident(component)).incident)["email"] == timedelta(seconds=6)


def test_promises_count_from_the_publishing_not_from_the_wait(component):
    Company.objects.update(merge_seconds=0)
    at_once = publish(make_incident(component))
    Company.objects.update(merge_seconds=600)
    later = publish(make_incident(component))
    due = [promise_of(u.incident, Track.BUSINESS).due_at - u.published_at for u in (at_once, later)]
    assert due[0] == due[1]
    kept = later.incident.promises.exclude(state=PromiseState.OPEN)
    assert {promise.answered_at for promise in kept} == {later.published_at}


def test_queuing_again_neither_adds_nor_moves_what_waits(component):
    update = publish(make_incident(component))
    messages = list(update.messages.all())
    before = list(Delivery.objects.order_by("pk").values())
    assert fanout.fan_out_update(update, messages, now=clock.now()) == {}
    assert fanout.fan_out(update.messages.get(variant=Variant.BUSINESS), now=clock.now()) == 0
    assert list(Delivery.objects.order_by("pk").values()) == before
