"""The pump with a mail provider, alone or as the second way: real servers of both kinds."""

import socket
from collections import Counter

import pytest

from comms.actions import deliveries
from comms.choices import Lane
from comms.models import Delivery, Relay
from comms.rendering import verp
from customers import clock
from customers.models import ContactPoint
from demo.sink.server import Sink
from tests.comms.actions.test_deliveries import due_again, queue, states
from tests.comms.support import free_port
from tests.comms.transports.receiver import Receiver, reply
from tests.comms.transports.test_anymail import INACTIVE, TAKEN

pytestmark = pytest.mark.django_db


def taking(receiver: Receiver, client: socket.socket) -> None:
    """Postmark takes the mail and names whom it is for."""
    reply(200, {**TAKEN, "To": receiver.requests[-1].json["To"]})(receiver, client)


@pytest.fixture
def provider(settings):
    """Uses this receiver as the provider, and no relay."""

    def use(receiver: Receiver) -> None:
        settings.SMTP_HOST, settings.MAIL_PROVIDER = "", "postmark"
        settings.MAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "key", "POSTMARK_API_URL": receiver.url("/")}

    return use


def test_pump_sends_by_the_provider_where_there_is_no_relay(provider):
    queue("a@here.example", "b@here.example")
    with Receiver(taking) as receiver:
        provider(receiver)
        deliveries.pump(Lane.CRITICAL)
    assert states() == {"a@here.example": "accepted", "b@here.example": "accepted"}
    named = sorted(verp.delivery_of(request.json["Metadata"]["delivery"]) for request in receiver.requests)
    assert named == sorted(Delivery.objects.values_list("pk", flat=True))


def test_pump_suppresses_whom_the_provider_refuses_and_nobody_where_it_refuses_us(provider):
    queue("a@here.example", "b@here.example")
    answers = {**INACTIVE, "Message": INACTIVE["Message"].replace("jo@customer.example", "a@here.example")}
    with Receiver(reply(422, answers), reply(401, "no key")) as receiver:
        provider(receiver)
        deliveries.pump(Lane.CRITICAL)
    gone = Delivery.objects.get(contact_point__address="a@here.example")
    assert Counter(states().values()) == {"failed": 1, "queued": 1}
    assert gone.state == "failed"
    assert [p.address for p in ContactPoint.objects.exclude(suppressed_at=None)] == ["a@here.example"]


def test_pump_leaves_a_provider_alone_that_does_not_answer(provider):
    queue("a@here.example", "b@here.example")
    with Receiver() as gone:
        pass
    provider(gone)
    deliveries.pump(Lane.CRITICAL)
    assert dict(Relay.objects.values_list("name", "failures")) == {"smtp": 0, "provider": 1}
    with Receiver(taking) as receiver:
        provider(receiver)
        due_again()
        deliveries.pump(Lane.CRITICAL)
        assert receiver.requests == []
        Relay.objects.update(closed_until=clock.now())
        deliveries.pump(Lane.CRITICAL)
    assert Counter(states().values()) == {"accepted": 2}
    assert Relay.objects.get(pk="provider").failures == 0


def test_pump_goes_by_the_provider_while_the_relay_is_away_and_returns_to_it(provider, settings):
    queue("a@here.example")
    with Receiver(taking) as receiver, Sink() as sink:
        provider(receiver)
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", free_port()
        deliveries.pump(Lane.CRITICAL)
        due_again()
        deliveries.pump(Lane.CRITICAL)
        assert (states(), len(receiver.requests)) == ({"a@here.example": "accepted"}, 1)
        assert Relay.objects.get(pk="smtp").failures == 1  # what the provider took proves nothing of the relay

        settings.SMTP_PORT = sink.port
        Relay.objects.update(closed_until=clock.now())
        queue("b@here.example")
        deliveries.pump(Lane.CRITICAL)
        assert [mail.rcpt_to for mail in sink.wait_for(1)] == [("b@here.example",)]
    assert (len(receiver.requests), Relay.objects.get(pk="smtp").failures) == (1, 0)
