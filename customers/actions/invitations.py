"""Inviting contacts to make themselves a login: an action of its own, never part of an import (A7b)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from customers import clock
from customers.actions import logins
from customers.models import Company, Contact, Invitation, User

SALT = "customers.invitation"
WAVE = 200  # invitations at once: one transaction, one connection to the relay, while somebody waits for the page


class NotInvited(ValueError):
    """Nothing was written and nothing was sent; the words say why."""


class LinkVoid(Exception):
    """The link is forged, too old, used, revoked, or went to an address that the contact no longer has."""


@dataclass
class Wave:
    """What inviting several contacts led to."""

    invited: list[Invitation] = field(default_factory=list)
    unsent: list[Invitation] = field(default_factory=list)
    """The relay did not take the mail; the invitation was revoked, so it can simply be made again."""
    skipped: list[Contact] = field(default_factory=list)
    """They have a login already."""


def invite(*, contact_id: int, by: User) -> Invitation:
    """Mail one contact a link to make himself a login; an earlier link stops working.

    Raises:
        NotInvited: he has a login, or no mail server took the mail.
    """
    wave = invite_all(contact_ids=[contact_id], by=by)
    if wave.skipped:
        raise NotInvited("This contact has a login already.")
    if wave.unsent:
        raise NotInvited("The mail server did not take the invitation, so there is none. Try again in a minute.")
    return wave.invited[0]


def invite_all(*, contact_ids: Sequence[int], by: User) -> Wave:
    """Invite those who have no login; a person with several accounts gets one mail that names them all (E6).

    Raises:
        NotInvited: more than WAVE contacts.
    """
    if len(contact_ids) > WAVE:
        raise NotInvited(f"Choose at most {WAVE} contacts at a time.")
    with transaction.atomic():
        contacts = Contact.objects.select_for_update(of=["self"]).filter(pk__in=contact_ids).select_related("account")
        every = list(contacts.order_by("pk"))
        wave = Wave(skipped=[contact for contact in every if contact.user_id is not None])
        chosen = [contact for contact in every if contact.user_id is None]
        now = clock.now()
        Invitation.objects.filter(contact__in=chosen, accepted_at=None, revoked_at=None).update(revoked_at=now)
        made = Invitation.objects.bulk_create(
            Invitation(contact=contact, email=contact.email, invited_by=by, invited_at=now) for contact in chosen
        )
    _mail(made, wave)
    return wave


def revoke(*, contact_id: int) -> bool:
    """The open link of a contact stops working; whether there was one."""
    open_ones = Invitation.objects.filter(contact=contact_id, accepted_at=None, revoked_at=None)
    return open_ones.update(revoked_at=clock.now()) > 0


def opened(token: str, *, lock: bool = False) -> list[Invitation]:
    """The invitations of a link that still counts, of one mailbox.

    Raises:
        LinkVoid: it does not.
    """
    try:
        numbers = [int(number) for number in signing.Signer(salt=SALT).unsign(token).split("-")]
    except (signing.BadSignature, ValueError) as error:
        raise LinkVoid from error
    rows = Invitation.objects.filter(pk__in=numbers, accepted_at=None, revoked_at=None, contact__user=None)
    rows = rows.filter(invited_at__gt=clock.now() - timedelta(days=settings.INVITATION_DAYS))
    if lock:
        rows = rows.select_for_update(of=["self", "contact"])
    found = [row for row in rows.select_related("contact__account").order_by("pk") if _still_his(row)]
    if not found:
        raise LinkVoid
    return found


def login_of(invitations: Sequence[Invitation]) -> User | None:
    """The login that has the invited address already: only whoever signs in to it may accept."""
    return User.objects.filter(email__iexact=invitations[0].email).first()


@transaction.atomic
def accept_with_new_login(token: str, *, name: str, password: str) -> User:
    """Make the login that the link invites to.

    Raises:
        LinkVoid: it no longer counts, or somebody has a login with this address meanwhile.
    """
    found = opened(token, lock=True)
    if login_of(found) is not None:
        raise LinkVoid
    email = found[0].email
    user = logins.make_login(email=email, name=name, contact=found[0].contact, password=password)
    _accept(found, user)
    return user


@transaction.atomic
def accept_with(token: str, *, user: User) -> list[Invitation]:
    """The user, who is signed in, is from now on the invited contact, too.

    Raises:
        LinkVoid: it no longer counts, or the address is another login's.
    """
    found = opened(token, lock=True)
    if login_of(found) not in (None, user) or user.is_staff:
        raise LinkVoid
    _accept(found, user)
    return found


def _accept(invitations: Sequence[Invitation], user: User) -> None:
    Invitation.objects.filter(pk__in=[row.pk for row in invitations]).update(accepted_at=clock.now())
    logins.join(user, [row.contact for row in invitations])


def _still_his(invitation: Invitation) -> bool:
    return invitation.email.lower() == invitation.contact.email.lower()


def _mail(made: Iterable[Invitation], wave: Wave) -> None:
    """One mail a mailbox, over one connection; what is not taken is revoked."""
    mailboxes: dict[str, list[Invitation]] = {}
    for invitation in made:
        mailboxes.setdefault(invitation.email.lower(), []).append(invitation)
    company, connection = Company.current(), get_connection()
    try:
        for rows in mailboxes.values():
            sent = _sent(_letter(company, rows), connection)
            (wave.invited if sent else wave.unsent).extend(rows)
    finally:
        connection.close()
        unsent = Invitation.objects.filter(pk__in=[row.pk for row in wave.unsent])
        unsent.update(revoked_at=clock.now())


def _sent(letter: EmailMessage, connection: BaseEmailBackend) -> bool:
    letter.connection = connection
    try:
        return letter.send() == 1
    except OSError:  # SMTPException is one
        return False


def _letter(company: Company, rows: Sequence[Invitation]) -> EmailMessage:
    contact = rows[0].contact
    token = signing.Signer(salt=SALT).sign("-".join(str(row.pk) for row in rows))
    with translation.override(contact.language or contact.account.language):
        words = {
            "company": company,
            "contact": contact,
            "accounts": sorted({row.contact.account.name for row in rows}),
            "url": f"{settings.SITE_URL}{reverse('invitation', args=[token])}",
            "days": settings.INVITATION_DAYS,
        }
        subject = render_to_string("account/email/invitation_subject.txt", words).strip()
        body = render_to_string("account/email/invitation_message.txt", words)
    sender = f'"{company.sender_name}" <{company.sender_address}>'
    return EmailMessage(subject, body, sender, [rows[0].email])
