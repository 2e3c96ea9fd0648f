"""The pump against a real mail server that behaves or misbehaves (E2-E5, R8-R10, R21, R30)."""

from collections import Counter
from datetime import timedelta

import pytest
from django_q.models import OrmQ

from comms import ledger
from comms.actions import deliveries
from comms.choices import DeliveryState, Lane
from comms.models import Delivery, Relay
from comms.rendering import verp
from customers import clock
from customers.choices import Track
from customers.models import Contact, ContactPoint
from demo.sink.script import Fault, Script
from demo.sink.server import Sink
from tests.comms.support import body, free_port
from tests.factories import make_account, make_component, make_contact, make_incident, make_usage, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", server.port
        yield server


def queue(*addresses: str, track: Track = Track.BUSINESS) -> None:
    component = make_component()
    account = make_account("Jensen & Co", uses=(component,), label="shop.example")
    for address in addresses:
        make_contact(account, track, email=address)
    publish(make_incident(component))
    OrmQ.objects.all().delete()


def states() -> dict[str, str]:
    return dict(Delivery.objects.values_list("contact_point__address", "state"))


def due_again() -> None:
    Delivery.objects.filter(state="queued").update(due_at=clock.now())


def test_pump_sends_50_mails_one_a_recipient_and_settles_each(sink):
    addresses = [f"c{n}@customer.example" for n in range(50)]
    queue(*addresses)

    deliveries.pump(Lane.CRITICAL)

    mails = sink.wait_for(50)
    assert sorted(mail.rcpt_to for mail in mails) == sorted((address,) for address in addresses)
    assert {mail.mail_from for mail in mails} == {"status@your-company.example"}
    assert Counter(Delivery.objects.values_list("state", "attempts", "code", "uncertain_attempts")) == {
        ("accepted", 1, 250, 0): 50
    }
    assert not Delivery.objects.filter(finished_at=None).exists()
    assert len({mail.header("Message-ID") for mail in mails}) == 50
    assert not OrmQ.objects.exists()


def test_each_mail_comes_back_to_an_address_that_names_its_delivery(sink, settings):
    settings.BOUNCE_ADDRESS = "bounces@portal.example"
    queue("a@customer.example", "b@customer.example")

    deliveries.pump(Lane.CRITICAL)

    senders = {mail.rcpt_to[0]: mail.mail_from for mail in sink.wait_for(2)}
    named = {address: verp.delivery_of(verp.token_in(sender) or "") for address, sender in senders.items()}
    assert named == dict(Delivery.objects.values_list("contact_point__address", "pk"))
    assert {mail.header("From") for mail in sink.wait_for(2)} == {"Your Company Service <status@your-company.example>"}


def test_pump_leaves_other_lanes_and_later_times_alone(sink):
    queue("now@a.example", "bulk@a.example", "later@a.example")
    Delivery.objects.filter(contact_point__address="bulk@a.example").update(lane=Lane.BULK)
    Delivery.objects.filter(contact_point__address="later@a.example").update(due_at=clock.now() + timedelta(hours=1))
    deliveries.pump(Lane.CRITICAL)
    assert states() == {"now@a.example": "accepted", "bulk@a.example": "queued", "later@a.example": "queued"}
    assert [mail.rcpt_to for mail in sink.wait_for(1)] == [("now@a.example",)]


def test_pump_names_the_accounts_own_labels_and_nobody_elses(sink):
    component = make_component()
    one = make_account("Jensen & Co")
    other = make_account("Other Ltd")
    for n in range(12):
        make_usage(one, component, f"shop-{n:02}.example")
    make_usage(one, component, "shop-00.example")  # twice the same name
    make_usage(one, make_component(), "unaffected.example")
    make_usage(other, component, "secret.other.example")
    make_contact(one, email="jo@jensen.example", name="Jo")
    make_contact(other, email="al@other.example", name="Al")
    publish(make_incident(component))

    deliveries.pump(Lane.CRITICAL)

    texts = {mail.rcpt_to[0]: body(mail.message, "plain") for mail in sink.wait_for(2)}
    shown = ", ".join(f"shop-{n:02}.example" for n in range(10))
    assert f"Affected at Jensen & Co: {shown} and 2 more\n" in texts["jo@jensen.example"]
    assert "Affected at Other Ltd: secret.other.example\n" in texts["al@other.example"]
    assert "secret.other" not in texts["jo@jensen.example"]
    assert "unaffected" not in texts["jo@jensen.example"]


