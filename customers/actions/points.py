"""Addresses of a contact on other channels than the mail he came with."""

import base64
import re
import secrets
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from customers.choices import TransportKind
from customers.models import Contact, ContactPoint

SECRET_BYTES = 32  # the Standard Webhooks specification asks for 24 to 64
POSTED = {TransportKind.WEBHOOK, TransportKind.SLACK, TransportKind.TEAMS}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_FILLING = re.compile(r"[\s()./-]")
_URL = re.compile(r"[\x21-\x7e]{1,500}")


class AddressRefused(ValueError):
    """Nothing was written; the words say what an address of this kind looks like."""


@transaction.atomic
def add_point(*, contact_id: int, kind: TransportKind, address: str) -> ContactPoint:
    """A new way to reach a contact, used from the next message on; a webhook is given its secret.

    Raises:
        AddressRefused: it is no address of its kind, or the contact has it already.
    """
    address = checked(kind, address)
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    if contact.points.filter(kind=kind, address=address).exists():
        raise AddressRefused("This contact has this address already.")
    secret = new_secret() if kind == TransportKind.WEBHOOK else ""
    return ContactPoint.objects.create(contact=contact, kind=kind, address=address, secret=secret)


def checked(kind: TransportKind, address: str) -> str:
    """The address as it is kept. Raises AddressRefused."""
    address = address.strip()
    if kind in POSTED:
        return _checked_url(address)
    if kind == TransportKind.SMS:
        number = _FILLING.sub("", address)
        if not _E164.fullmatch(number):
            raise AddressRefused("Write the number with + and the country, like +49 151 12345678 (E.164).")
        return number
    try:
        validate_email(address)
    except ValidationError as error:
        raise AddressRefused("This is no e-mail address.") from error
    return address


def _checked_url(address: str) -> str:
    words = "Write a whole https address, like https://hooks.example.com/status, without a name or password in it."
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
