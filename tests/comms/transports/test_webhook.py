import base64
import hashlib
import hmac
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from comms.transports.base import Accepted, Alarm, Rejected, Retry, Uncertain
from comms.transports.http import HttpSettings
from comms.transports.webhook import WebhookPost, WebhookTransport, new_secret, sign
from tests.comms.transports.receiver import Received, Receiver, close, outcomes, reply

# The specification's libraries publish this example.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OLD_SECRET = "whsec_" + base64.b64encode(b"o" * 32).decode()

POST = WebhookPost(
    delivery_id=1,
    attempt=2,
    url="",
    secrets=(SECRET,),
    message_id="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    event="incident.updated",
    occurred_at=datetime(2026, 3, 1, 12, 0, 5, 250000, tzinfo=timezone(timedelta(hours=1))),
    data='{"title":"Zahlungen verzögert","sequence":4}'.encode(),
)


def verifies(request: Received, secret: str, now: float) -> bool:
    """A consumer's check, written from the specification's text: id, time, constant-time compare, any signature."""
    sent_at = int(request.headers["webhook-timestamp"])
    if abs(now - sent_at) > 300:
        return False
    content = f"{request.headers['webhook-id']}.{sent_at}.".encode() + request.body
    key = base64.b64decode(secret.split("_", 1)[1])
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    for signature in request.headers["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value, expected):
            return True
    return False


def send(receiver: Receiver, *posts: WebhookPost) -> Any:
    transport = WebhookTransport(HttpSettings(allowed=receiver.allowed))
    return outcomes(transport, [replace(post, url=receiver.url()) for post in posts])


def test_sign_gives_the_published_example():
    assert sign([SECRET], *EXAMPLE) == SIGNATURE
    assert sign([SECRET.removeprefix("whsec_")], *EXAMPLE) == SIGNATURE


def test_post_is_a_standard_webhook():
    with Receiver(reply(204)) as receiver:
        assert send(receiver, POST) == {1: Accepted(1, 2, 204, "Reason")}
    [request] = receiver.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "twotrack"
    assert request.headers["webhook-id"] == "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
    assert request.json == {
        "type": "incident.updated",
        "timestamp": "2026-03-01T11:00:05.250000Z",
        "data": {"title": "Zahlungen verzögert", "sequence": 4},
    }
    assert POST.data in request.body
    assert verifies(request, SECRET, time.time())


def test_signature_does_not_fit_another_secret_body_or_time():
    with Receiver() as receiver:
        send(receiver, POST)
    [request] = receiver.requests
    now = time.time()
    assert not verifies(request, OLD_SECRET, now)
    assert not verifies(replace(request, body=request.body + b" "), SECRET, now)
    assert not verifies(replace(request, headers=request.headers | {"webhook-id": "other"}), SECRET, now)
    assert not verifies(request, SECRET, now + 301)


def test_both_secrets_verify_while_one_is_replaced():
    with Receiver() as receiver:
        send(receiver, replace(POST, secrets=(SECRET, OLD_SECRET)))
    [request] = receiver.requests
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    assert verifies(request, SECRET, time.time())
    assert verifies(request, OLD_SECRET, time.time())


def test_id_and_body_are_the_same_in_every_attempt():
    with Receiver(reply(503), reply(200)) as receiver:
        first = send(receiver, POST)
        second = send(receiver, replace(POST, attempt=3))
    assert first == {1: Retry(1, 2, 503, "Reason")}
    assert second == {1: Accepted(1, 3, 200, "Reason")}
    one, two = receiver.requests
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert one.body == two.body


def test_only_gone_ends_an_endpoint():
    codes = [400, 401, 403, 404, 405, 410, 413, 429, 500, 502]
    with Receiver(*(reply(code) for code in codes)) as receiver:
        answers = [send(receiver, POST)[1] for _ in codes]
    assert [answer.code for answer in answers] == codes
    assert [answer.code for answer in answers if isinstance(answer, Rejected)] == [410]
    assert all(isinstance(answer, Retry) for answer in answers if answer.code != 410)


def test_retry_after_is_told():
    with Receiver(reply(429, "slow down", Retry_After="120")) as receiver:
        assert send(receiver, POST) == {1: Retry(1, 2, 429, "slow down", retry_after=120.0)}


def test_no_answer_is_uncertain():
    with Receiver(close) as receiver:
        assert isinstance(send(receiver, POST)[1], Uncertain)


@pytest.mark.parametrize(
    "changes",
    [
        {"secrets": ()},
        {"secrets": ("whsec_short",)},
        {"secrets": ("whsec_" + base64.b64encode(b"s" * 23).decode(),)},
        {"secrets": (SECRET, "whsec_ümlaut")},
        {"message_id": "a.b"},
        {"message_id": "a\r\nb"},
        {"message_id": ""},
        {"event": 'incident"'},
        {"data": b'{"half":'},
        {"data": b"\xff"},
    ],
)
def test_what_cannot_be_signed_is_an_alarm_and_the_others_leave(changes):
    with Receiver() as receiver:
        answers = send(receiver, replace(POST, **changes), replace(POST, delivery_id=2))
    assert isinstance(answers[1], Alarm)
    assert isinstance(answers[2], Accepted)
    assert len(receiver.requests) == 1


def test_new_secrets_differ_and_sign():
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
    assert sign([first], *EXAMPLE) != sign([second], *EXAMPLE)


def test_secrets_and_url_are_not_shown():
    assert SECRET not in repr(POST)
    assert "hooks.example" not in repr(replace(POST, url="https://hooks.example/secret"))
