"""A message becomes deliveries, one an address, in one statement (P1)."""

import pytest

from comms import fanout
from comms.choices import DeliveryState, IncidentStatus, Variant
from comms.models import Delivery, Message
from customers import clock
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def message():
    component = make_component()
    account = make_account(uses=(component, make_component(service=component.service)))
    for _ in range(3):
        make_contact(account)
    return publish(make_incident(component)).messages.get(variant=Variant.BUSINESS)


def test_fan_out_again_adds_none_and_changes_none(message):
    before = list(Delivery.objects.order_by("pk").values())
    assert len(before) == 3
    assert fanout.fan_out(message, now=clock.now()) == 0
    assert list(Delivery.objects.order_by("pk").values()) == before


def test_fan_out_gives_every_row_a_clean_state(message):
    rows = list(message.deliveries.all())
    assert len(rows) == 3
    for row in rows:
        assert (row.state, row.lane, row.due_at, row.attempts) == (
            DeliveryState.QUEUED,
            "critical",
            message.created_at,
            0,
        )
        assert (row.lost_leases, row.uncertain_attempts, row.leased_until, row.finished_at) == (0, 0, None, None)


def test_fan_out_inserts_in_one_statement(message, django_assert_num_queries):
    Delivery.objects.all().delete()
    message = Message.objects.select_related("update__incident").get(pk=message.pk)
    now = clock.now()
    # components, severity told, languages of others, what was said before, the INSERT in its savepoint, and who sleeps
    with django_assert_num_queries(8):
        assert fanout.fan_out(message, now=now) == 3


def test_fan_out_adds_a_reader_who_came_later_to_the_next_message_only(message):
    make_contact(message.incident.impacts.get().component.usages.get().account)
    following = publish(message.incident, IncidentStatus.IDENTIFIED).messages.get(variant=Variant.BUSINESS)
    assert (message.deliveries.count(), following.deliveries.count()) == (3, 4)
