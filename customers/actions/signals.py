"""Tickets and onboarding answers become signals (B1)."""

from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from customers import clock
from customers.actions import segmentation
from customers.choices import SignalOrigin
from customers.models import Account, Contact, Signal, Ticket
from customers.policies.segmentation import Evidence, read_onboarding, read_ticket

SUBJECT_MAX = 300


def record_ticket(
    *, source: str, external_id: str, requester: str, subject: str, body: str, opened_at: datetime
) -> tuple[Ticket, bool]:
    """Keep a ticket, read its signals and judge its account anew; (ticket, whether it is new). Repeats are no-ops.

    The requester is matched to a contact by e-mail; an unmatched ticket is kept and waits for a person.
    """
    subject, body = subject.replace("\x00", ""), body.replace("\x00", "")  # no database text can hold it
    known = Ticket.objects.filter(source=source, external_id=external_id).first()
    if known is not None:
        return known, False
    contact = (
        Contact.objects.annotate(lowered=Lower("email"))
        .filter(lowered=requester.strip().lower())
        .select_related("account")
        .order_by("pk")
        .first()
    )
    try:
        with transaction.atomic():
            ticket = Ticket.objects.create(
                source=source,
                external_id=external_id,
                account=contact.account if contact else None,
                contact=contact,
                requester=requester.strip(),
                subject=subject[:SUBJECT_MAX],
                body=body,
                opened_at=opened_at,
            )
            if contact is not None:
                evidence = read_ticket(subject, body, opened_at)
                _keep(evidence, contact.account, contact, ticket, SignalOrigin.TICKET)
                segmentation.retag(contact.account_id)
    except IntegrityError:  # the same ticket arrived twice at once: the other one kept it
        return Ticket.objects.get(source=source, external_id=external_id), False
    return ticket, True


@transaction.atomic
def record_onboarding(*, account: Account, answers: Mapping[str, object]) -> None:
    """Keep what the onboarding answers say and judge the account anew; new answers replace the old ones."""
    Signal.objects.filter(account=account, origin=SignalOrigin.ONBOARDING).delete()
    _keep(read_onboarding(answers, clock.now()), account, None, None, SignalOrigin.ONBOARDING)
    segmentation.retag(account.pk)


def _keep(
    evidence: list[Evidence],
    account: Account,
    contact: Contact | None,
    ticket: Ticket | None,
    origin: SignalOrigin,
) -> None:
    Signal.objects.bulk_create(
        Signal(
            account=account,
            contact=contact,
            ticket=ticket,
            origin=origin,
            rule=item.rule,
            track=item.track,
            weight=item.weight,
            excerpt=item.excerpt,
            observed_at=item.observed_at,
        )
        for item in evidence
    )
