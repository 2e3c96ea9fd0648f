import base64
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from comms.models import Incident
from customers.actions.keys import create_key
from customers.models import ApiKey, Ticket, WebhookSender
from portal.api.authentication import NOT_SIGNED, is_signed, signing_key
from tests.factories import PASSWORD, make_user, utc
from tests.portal.api.senders import (
    ALERTS,
    SECRET,
    error,
    group,
    group_of,
    post_group,
    post_ticket,
    signature,
    signed_headers,
    ticket,
)

# the example that the libraries of standardwebhooks.com are tested with
EXAMPLE = {
    "message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "timestamp": "1614265330",
    "signatures": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "body": b'{"test": 2432232314}',
}
EXAMPLE_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE_TIME = utc(2021, 2, 25, 15, 2, 10)
NO_KEY = error("not_authenticated", "Authentication credentials were not provided.")
BAD_KEY = error("invalid_key", "This key is unknown or has expired.")
NO_SCOPE = error("missing_scope", "This key does not have the scope that is needed here.")
UNSIGNED = error("invalid_signature", NOT_SIGNED)


def basic(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


def test_key_as_bearer_token_or_as_basic_password_opens(key):
    bearer = post_group(key, group())
    lower = post_group("", group(), headers={"authorization": f"bearer  {key}"})
    password = post_group("", group(), headers={"authorization": basic(f"alertmanager:{key}".encode())})
    assert [r.status_code for r in (bearer, lower, password)] == [202, 202, 202]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer wrong",
        "Bearer tt_\xff\xfe",
        "Basic not-base64!",
        basic(b"no colon"),
        basic(b"user:\xff"),
        "Digest username=x",
        "nonsense",
    ],
)
def test_wrong_key_is_refused_and_nothing_is_kept(key, header):
    response = post_group("", group(), headers={"authorization": header})

    assert (response.status_code, response.json()) == (401, BAD_KEY)
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert Incident.objects.count() == 0


def test_key_as_basic_user_is_refused(key):
    response = post_group("", group(), headers={"authorization": basic(f"{key}:".encode())})
    assert (response.status_code, response.json()) == (401, BAD_KEY)


def test_expired_key_is_refused(db):
    expires = timezone.now() + timedelta(days=1)
    key = create_key(name="Old", scopes=["alerts:write"], created_by=None, expires_at=expires)
    before = post_group(key, group()).status_code
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(hours=1))

    response = post_group(key, group())

    assert (before, response.status_code, response.json()) == (202, 401, BAD_KEY)


def test_key_without_the_scope_is_refused(db):
    key = create_key(name="Reader", scopes=[], created_by=None)
    response = post_group(key, group())
    assert (response.status_code, response.json(), Incident.objects.count()) == (403, NO_SCOPE, 0)


@pytest.mark.parametrize("header", ["", "  "])
def test_no_key_is_refused(db, header):
    response = post_group("", group(), headers={"authorization": header})
    assert (response.status_code, response.json()) == (401, NO_KEY)


def test_a_signed_in_colleague_is_no_machine(db):
    user = make_user(is_superuser=True)
    client = Client()
    assert client.login(email=user.email, password=PASSWORD)

    response = client.post(ALERTS, group_of(), content_type="application/json")

    assert (response.status_code, response.json()) == (401, NO_KEY)


def test_is_signed_agrees_with_the_published_example():
    key = signing_key(WebhookSender(slug="x", secret=EXAMPLE_SECRET))
    assert key is not None
    assert is_signed(key, **EXAMPLE, now=EXAMPLE_TIME)


@pytest.mark.parametrize(
    "changed",
    [
        {"message_id": "msg_other"},
        {"message_id": ""},
        {"timestamp": "1614265331"},
        {"timestamp": ""},
        {"timestamp": "1614265330.0"},
        {"timestamp": "-1614265330"},
        {"timestamp": "١٦١٤٢٦٥٣٣٠"},
        {"body": b'{"test": 2432232315}'},
        {"body": b'{"test": 2432232314} '},
        {"signatures": ""},
        {"signatures": "v1"},
        {"signatures": "v1,"},
        {"signatures": EXAMPLE["signatures"].replace("v1", "v2")},
        {"signatures": EXAMPLE["signatures"].removeprefix("v1,")},
        {"signatures": "v1,\xff"},
    ],
)
def test_is_signed_refuses_what_differs_from_the_example(changed):
    key = signing_key(WebhookSender(slug="x", secret=EXAMPLE_SECRET))
    assert not is_signed(key, **(EXAMPLE | changed), now=EXAMPLE_TIME)