def test_pump_suppresses_only_the_addresses_refused_at_rcpt(sink):
    sink.script = Script([Fault("RCPT", "550 5.1.1 no such user", matching="@gone")])
    queue("a@gone.example", "b@here.example", "c@gone.example", "d@here.example")

    deliveries.pump(Lane.CRITICAL)

    assert states() == {
        "a@gone.example": "failed",
        "b@here.example": "accepted",
        "c@gone.example": "failed",
        "d@here.example": "accepted",
    }
    gone = ContactPoint.objects.exclude(suppressed_at=None)
    assert sorted(gone.values_list("address", "suppressed_reason")) == [
        (address, "bounced: 5.1.1 no such user") for address in ("a@gone.example", "c@gone.example")
    ]


def test_pump_suppresses_nobody_when_the_content_is_refused(sink):
    sink.script = Script([Fault("DOT", "554 5.7.1 looks like spam")])
    queue("a@here.example", "b@here.example")
    deliveries.pump(Lane.CRITICAL)
    assert Counter(Delivery.objects.values_list("state", "code")) == {("queued", 554): 2}
    assert not ContactPoint.objects.exclude(suppressed_at=None).exists()


def test_pump_without_a_server_queues_everything_again_for_later(settings):
    settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", free_port()
    queue(*[f"c{n}@customer.example" for n in range(7)])
    before = clock.now()

    deliveries.pump(Lane.CRITICAL)

    assert Counter(Delivery.objects.values_list("state", "attempts", "uncertain_attempts", "leased_until")) == {
        ("queued", 1, 0, None): 7
    }
    assert not Delivery.objects.filter(due_at__lte=before + timedelta(seconds=20)).exists()
    with Sink() as server:
        settings.SMTP_PORT = server.port
        due_again()
        deliveries.pump(Lane.CRITICAL)
        assert not server.mails  # the relay is left alone for a while
        Relay.objects.update(closed_until=clock.now())
        deliveries.pump(Lane.CRITICAL)
        assert server.wait_for(7)
    assert Relay.objects.get().failures == 0
    assert Counter(states().values()) == {"accepted": 7}


def test_pump_waits_longer_after_each_refusal_for_now_and_keeps_the_reply(sink):
    sink.script = Script([Fault("RCPT", "451 4.7.1 greylisted", times=2)])
    queue("a@here.example")
    for attempt, least, most in ((1, 24, 36), (2, 96, 144)):
        started = clock.now()
        deliveries.pump(Lane.CRITICAL)
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.attempts, delivery.code) == ("queued", attempt, 451)
        assert delivery.reply.endswith("greylisted")
        assert timedelta(seconds=least) <= delivery.due_at - started
        assert delivery.due_at - clock.now() <= timedelta(seconds=most)
        due_again()
    deliveries.pump(Lane.CRITICAL)
    assert states() == {"a@here.example": "accepted"}


def test_pump_gives_up_a_day_after_the_first_attempt(sink):
    sink.script = Script([Fault("RCPT", "451 4.7.1 greylisted")])
    queue("a@here.example")
    deliveries.pump(Lane.CRITICAL)
    Delivery.objects.update(due_at=clock.now(), first_attempt_at=clock.now() - timedelta(hours=24))
    deliveries.pump(Lane.CRITICAL)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.code) == ("failed", 451)
    assert delivery.reply.startswith("given up: ")
    assert not ContactPoint.objects.exclude(suppressed_at=None).exists()


