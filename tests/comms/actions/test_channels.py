"""One update over every channel, through the pump to real receivers (E1)."""

import base64
import hmac
from contextlib import ExitStack

import pytest

from comms.actions import deliveries
from comms.choices import Lane
from comms.models import Delivery
from comms.transports.webhook import new_secret
from customers import clock
from customers.choices import Track
from customers.models import Contact, ContactPoint
from demo.sink.server import Sink
from tests.comms.transports.receiver import Receiver, reply
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact() -> Contact:
    component = make_component("db-eu-2")
    account = make_account("Tern Robotics", uses=(component,), label="orders-primary", timezone="Europe/Berlin")
    return make_contact(account, Track.TECHNICAL, email="jonas@tern.example")


@pytest.fixture
def outside(settings):
    """A mail server, and a receiver for each HTTP channel: their addresses are on the operator's list."""
    with ExitStack() as stack:
        sink = stack.enter_context(Sink())
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", sink.port
        receivers = {kind: stack.enter_context(Receiver(reply(200, "ok"))) for kind in ("webhook", "slack", "teams")}
        receivers["sms"] = stack.enter_context(Receiver(reply(201, {"sid": "SM1"})))
        settings.HTTP_ALLOWED_TARGETS = [f"127.0.0.1:{r.port}" for r in receivers.values()]
        settings.TWILIO_ACCOUNT, settings.TWILIO_TOKEN, settings.SMS_SENDER = "AC1", "token", "+15005550006"
        settings.TWILIO_URL = f"http://127.0.0.1:{receivers['sms'].port}"
        yield sink, receivers


def add(contact: Contact, kind: str, address: str, secret: str = "") -> ContactPoint:
    return ContactPoint.objects.create(contact=contact, kind=kind, address=address, secret=secret)


def affected(contact: Contact):
    return contact.account.usages.get().component


def test_one_update_reaches_every_channel_once(contact, outside):
    sink, receivers = outside
    secret = new_secret()
    for kind in ("webhook", "slack", "teams"):
        add(contact, kind, f"http://127.0.0.1:{receivers[kind].port}/hook", secret if kind == "webhook" else "")
    add(contact, "sms", "+4915112345678")
    incident = make_incident(affected(contact))
    publish(incident)

    deliveries.pump(Lane.CRITICAL)

    assert dict(Delivery.objects.values_list("kind", "state")) == dict.fromkeys(
        ("email", "webhook", "slack", "teams", "sms"), "accepted"
    )
    assert len(sink.wait_for(1)) == 1
    (hook,), (slack,), (teams,), (sms,) = (receivers[kind].requests for kind in ("webhook", "slack", "teams", "sms"))
    signed = f"{hook.headers['webhook-id']}.{hook.headers['webhook-timestamp']}.".encode() + hook.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert hook.headers["webhook-signature"] == f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
    assert {
        name: hook.json["data"][name] for name in ("reference", "update", "status", "track", "account", "labels")
    } == {
        "reference": incident.reference,
        "update": 1,
        "status": "investigating",
        "track": "technical",
        "account": "Tern Robotics",
        "labels": ["orders-primary"],
    }
    assert incident.reference in slack.json["text"]
    assert "AdaptiveCard" in teams.body.decode()
    assert sms.form["To"] == ["+4915112345678"]
    assert sms.form["Body"][0].startswith(incident.reference)
    assert f"/incidents/{incident.pk}/" in sms.form["Body"][0]
    assert len(sms.form["Body"][0]) <= 160


def test_a_webhook_that_is_gone_is_suppressed_and_the_mail_unaffected(contact, outside):
    _, receivers = outside
    receivers["webhook"]._script[:] = [reply(410)]
    hook = add(contact, "webhook", f"http://127.0.0.1:{receivers['webhook'].port}/", new_secret())
    publish(make_incident(affected(contact)))

    deliveries.pump(Lane.CRITICAL)

    assert dict(Delivery.objects.values_list("kind", "state")) == {"email": "accepted", "webhook": "failed"}
    hook.refresh_from_db()
    assert hook.suppressed_at is not None


def test_a_webhook_that_asks_for_patience_is_tried_again_no_sooner(contact, outside):
    _, receivers = outside
    receivers["webhook"]._script[:] = [reply(429, Retry_After="600")]
    add(contact, "webhook", f"http://127.0.0.1:{receivers['webhook'].port}/", new_secret())
    publish(make_incident(affected(contact)))
    before = clock.now()

    deliveries.pump(Lane.CRITICAL)

    row = Delivery.objects.get(kind="webhook")
    assert (row.state, row.code, row.attempts) == ("queued", 429, 1)
    assert (row.due_at - before).total_seconds() >= 600


def test_a_webhook_to_an_internal_address_that_is_not_allowed_is_never_called(contact, outside, settings):
    _, receivers = outside
    settings.HTTP_ALLOWED_TARGETS = []
    add(contact, "webhook", f"http://127.0.0.1:{receivers['webhook'].port}/", new_secret())
    publish(make_incident(affected(contact)))

    deliveries.pump(Lane.CRITICAL)

    assert Delivery.objects.get(kind="webhook").state == "failed"
    assert receivers["webhook"].connections == 0


def test_an_sms_whose_end_is_unknown_is_not_repeated(contact, outside):
    _, receivers = outside
    receivers["sms"]._script[:] = [lambda receiver, client: None]  # takes the request and hangs up
    add(contact, "sms", "+4915112345678")
    publish(make_incident(affected(contact)))

    deliveries.pump(Lane.CRITICAL)
    Delivery.objects.update(due_at=clock.now())
    deliveries.pump(Lane.CRITICAL)

    assert Delivery.objects.get(kind="sms").state == "uncertain"
    assert len(receivers["sms"].requests) == 1
