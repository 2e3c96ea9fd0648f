"""What did not arrive, mended: it is really sent again, through the pump to a real server."""

import pytest
from django_q.models import OrmQ

from comms import ledger
from comms.actions import deliveries, mending
from comms.choices import CallReason, DeliveryState, IncidentStatus, Lane
from comms.ledger import Settled
from comms.models import CallTask, Delivery, Incident
from customers import clock
from customers.choices import TransportKind
from customers.models import Contact, ContactPoint
from demo.sink.script import Fault, Script
from demo.sink.server import Sink
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def incident() -> Incident:
    component = make_component()
    make_contact(make_account("Jensen & Co", uses=(component,)), email="jo@jensen.example", name="Jo")
    incident = make_incident(component)
    publish(incident)
    return incident


@pytest.fixture
def delivery(incident) -> Delivery:
    return Delivery.objects.get(message__incident=incident)


@pytest.fixture
def refused(sink, delivery) -> Delivery:
    """One that the mail server has refused, and whose address is suppressed for it."""
    sink.script = Script([Fault("RCPT", "550 5.1.1 no such user")])
    deliveries.pump(Lane.CRITICAL)
    sink.script = Script()
    OrmQ.objects.all().delete()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.FAILED
    return delivery


def settle(delivery: Delivery, state: DeliveryState, reply: str = "it went wrong") -> Delivery:
    (claimed,) = ledger.claim(Lane.CRITICAL, now=clock.now(), limit=1)
    ledger.record([Settled(claimed.id, claimed.attempt, state, None, reply)])
    delivery.refresh_from_db()
    return delivery


def said(incident: Incident) -> list[tuple[str, str]]:
    return [(entry.kind, entry.text) for entry in incident.timeline.order_by("-pk")]


def test_lift_and_retry_sends_really_again_under_the_same_message_id(sink, refused, incident, lead):
    mending.lift_and_retry(delivery_id=refused.pk, actor=lead)

    queued = Delivery.objects.get(pk=refused.pk)
    assert (queued.state, queued.attempts, queued.first_attempt_at, queued.finished_at) == ("queued", 1, None, None)
    assert list(OrmQ.objects.values_list("key", flat=True)) == ["critical"]
    deliveries.pump(Lane.CRITICAL)
    (mail,) = sink.wait_for(1)
    assert mail.rcpt_to == ("jo@jensen.example",)
    assert f"{queued.message.key.hex}.{queued.contact_point_id}@" in mail.header("Message-ID")
    queued.refresh_from_db()
    assert (queued.state, queued.attempts, queued.code) == ("accepted", 2, 250)
    assert ContactPoint.objects.get(pk=queued.contact_point_id).suppressed_at is None
    (retried, lifted), refusal = said(incident)[:2], refused.reply
    assert retried == ("changed", f"Sending to jo@jensen.example is tried again after: {refusal}")
    assert lifted[1].startswith("Suppression of jo@jensen.example lifted; it was: bounced: ")
    assert {entry.actor for entry in incident.timeline.order_by("-pk")[:2]} == {lead}


def test_retry_of_a_suppressed_address_changes_nothing(refused, incident, lead):
    before = said(incident)
    with pytest.raises(mending.CannotMend, match="lift the suppression first"):
        mending.retry_delivery(delivery_id=refused.pk, actor=lead)
    assert Delivery.objects.get(pk=refused.pk).state == "failed"
    assert (said(incident), OrmQ.objects.count()) == (before, 0)


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.UNCERTAIN, DeliveryState.BOUNCED])
def test_retry_sends_what_ended_badly(sink, delivery, lead, state):
    settle(delivery, state)
    mending.retry_delivery(delivery_id=delivery.pk, actor=lead)
    deliveries.pump(Lane.CRITICAL)
    assert [mail.rcpt_to for mail in sink.wait_for(1)] == [("jo@jensen.example",)]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("accepted", 2)


def test_retry_of_what_waits_for_its_next_attempt_makes_it_due_now(sink, delivery, lead):
    sink.script = Script([Fault("RCPT", "451 4.7.1 greylisted", times=1)])
    deliveries.pump(Lane.CRITICAL)
    deliveries.pump(Lane.CRITICAL)
    assert sink.count == 0  # it waits
    mending.retry_delivery(delivery_id=delivery.pk, actor=lead)
    deliveries.pump(Lane.CRITICAL)
    assert len(sink.wait_for(1)) == 1


