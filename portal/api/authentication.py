"""Machines prove who they are: by a scoped key, or by signing what they send (Standard Webhooks)."""

import base64
import binascii
import hashlib
import hmac
import logging
import re
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from customers import clock
from customers.actions.keys import find_key
from customers.models import ApiKey, WebhookSender
from portal.api.parsing import raw_body

logger = logging.getLogger(__name__)

PREFIX = "whsec_"
NOT_SIGNED = (
    "The signature does not fit: check the sender, the secret, the time stamp, and that the body is signed as sent."
)
_TIMESTAMP = re.compile(r"\d{1,11}", re.ASCII)  # unix seconds, until the year 5138
_NOBODYS_KEY = secrets.token_bytes(32)  # so that an unknown sender costs the time of a known one


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`, or Basic with the key as password; `request.auth` is the ApiKey."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if not header:
            return None
        key = find_key(_key_in(header))
        if key is None:
            raise AuthenticationFailed("This key is unknown or has expired.", "invalid_key")
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class HasScope(BasePermission):
    """The view names its `scope`; one that names none is for nobody."""

    code = "missing_scope"
    message = "This key does not have the scope that is needed here."

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, ApiKey) and getattr(view, "scope", None) in request.auth.scopes


class SignatureAuthentication(BaseAuthentication):
    """The signature of the sender whom the address names; `request.auth` is the WebhookSender.

    Whatever is wrong (sender, secret, time, body) gets the same answer, so that nobody learns which.
    """

    def authenticate(self, request: Request) -> tuple[None, WebhookSender]:
        view_arguments = (request.parser_context or {}).get("kwargs", {})
        sender = WebhookSender.objects.filter(slug=view_arguments.get("sender")).first()
        key = signing_key(sender) if sender else None
        signed = is_signed(
            key or _NOBODYS_KEY,
            message_id=request.META.get("HTTP_WEBHOOK_ID", ""),
            timestamp=request.META.get("HTTP_WEBHOOK_TIMESTAMP", ""),
            signatures=request.META.get("HTTP_WEBHOOK_SIGNATURE", ""),
            body=raw_body(request),
            now=clock.now(),
        )
        if sender is None or key is None or not signed:
            raise AuthenticationFailed(NOT_SIGNED, "invalid_signature")
        return None, sender

    def authenticate_header(self, request: Request) -> str:
        return "Signature"  # without one the answer would be 403


def signing_key(sender: WebhookSender) -> bytes | None:
    """The bytes of a sender's secret: base64 after `whsec_`, else as it stands. None where it cannot sign."""
    if not sender.secret.startswith(PREFIX):
        return sender.secret.encode() or None
    encoded = sender.secret.removeprefix(PREFIX)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        logger.error("The secret of webhook sender %s is not base64 after %s", sender.slug, PREFIX)
        return None


def is_signed(key: bytes, *, message_id: str, timestamp: str, signatures: str, body: bytes, now: datetime) -> bool:
    """Whether one of the space-separated `v1,<base64>` is the HMAC-SHA256 of `id.timestamp.body` by this key.

    The time stamp (unix seconds) must be within WEBHOOK_TOLERANCE_SECONDS of `now`, before or after it.
    """
    if not message_id or not _TIMESTAMP.fullmatch(timestamp):
        return False
    signed = f"{message_id}.{timestamp}.".encode("latin-1", "replace") + body  # headers are latin-1
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    fits = False
    for signature in signatures.split(" "):
        version, _, value = signature.partition(",")
        same = hmac.compare_digest(expected, value.encode("latin-1", "replace"))
        fits |= version == "v1" and same
    age = abs(now.timestamp() - int(timestamp))
    return fits and age <= timedelta(seconds=settings.WEBHOOK_TOLERANCE_SECONDS).total_seconds()


def _key_in(header: str) -> str:
    """The key in an Authorization header; empty where there is none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            _, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:  # not base64, not UTF-8
            return ""
        return password
    return ""