def test_pump_counts_as_uncertain_what_ends_after_the_dot_and_sends_it_once_more_under_its_message_id(sink, settings):
    settings.SMTP_CONNECTIONS = 1
    queue("a@here.example")
    sink.script = Script([Fault("DOT", reply="", then="close", times=1)])

    deliveries.pump(Lane.CRITICAL)

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.uncertain_attempts, delivery.attempts) == ("queued", 1, 1)
    due_again()
    deliveries.pump(Lane.CRITICAL)
    first, second = sink.wait_for(2)
    assert first.header("Message-ID") == second.header("Message-ID") != ""
    delivery.refresh_from_db()
    assert (delivery.state, delivery.uncertain_attempts, delivery.attempts) == ("accepted", 1, 2)


def test_pump_sends_nothing_to_who_was_removed_or_suppressed_since_publishing(sink):
    queue("gone@a.example", "suppressed@a.example", "here@a.example")
    gone = ContactPoint.objects.get(address="gone@a.example")
    gone_id = Delivery.objects.get(contact_point=gone).pk
    Contact.objects.filter(email="gone@a.example").delete()
    deliveries.unsubscribe([ContactPoint.objects.get(address="suppressed@a.example").pk])

    deliveries.pump(Lane.CRITICAL)

    assert [mail.rcpt_to for mail in sink.wait_for(1)] == [("here@a.example",)]
    removed = Delivery.objects.get(pk=gone_id)
    assert (removed.state, removed.reply) == (DeliveryState.SUPPRESSED, "the contact was removed")
    assert Delivery.objects.get(contact_point__address="suppressed@a.example").reply.startswith(
        "the address is suppressed"
    )


@pytest.mark.parametrize("poison", [{"timezone": "Nowhere/Land"}, {"address": "jö@customer.example"}])
def test_pump_is_not_held_up_by_a_recipient_for_whom_no_mail_can_be_written(sink, poison):
    queue("poison@a.example", "b@here.example", "c@here.example")
    if "address" in poison:
        ContactPoint.objects.filter(address="poison@a.example").update(**poison)
    else:
        Contact.objects.filter(email="poison@a.example").update(**poison)
    bad = Delivery.objects.exclude(contact_point__address__endswith="@here.example").get()

    for attempt in range(1, ledger.DEAD_AFTER + 1):
        deliveries.pump(Lane.CRITICAL)
        bad.refresh_from_db()
        assert (bad.attempts, bad.lost_leases) == (attempt, 0)
        due_again()

    assert {mail.rcpt_to[0] for mail in sink.wait_for(2)} == {"b@here.example", "c@here.example"}
    assert sink.count == 2
    assert bad.state == DeliveryState.FAILED
    assert bad.reply.startswith("no message can be written: ")


def test_pump_whose_time_is_over_gives_the_rest_back_and_rings_again(sink, settings):
    settings.PUMP_SECONDS, settings.SMTP_CONNECTIONS = 0, 1
    queue("a@here.example", "b@here.example", "c@here.example")

    deliveries.pump(Lane.CRITICAL)

    assert Counter(Delivery.objects.values_list("state", "leased_until", "lost_leases")) == {
        ("accepted", None, 0): 1,
        ("queued", None, 0): 2,
    }
    assert list(OrmQ.objects.values_list("key", flat=True)) == ["critical"]
    deliveries.pump(Lane.CRITICAL)
    deliveries.pump(Lane.CRITICAL)
    assert Counter(states().values()) == {"accepted": 3}
    assert sink.count == 3


def test_unsubscribe_counts_once():
    queue("a@here.example")
    point = ContactPoint.objects.get(address="a@here.example")
    assert [deliveries.unsubscribe(pks) for pks in ([point.pk], [point.pk], [0])] == [
        True,
        False,
        False,
    ]
    point.refresh_from_db()
    assert point.unsubscribed_at is not None
    assert point.suppressed_at is None