def test_is_signed_takes_any_of_several_signatures():
    key = signing_key(WebhookSender(slug="x", secret=EXAMPLE_SECRET))
    several = f"v1,bm9uZQ== v1a,bm9uZQ== {EXAMPLE['signatures']} v1,bm9uZQ=="
    assert is_signed(key, **(EXAMPLE | {"signatures": several}), now=EXAMPLE_TIME)


@pytest.mark.parametrize(("seconds", "signed"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_is_signed_tolerates_five_minutes_before_and_after(seconds, signed):
    key = signing_key(WebhookSender(slug="x", secret=EXAMPLE_SECRET))
    assert is_signed(key, **EXAMPLE, now=EXAMPLE_TIME + timedelta(seconds=seconds)) is signed


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("plain text", b"plain text"),
        ("whsec_" + base64.b64encode(SECRET).decode(), SECRET),
        ("whsec_" + base64.b64encode(SECRET).decode().rstrip("="), SECRET),
        ("whsec_not base64", None),
        ("whsec_", None),
        ("", None),
    ],
)
def test_signing_key_of_a_secret(secret, key):
    assert signing_key(WebhookSender(slug="x", secret=secret)) == key


def test_signed_ticket_is_taken(sender):
    response = post_ticket(ticket())
    assert (response.status_code, response.json()) == (201, {"ticket": "4711", "new": True, "matched": False})


def test_ticket_without_a_fitting_signature_is_refused_with_one_and_the_same_answer(sender):
    body = b'{"id": "1"}'
    other_key = signed_headers(body, key=b"another secret")
    empty_key = signed_headers(body, key=b"")
    WebhookSender.objects.create(slug="no-secret", secret="")
    WebhookSender.objects.create(slug="bad-secret", secret="whsec_?")
    asked = {
        "none": post_ticket(body, headers=dict.fromkeys(other_key, "")),
        "wrong secret": post_ticket(body, headers=other_key),
        "old": post_ticket(body, headers=signed_headers(body, age=3600)),
        "future": post_ticket(body, headers=signed_headers(body, age=-3600)),
        "other body": post_ticket(b'{"id": "2"}', headers=signed_headers(body)),
        "not JSON, unsigned": post_ticket(b"{", headers=other_key),
        "unknown sender": post_ticket(body, address="/api/v1/tickets/freshdesk/"),
        "sender without secret": post_ticket(body, address="/api/v1/tickets/no-secret/", headers=empty_key),
        "sender with a broken secret": post_ticket(body, address="/api/v1/tickets/bad-secret/", headers=empty_key),
    }
    answers = {name: (r.status_code, r.json(), r["WWW-Authenticate"]) for name, r in asked.items()}
    assert answers == dict.fromkeys(asked, (401, UNSIGNED, "Signature"))
    assert Ticket.objects.count() == 0


def test_replay_of_a_signed_ticket_is_kept_once_and_with_another_body_not_at_all(sender):
    raw = b'{"id": "1", "requester": {"email": "a@b.example"}, "subject": "x", "created_at": "2024-01-01T00:00:00Z"}'
    headers = signed_headers(raw)

    first, again = post_ticket(raw, headers=headers), post_ticket(raw, headers=headers)
    forged = post_ticket(raw.replace(b'"1"', b'"2"'), headers=headers)

    assert [r.status_code for r in (first, again, forged)] == [201, 200, 401]
    assert list(Ticket.objects.values_list("external_id", flat=True)) == ["1"]


def test_signature_of_one_sender_does_not_open_the_door_of_another(sender):
    WebhookSender.objects.create(slug="other", secret="another secret")
    response = post_ticket(ticket(), address="/api/v1/tickets/other/")
    assert (response.status_code, response.json()) == (401, UNSIGNED)


def test_key_does_not_open_the_door_of_tickets(sender, key):
    body = b"{}"
    headers = dict.fromkeys(signed_headers(body), "") | {"authorization": f"Bearer {key}"}
    response = post_ticket(body, headers=headers)
    assert (response.status_code, response.json()) == (401, UNSIGNED)


def test_signature_counts_under_each_name_only_for_the_bytes_as_sent(sender):
    raw = (
        '{"id":"1","requester":{"email":"a@b.example"},"subject":"größer","created_at":"2024-01-01T00:00:00Z"}'.encode()
    )
    timestamp = signed_headers(raw)["webhook-timestamp"]
    old = signature(raw, message_id="msg_1", timestamp=timestamp, key=b"the secret before")
    new = signature(raw, message_id="msg_1", timestamp=timestamp)
    headers = {"webhook-timestamp": timestamp, "webhook-signature": f"{old} {new}"}
    assert post_ticket(raw, headers=headers).status_code == 201
