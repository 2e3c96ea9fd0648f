"""Doorbells: rows of the queue, in the transaction that rings them."""

from datetime import timedelta

import pytest
from django.db import transaction
from django_q.models import OrmQ

from comms import enqueue
from comms.actions import deliveries
from comms.choices import Lane
from comms.models import Delivery
from customers import clock
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


def waiting() -> list[tuple[str, str, tuple]]:
    return [(task.key, task.task["func"], task.task["args"]) for task in OrmQ.objects.order_by("pk")]


def test_deliveries_names_the_task_and_the_lane():
    enqueue.deliveries(Lane.BULK)
    assert waiting() == [("bulk", "comms.tasks.pump", ("bulk",))]


def test_proposals_goes_to_the_normal_lane():
    enqueue.proposals(7)
    assert waiting() == [("normal", "comms.tasks.propose_credits", (7,))]


def test_fan_out_if_silent_rings_once_on_the_normal_lane_until_it_is_heard():
    enqueue.fan_out_if_silent()
    enqueue.fan_out_if_silent()
    assert waiting() == [("normal", "comms.tasks.fan_out", ())]


def test_a_doorbell_is_gone_with_its_transaction():
    with transaction.atomic():
        enqueue.deliveries(Lane.CRITICAL)
        transaction.set_rollback(True)
    assert waiting() == []


def test_deliveries_if_silent_rings_once_per_lane_until_it_is_heard():
    for lane in (Lane.CRITICAL, Lane.CRITICAL, Lane.NORMAL):
        enqueue.deliveries_if_silent(lane)
    assert [row[0] for row in waiting()] == ["critical", "normal"]
    OrmQ.objects.all().delete()
    enqueue.deliveries_if_silent(Lane.CRITICAL)
    assert [row[0] for row in waiting()] == ["critical"]


def test_ring_for_due_rings_for_lost_doorbells_of_lanes_with_work_only():
    component = make_component()
    make_contact(make_account(uses=(component,)))
    publish(make_incident(component))
    OrmQ.objects.all().delete()  # lost
    due = Delivery.objects.get().due_at

    deliveries.ring_for_due(due)  # it rings a second later: its own doorbell is still on the way
    assert waiting() == []
    Delivery.objects.update(due_at=due - timedelta(seconds=2))
    deliveries.ring_for_due(clock.now())
    assert [row[0] for row in waiting()] == ["critical"]
