"""Following the public page (F7): the mail that asks whether it was he, and the post that asks a webhook."""

import base64
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from comms.actions.deliveries.pipes import http_settings
from comms.rendering.mail import manage_link
from comms.rendering.marks import clean_line
from comms.transports.base import Accepted
from comms.transports.http.addresses import refusal_of
from comms.transports.webhook import PREFIX, WebhookPost, WebhookTransport
from customers import clock
from customers.actions import subscribers
from customers.choices import TransportKind
from customers.models import Company, ContactPoint, Subscriber

SALT = "comms.subscribing"
VALID_SECONDS = 48 * 3600


class LinkVoid(ValueError):
    """Forged, cut off, or older than 48 hours."""


class NotReached(ValueError):
    """Why an address is not subscribed: what its server said, in words."""


def token_of(kind: TransportKind, address: str, service_keys: Sequence[str]) -> str:
    """What somebody asked for, signed: nothing is stored of an address before it is confirmed."""
    wish = {"kind": kind.value, "address": address, "services": list(service_keys), "nonce": uuid4().hex[:12]}
    return signing.dumps(wish, salt=SALT, compress=True)


def opened(token: str) -> dict[str, Any]:
    """Raises LinkVoid."""
    try:
        wish: dict[str, Any] = signing.loads(token, salt=SALT, max_age=VALID_SECONDS)
    except signing.BadSignature as error:
        raise LinkVoid from error
    return wish


def ask_by_mail(address: str, service_keys: Sequence[str]) -> None:
    """Ask whoever reads this mailbox; who follows the page already gets the way to his choice instead."""
    company = Company.current()
    name = clean_line(company.name) or _("our services")
    known = ContactPoint.objects.filter(
        subscriber__in=Subscriber.objects.filter(
            kind=TransportKind.EMAIL, address__iexact=address, confirmed_at__isnull=False
        )
    ).first()
    if known is not None:
        subject = _("You follow the status of %(company)s already") % {"company": name}
        words = _("Somebody asked for status mails to this address; it gets them already.\n\nChange it here: %(link)s")
        link = manage_link(known.pk)
    else:
        subject = _("Please confirm: status mails of %(company)s") % {"company": name}
        words = _(
            "Somebody, probably you, asked for mails about incidents of %(company)s to this address.\n\n"
            "If it was you, open this page and press the button. It works for 48 hours:\n%(link)s\n\n"
            "If it was not you, do nothing: no further mail comes, and this address is not kept."
        )
        link = f"{settings.SITE_URL}/status/confirm/{token_of(TransportKind.EMAIL, address, service_keys)}/"
    sender = f'"{clean_line(company.sender_name)}" <{company.sender_address}>'.replace('""', "").strip()
    headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    EmailMessage(subject, words % {"company": name, "link": link}, sender, [address], headers=headers).send()


def refused_url(url: str) -> str:
    """Why nothing can be posted to this address; empty if nothing is wrong so far."""
    if not url.startswith("https://") and not settings.HTTP_ALLOWED_TARGETS:
        return _("Only addresses that begin with https:// are posted to.")
    return refusal_of(url, http_settings()) or ""


def secret_of(token: str) -> str:
    """The signing secret of a webhook that is being subscribed: made from its token, so that no address holds it."""
    key = salted_hmac(f"{SALT}.secret", opened(token)["nonce"] + token, algorithm="sha256").digest()
    return PREFIX + base64.b64encode(key).decode()


def confirm(token: str) -> ContactPoint:
    """A mailbox whose owner pressed the button, or a webhook that answers a test post: it follows from now on.

    Raises:
        LinkVoid: see there. NotReached: the webhook did not answer 2xx; nothing is kept of it.
    """
    wish = opened(token)
    kind, secret = TransportKind(wish["kind"]), ""
    if kind is TransportKind.WEBHOOK:
        secret = secret_of(token)
        _try_out(wish["address"], secret)
    return subscribers.confirm(kind=kind, address=wish["address"], service_keys=wish["services"], secret=secret)


def _try_out(url: str, secret: str) -> None:
    post = WebhookPost(
        delivery_id=0,
        attempt=1,
        url=url,
        secrets=[secret],
        message_id=f"msg_test_{uuid4().hex}",
        event="subscription.test",
        occurred_at=clock.now(),
        data=json.dumps({"url": f"{settings.SITE_URL}/status/"}).encode(),
    )
    for outcome in WebhookTransport(http_settings()).send([post], before_data=lambda _items: None):
        if not isinstance(outcome, Accepted):
            raise NotReached(getattr(outcome, "reply", "") or getattr(outcome, "reason", "") or _("no answer"))
