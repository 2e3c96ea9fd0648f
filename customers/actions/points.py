"""Addresses of a contact on other channels than the mail he came with."""

import base64
import re
import secrets
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from customers import clock
from customers.choices import TransportKind
from customers.models import Contact, ContactPoint

SECRET_BYTES = 32  # the Standard Webhooks specification asks for 24 to 64
POSTED = {TransportKind.WEBHOOK, TransportKind.SLACK, TransportKind.TEAMS}
MOST = 20  # of one contact
REMOVED = "removed by the contact"  # why it is suppressed; the row stays, because the ledger names it
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_FILLING = re.compile(r"[\s()./-]")
_URL = re.compile(r"[\x21-\x7e]{1,500}")


class AddressRefused(ValueError):
    """Nothing was written; the words say what an address of this kind looks like."""


class LastAddress(Exception):
    """Nothing was written: without this address nothing could be mailed to the contact any more."""


@transaction.atomic
def add_point(*, contact_id: int, kind: TransportKind, address: str) -> ContactPoint:
    """A new way to reach a contact, used from the next message on; a webhook is given its secret.

    One that he had removed is used again.

    Raises:
        AddressRefused: it is no address of its kind, the contact has it already, or he has too many.
    """
    address = checked(kind, address)
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    secret = new_secret() if kind == TransportKind.WEBHOOK else ""
    known = contact.points.filter(kind=kind, address=address).first()
    if known is not None and known.suppressed_reason != REMOVED:
        raise AddressRefused(_("This contact has this address already."))
    if contact.points.exclude(suppressed_reason=REMOVED).count() >= MOST:
        raise AddressRefused(_("There are %(most)d addresses already. Remove one first.") % {"most": MOST})
    if known is not None:
        known.suppressed_at, known.suppressed_reason, known.unsubscribed_at = None, "", None
        known.secret = secret
        known.save(update_fields=["suppressed_at", "suppressed_reason", "unsubscribed_at", "secret"])
        return known
    return ContactPoint.objects.create(contact=contact, kind=kind, address=address, secret=secret)


@transaction.atomic
def remove_point(*, contact_id: int, point_id: int) -> ContactPoint:
    """Nothing goes to this address of the contact any more, whatever it is about.

    Raises:
        LastAddress: it is his only e-mail address. ContactPoint.DoesNotExist: it is not his.
    """
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    point = contact.points.exclude(suppressed_reason=REMOVED).get(pk=point_id)
    mails = contact.points.reachable().filter(kind=TransportKind.EMAIL)
    if point.kind == TransportKind.EMAIL and not mails.exclude(pk=point.pk).exists():
        raise LastAddress
    point.suppressed_at, point.suppressed_reason = clock.now(), REMOVED
    point.save(update_fields=["suppressed_at", "suppressed_reason"])
    return point


@transaction.atomic
def subscribe_point(*, contact_id: int, point_id: int, wanted: bool) -> ContactPoint:
    """Messages about incidents go to this address of the contact again, or no more.

    Raises:
        ContactPoint.DoesNotExist: it is not his.
    """
    points = ContactPoint.objects.select_for_update().exclude(suppressed_reason=REMOVED)
    point = points.get(pk=point_id, contact=contact_id)
    point.unsubscribed_at = None if wanted else point.unsubscribed_at or clock.now()
    point.save(update_fields=["unsubscribed_at"])
    return point


def checked(kind: TransportKind, address: str) -> str:
    """The address as it is kept. Raises AddressRefused."""
    address = address.strip()
    if kind in POSTED:
        return _checked_url(address)
    if kind == TransportKind.SMS:
        number = _FILLING.sub("", address)
        if not _E164.fullmatch(number):
            raise AddressRefused(_("Write the number with + and the country, like +49 151 12345678 (E.164)."))
        return number
    try:
        validate_email(address)
    except ValidationError as error:
        raise AddressRefused(_("This is no e-mail address.")) from error
    return address


def _checked_url(address: str) -> str:
    words = _("Write a whole https address, like https://hooks.example.com/status, without a name or password in it.")
    try:
        parts = urlsplit(address)
        usable = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError as error:
        raise AddressRefused(words) from error
    if not usable or "@" in parts.netloc or parts.fragment or not _URL.fullmatch(address):
        raise AddressRefused(words)
    return address


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64, as the Standard Webhooks specification has it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
