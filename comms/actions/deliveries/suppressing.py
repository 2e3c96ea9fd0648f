"""An address that takes no mail any more: nothing goes there until a person says so, and its owner is asked (E4)."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower

from comms.choices import FollowUpReason
from comms.models import FollowUp
from customers.choices import TransportKind
from customers.models import ContactPoint

WORDS = {FollowUpReason.BOUNCED: "bounced", FollowUpReason.COMPLAINED: "complained of as spam"}


@transaction.atomic
def suppress_mailbox(contact_point_id: int, reason: FollowUpReason, words: str, *, now: datetime) -> int:
    """Suppress every contact point of this one's mailbox and ask the owner of each account of it to see to it.

    An address that is suppressed already keeps its reason and date. Returns how many were suppressed by this.
    """
    points = _mailbox(contact_point_id)
    suppressed_reason = f"{WORDS[reason]}: {words}" if words else WORDS[reason]
    added = ContactPoint.objects.filter(pk__in=[point.pk for point in points], suppressed_at=None).update(
        suppressed_at=now, suppressed_reason=suppressed_reason[:200]
    )
    _ask(points, reason, words, now)
    return added


@transaction.atomic
def ask_about_mailbox(contact_point_id: int, reason: FollowUpReason, words: str, *, now: datetime) -> None:
    """Ask the owners, suppress nothing: this mail was refused, the next one may be taken."""
    _ask(_mailbox(contact_point_id), reason, words, now)


@transaction.atomic
def unsubscribe_mailbox(contact_point_id: int, *, now: datetime) -> int:
    """The reader said at the provider that he wants no more incident mail at this address."""
    points = [point.pk for point in _mailbox(contact_point_id)]
    return ContactPoint.objects.filter(pk__in=points, unsubscribed_at=None).update(unsubscribed_at=now)


def _mailbox(contact_point_id: int) -> list[ContactPoint]:
    """Every contact point with the address of this one, locked in one order; none where it was erased."""
    point = ContactPoint.objects.filter(pk=contact_point_id, kind=TransportKind.EMAIL).first()
    if point is None:
        return []
    same = ContactPoint.objects.alias(mailbox=Lower("address")).filter(
        kind=TransportKind.EMAIL, mailbox=point.address.lower()
    )
    return list(same.select_for_update(of=("self",)).select_related("contact").order_by("pk"))


def _ask(points: Sequence[ContactPoint], reason: FollowUpReason, words: str, now: datetime) -> None:
    """One open follow-up an account. What was seen to since the address was suppressed is not asked again."""
    if not points:
        return
    subject = points[0].address.lower()[:320]
    accounts = {point.contact.account_id for point in points if point.contact is not None}
    suppressed = min((point.suppressed_at for point in points if point.suppressed_at is not None), default=now)
    asked = FollowUp.objects.filter(
        Q(done_at=None) | Q(raised_at__gte=suppressed), account__in=accounts, reason=reason, subject=subject
    )
    accounts -= set(asked.values_list("account_id", flat=True))
    FollowUp.objects.bulk_create(
        [
            FollowUp(account_id=account, reason=reason, subject=subject, words=words[:300], raised_at=now)
            for account in sorted(accounts)
        ],
        ignore_conflicts=True,  # somebody asked in the same moment
    )
