"""What Postmark and Mailgun post, as they post it; refused without the secret or with another signature."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from comms.models import Delivery, DeliveryReport
from comms.rendering import verp
from customers.models import ContactPoint
from tests.comms.bounces import told
from tests.factories import utc
from tests.portal.api.senders import error

pytestmark = pytest.mark.django_db
SECRET = "reports:a long word"
SIGNING_KEY = "mailgun's signing key"


@pytest.fixture
def postmark(settings) -> None:
    settings.MAIL_PROVIDER, settings.ANYMAIL_WEBHOOK_SECRET = "postmark", SECRET


@pytest.fixture
def mailgun(settings) -> None:
    settings.MAIL_PROVIDER, settings.ANYMAIL_WEBHOOK_SECRET = "mailgun", SECRET
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY}


def post(provider: str, body: Any, secret: str | None = SECRET) -> HttpResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if secret is None else {"authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    return Client().post(f"/api/v1/providers/{provider}/", raw, content_type="application/json", headers=headers)


def postmark_bounce(delivery: Delivery | None, **fields: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce", "MessageStream": "outbound", "ID": 4323372036854775807, "Type": "HardBounce",
        "TypeCode": 1, "Name": "Hard bounce", "Tag": "", "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {} if delivery is None else {"delivery": verp.token_of(delivery.pk)}, "ServerID": 23,
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": "jo@customer.example", "From": "status@your-company.example", "BouncedAt": "2024-02-14T10:15:00Z",
        "DumpAvailable": True, "Inactive": True, "CanActivate": True, "Subject": "Databases are slow",
    } | fields  # fmt: skip


def postmark_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "RecordType": "Delivery", "ServerID": 23, "MessageStream": "outbound", "Tag": "",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Recipient": "jo@customer.example",
        "DeliveredAt": "2024-02-14T10:14:00Z", "Details": "250 2.0.0 OK",
        "Metadata": {"delivery": verp.token_of(delivery.pk)},
    }  # fmt: skip


def mailgun_event(delivery: Delivery, event: str, token: str, *, key: str = SIGNING_KEY, **fields: Any) -> dict:
    timestamp = str(int(time.time()))
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": timestamp, "token": token, "signature": signature},
        "event-data": {
            "event": event, "id": "G9Bn5sl1TC6nu79C8C0bwg", "timestamp": 1707905700.1, "log-level": "error",
            "severity": "permanent", "reason": "bounce", "recipient": "jo@customer.example",
            "delivery-status": {"code": 550, "message": "5.1.1 No such user", "description": ""},
            "message": {"headers": {"to": "jo@customer.example", "message-id": "a@portal.example"}},
            "user-variables": {"delivery": verp.token_of(delivery.pk)}, "tags": [],
        }
        | fields,
    }  # fmt: skip


def suppressed() -> list[str]:
    return list(ContactPoint.objects.exclude(suppressed_at=None).values_list("address", flat=True))


def state_of(delivery: Delivery) -> str:
    return Delivery.objects.get(pk=delivery.pk).state


@pytest.mark.usefixtures("postmark")
def test_postmark_bounce_is_taken_once_by_the_token_in_its_metadata():
    jo, al = told("jo@customer.example", "al@customer.example")

    for _ in range(2):
        assert post("postmark", postmark_bounce(jo)).status_code == 200

    kept = DeliveryReport.objects.get()
    assert (kept.source, kept.kind, kept.delivery, kept.address, kept.reported_at) == (
        "postmark",
        "bounced",
        jo.pk,
        "jo@customer.example",
        utc(2024, 2, 14, 10, 15),
    )
    assert (state_of(jo), state_of(al), suppressed()) == ("bounced", "accepted", ["jo@customer.example"])


@pytest.mark.usefixtures("postmark")
@pytest.mark.parametrize("order", [("bounce", "delivery"), ("delivery", "bounce")])
def test_postmark_out_of_order(order):
    (jo,) = told("jo@customer.example")
    bodies = {"bounce": postmark_bounce(jo), "delivery": postmark_delivery(jo)}
    for name in order:
        post("postmark", bodies[name])
    assert (state_of(jo), DeliveryReport.objects.count()) == ("bounced", 2)


@pytest.mark.usefixtures("postmark")
@pytest.mark.parametrize(
    ("changes", "kind", "state", "silenced"),
    [
        ({"Type": "SoftBounce"}, "delayed", "accepted", False),
        ({"Type": "Transient"}, "delayed", "accepted", False),
        ({"Type": "Blocked"}, "bounced", "bounced", False),
        ({"Type": "BadEmailAddress"}, "bounced", "bounced", True),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint"}, "complained", "accepted", True),
        ({"RecordType": "SubscriptionChange", "SuppressionReason": "ManualSuppression", "SuppressSending": True},
         "unsubscribed", "accepted", False),
    ],
)  # fmt: skip
def test_postmark_tells_a_dead_address_from_other_trouble(changes, kind, state, silenced):
    (jo,) = told("jo@customer.example")
    assert post("postmark", postmark_bounce(jo, **changes)).status_code == 200
    assert (DeliveryReport.objects.get().kind, state_of(jo), bool(suppressed())) == (kind, state, silenced)


@pytest.mark.usefixtures("postmark")
@pytest.mark.parametrize("record", ["Open", "Click", "Nonsense"])
def test_postmark_events_that_are_nothing_to_us_are_not_kept(record):
    (jo,) = told("jo@customer.example")
    assert post("postmark", postmark_bounce(jo, RecordType=record)).status_code == 200
    assert DeliveryReport.objects.count() == 0


@pytest.mark.usefixtures("postmark")
def test_an_event_without_a_token_is_kept_for_a_person_and_suppresses_nobody():
    (jo,) = told("jo@customer.example")
    assert post("postmark", postmark_bounce(None)).status_code == 200
    assert (DeliveryReport.objects.get().delivery, state_of(jo), suppressed()) == (None, "accepted", [])


@pytest.mark.usefixtures("postmark")
def test_an_event_with_a_forged_token_is_not_kept_and_suppresses_nobody():
    (jo,) = told("jo@customer.example")
    post("postmark", postmark_bounce(jo, Metadata={"delivery": f"{jo.pk}.aaaaaaaaaaaaaaaa"}))
    assert (DeliveryReport.objects.count(), state_of(jo), suppressed()) == (0, "accepted", [])


REFUSED = (401, error("invalid_signature", "The secret or the signature does not fit; nothing was kept."))


@pytest.mark.usefixtures("postmark")
@pytest.mark.parametrize("secret", [None, "reports:another", ":", "é:ü"])
def test_without_the_secret_nothing_is_taken(secret):
    (jo,) = told("jo@customer.example")
    response = post("postmark", postmark_bounce(jo), secret)
    assert (response.status_code, response.json()) == REFUSED
    assert (DeliveryReport.objects.count(), state_of(jo), suppressed()) == (0, "accepted", [])


@pytest.mark.usefixtures("mailgun")
def test_mailgun_bounce_is_taken_once_and_a_forged_signature_is_refused():
    (jo,) = told("jo@customer.example")
    forged = post("mailgun", mailgun_event(jo, "failed", "token-1", key="a guess"))
    assert (forged.status_code, forged.json()) == REFUSED
    unsigned = post("mailgun", {"event-data": mailgun_event(jo, "failed", "token-1")["event-data"]})
    assert (unsigned.status_code, unsigned.json()) == REFUSED
    assert (DeliveryReport.objects.count(), state_of(jo)) == (0, "accepted")

    for _ in range(2):
        assert post("mailgun", mailgun_event(jo, "failed", "token-1")).status_code == 200
    assert post("mailgun", mailgun_event(jo, "delivered", "token-2")).status_code == 200

    assert list(DeliveryReport.objects.order_by("pk").values_list("kind", "source")) == [
        ("bounced", "mailgun"),
        ("delivered", "mailgun"),
    ]
    assert (state_of(jo), suppressed()) == ("bounced", ["jo@customer.example"])


@pytest.mark.usefixtures("mailgun")
def test_mailgun_trouble_that_may_pass_and_complaints():
    jo, al = told("jo@customer.example", "al@customer.example")
    post("mailgun", mailgun_event(jo, "failed", "token-1", severity="temporary"))
    post("mailgun", mailgun_event(al, "complained", "token-2"))
    assert list(DeliveryReport.objects.order_by("pk").values_list("kind", flat=True)) == ["delayed", "complained"]
    assert (state_of(jo), state_of(al), suppressed()) == ("accepted", "accepted", ["al@customer.example"])


@pytest.mark.usefixtures("postmark")
@pytest.mark.parametrize("provider", ["mailgun", "sendgrid", "nobody", "anymail"])
def test_other_providers_than_the_configured_one_do_not_exist(provider):
    (jo,) = told("jo@customer.example")
    response = post(provider, postmark_bounce(jo))
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(("provider", "secret"), [("postmark", ""), ("", SECRET)])
def test_without_a_secret_or_a_provider_the_door_is_closed(settings, provider, secret):
    settings.MAIL_PROVIDER, settings.ANYMAIL_WEBHOOK_SECRET = provider, secret
    (jo,) = told("jo@customer.example")
    assert post("postmark", postmark_bounce(jo)).status_code == 404
    assert DeliveryReport.objects.count() == 0


@pytest.mark.usefixtures("postmark")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b"\xff", 400, "malformed"),
        (b'{"RecordType": "Bounce", "Type": [], "Metadata": 7}', 400, "malformed"),
        (b" " * 300_000, 413, "too_large"),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_shape_of_the_api(body, status, code):
    response = post("postmark", body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert DeliveryReport.objects.count() == 0


@pytest.mark.usefixtures("postmark")
def test_an_event_about_a_mail_that_is_still_being_sent_comes_again():
    (jo,) = told("jo@customer.example", state="started")
    response = post("postmark", postmark_bounce(jo))
    assert (response.status_code, response.json()["error"]["code"]) == (503, "come_again")
    assert DeliveryReport.objects.count() == 0


@pytest.mark.usefixtures("postmark")
def test_other_methods():
    assert Client().head("/api/v1/providers/postmark/").status_code == 200
    assert Client().get("/api/v1/providers/postmark/").status_code == 405
