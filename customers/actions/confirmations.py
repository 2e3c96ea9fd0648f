"""A further e-mail address of a contact is used only after whoever reads its mail has said so (F6)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from customers import clock
from customers.actions import points
from customers.actions.points import AddressRefused
from customers.choices import TransportKind
from customers.models import Company, Contact, ContactPoint, User

SALT = "customers.confirm_address"
VALID_FOR = timedelta(days=3)


class NotMailed(Exception):
    """The mail server did not take the mail: nothing was written."""


class LinkVoid(Exception):
    """The link is forged, too old, used, or its contact is no longer who asked for it."""


@dataclass(frozen=True)
class Asked:
    """What a link is about."""

    contact: Contact
    address: str


def ask(*, contact: Contact, user: User, address: str) -> None:
    """Mail the address a link by which it is added to the contact; until then nothing is kept of it.

    Raises:
        AddressRefused: it is no address, or the contact has it already. NotMailed.
    """
    address = points.checked(TransportKind.EMAIL, address)
    known = contact.points.filter(kind=TransportKind.EMAIL, address=address)
    if known.exclude(suppressed_reason=points.REMOVED).exists():
        raise AddressRefused(translation.gettext("You have this address already."))
    asked = {"contact": contact.pk, "user": user.pk, "address": address, "at": clock.now().timestamp()}
    token = signing.dumps(asked, salt=SALT)
    try:
        taken = _letter(contact, address, token).send()
    except OSError as error:  # SMTPException is one
        raise NotMailed from error
    if not taken:
        raise NotMailed


def opened(token: str) -> Asked:
    """What the link is about, if it still counts.

    Raises:
        LinkVoid: it does not.
    """
    try:
        said = signing.loads(token, salt=SALT, max_age=VALID_FOR)
    except signing.BadSignature as error:
        raise LinkVoid from error
    contacts = Contact.objects.select_related("account")
    contact = contacts.filter(pk=said["contact"], user=said["user"], user__is_active=True).first()
    if contact is None:
        raise LinkVoid
    removed = contact.points.filter(address=said["address"], suppressed_reason=points.REMOVED)
    if removed.filter(suppressed_at__gt=datetime.fromtimestamp(said["at"], UTC)).exists():
        raise LinkVoid
    return Asked(contact, said["address"])


@transaction.atomic
def confirm(token: str) -> ContactPoint:
    """Add the address; a second time changes nothing.

    Raises:
        LinkVoid: see `opened`. AddressRefused: the contact has too many addresses.
    """
    asked = opened(token)
    known = asked.contact.points.filter(kind=TransportKind.EMAIL, address=asked.address)
    point = known.exclude(suppressed_reason=points.REMOVED).first()
    if point is not None:
        return point
    return points.add_point(contact_id=asked.contact.pk, kind=TransportKind.EMAIL, address=asked.address)


def _letter(contact: Contact, address: str, token: str) -> EmailMessage:
    company = Company.current()
    with translation.override(contact.language or contact.account.language):
        words = {
            "company": company,
            "contact": contact,
            "address": address,
            "url": f"{settings.SITE_URL}{reverse('preferences_confirm', args=[token])}",
            "days": VALID_FOR.days,
        }
        subject = " ".join(render_to_string("customer/email/confirm_address_subject.txt", words).split())
        body = render_to_string("customer/email/confirm_address.txt", words)
    return EmailMessage(subject, body, f'"{company.sender_name}" <{company.sender_address}>', [address])