def test_retry_begins_patience_anew(sink, delivery, lead):
    settle(delivery, DeliveryState.FAILED, "given up: 451")
    Delivery.objects.update(first_attempt_at="2020-01-01T00:00:00Z")
    sink.script = Script([Fault("RCPT", "451 4.7.1 greylisted", times=1)])
    mending.retry_delivery(delivery_id=delivery.pk, actor=lead)
    deliveries.pump(Lane.CRITICAL)
    delivery.refresh_from_db()
    assert delivery.state == "queued"


@pytest.mark.parametrize("state", [DeliveryState.ACCEPTED, DeliveryState.DELIVERED])
def test_retry_never_repeats_what_arrived(delivery, incident, lead, state):
    settle(delivery, state)
    before = said(incident)
    with pytest.raises(mending.CannotMend, match="nothing to try again"):
        mending.retry_delivery(delivery_id=delivery.pk, actor=lead)
    delivery.refresh_from_db()
    assert (delivery.state, said(incident)) == (state, before)


def test_retry_twice_queues_once(sink, delivery, lead):
    """The second click finds it queued: due now once more, and it leaves once."""
    settle(delivery, DeliveryState.FAILED)
    for _ in range(2):
        mending.retry_delivery(delivery_id=delivery.pk, actor=lead)
    deliveries.pump(Lane.CRITICAL)
    deliveries.pump(Lane.CRITICAL)
    assert (len(sink.wait_for(1)), sink.count) == (1, 1)


def test_retry_of_a_row_in_a_workers_hands_is_refused(delivery, lead):
    ledger.claim(Lane.CRITICAL, now=clock.now(), limit=1)
    with pytest.raises(mending.CannotMend, match="on its way"):
        mending.retry_delivery(delivery_id=delivery.pk, actor=lead)


def test_a_superseded_update_is_not_tried_again(sink, delivery, incident, lead):
    publish(incident, IncidentStatus.RESOLVED)
    deliveries.pump(Lane.CRITICAL)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reply) == ("suppressed", "superseded by update 2")
    with pytest.raises(mending.CannotMend, match="newer update"):
        mending.retry_delivery(delivery_id=delivery.pk, actor=lead)
    with pytest.raises(mending.CannotMend, match="newer update"):
        mending.lift_and_retry(delivery_id=delivery.pk, actor=lead)


def test_who_unsubscribed_or_was_removed_is_not_written_to(refused, lead):
    point = ContactPoint.objects.get(pk=refused.contact_point_id)
    deliveries.unsubscribe([point.pk])
    with pytest.raises(mending.CannotMend, match="wants no incident mail"):
        mending.lift_and_retry(delivery_id=refused.pk, actor=lead)
    assert ContactPoint.objects.get(pk=point.pk).suppressed_at is not None  # both or neither
    Contact.objects.all().delete()
    for action in (mending.retry_delivery, mending.lift_and_retry, mending.call_instead):
        with pytest.raises(mending.CannotMend, match="removed"):
            action(delivery_id=refused.pk, actor=lead)


def test_lift_suppression_of_an_address_that_is_fine_is_refused(delivery, lead):
    with pytest.raises(mending.CannotMend, match="not suppressed"):
        mending.lift_suppression(contact_point_id=delivery.contact_point_id, actor=lead)


def test_call_instead_raises_one_task_an_account(refused, incident, lead):
    contact = Contact.objects.get()
    other = ContactPoint.objects.create(contact=contact, kind=TransportKind.SMS, address="+4915112345678")
    second = Delivery.objects.create(
        message=refused.message, contact_point=other, kind="sms", lane="critical", due_at=clock.now()
    )
    first_task = mending.call_instead(delivery_id=refused.pk, actor=lead)
    assert mending.call_instead(delivery_id=second.pk, actor=lead) == first_task
    task = CallTask.objects.get()
    assert (task.incident, task.account, task.reason, task.result) == (incident, contact.account, CallReason.FAILED, "")
    kinds = [kind for kind, _ in said(incident)]
    assert kinds.count("call") == 1
    assert said(incident)[0][1].startswith("Jensen & Co is to be called: jo@jensen.example was not reached (")
