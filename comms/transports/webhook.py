"""Webhooks out, as the Standard Webhooks specification 1.0.0 has them, signed with its symmetric scheme."""

import base64
import binascii
import hmac
import json
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from comms.transports.base import BeforePost, Outcome
from comms.transports.http import HttpSettings, Outbox, Request, by_status

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)  # of a secret, by the specification
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # no full stop: it delimits what is signed
EVENT = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")


@dataclass(frozen=True, slots=True)
class WebhookPost:
    """One event for one endpoint."""

    delivery_id: int
    attempt: int
    url: str = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    """The endpoint's, 'whsec_' and base64, the current one first; an old one behind it while it is replaced."""
    message_id: str
    """The same in every attempt: receivers know a repetition by it."""
    event: str
    """'incident.updated'"""
    occurred_at: datetime
    data: bytes
    """JSON in UTF-8, posted as it is."""


class WebhookTransport:
    """Keeps the promises of `Transport`.

    By the specification 2xx is success, and only 410 Gone ends an endpoint: Rejected. Every other answer is
    Retry, a 404, a 401 or a redirect too, because receivers mend them; who retries disables the endpoint with a
    notice when it has failed for three days. Uncertain is to be retried as well: the receiver drops a repeated
    `webhook-id`. A secret, id or event that cannot be used is an Alarm.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._outbox: Outbox[WebhookPost] = Outbox(settings, request=_request, judge=by_status)

    def send(self, posts: Sequence[WebhookPost], *, before_data: BeforePost) -> Iterator[Outcome]:
        return self._outbox.send(posts, before_data=before_data)


def new_secret() -> str:
    """For a new endpoint: 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature a secret, in their order. Raises ValueError at a bad one."""
    if not keys:
        raise ValueError("the endpoint has no secret")
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(_key(key), signed, "sha256") for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the endpoint's secret is not base64") from None
    if len(key) not in KEY_BYTES:
        raise ValueError("the endpoint's secret must have 24 to 64 bytes")
    return key


def _request(post: WebhookPost) -> Request:
    if not MESSAGE_ID.fullmatch(post.message_id) or not EVENT.fullmatch(post.event):
        raise ValueError("the message id or the event cannot be posted")
    json.loads(post.data)  # raises ValueError: half a document must not reach a customer signed
    occurred = post.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    body = b'{"type":"%s","timestamp":"%s","data":%s}' % (post.event.encode(), occurred.encode(), post.data)
    now = int(time.time())  # of the attempt: receivers refuse what is older than minutes
    headers = {
        "Content-Type": "application/json",
        "webhook-id": post.message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(post.secrets, post.message_id, now, body),
    }
    return Request(post.url, body, headers)
