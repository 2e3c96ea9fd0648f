"""What a contact wishes for himself: what he is sent, when, in which language and zone (F6)."""

from collections.abc import Collection
from datetime import time

from django.db import transaction

from customers import clock
from customers.choices import Severity, Wants
from customers.models import Contact, User


@transaction.atomic
def set_wishes(
    *,
    contact_id: int,
    services: Collection[int],
    severity_threshold: Severity,
    wants: Wants,
    quiet_from: time | None,
    quiet_until: time | None,
    quiet_always: bool,
) -> Contact:
    """Which incidents a contact is sent, which updates of them, and when; from the next message on.

    No service chosen means all. Quiet hours are in the contact's zone and have both ends or none.
    """
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    contact.severity_threshold, contact.wants = severity_threshold, wants
    contact.quiet_from, contact.quiet_until = quiet_from, quiet_until
    contact.quiet_always = quiet_always and quiet_from is not None
    contact.save(update_fields=["severity_threshold", "wants", "quiet_from", "quiet_until", "quiet_always"])
    contact.services.set(services)
    return contact


@transaction.atomic
def set_language_and_zone(*, user: User, language: str, timezone: str) -> None:
    """How a person reads, at every account where he is a contact: his mails and his pages say the same.

    An empty language or zone is the account's.
    """
    first = user.contacts.select_related("account").order_by("account__name", "pk").first()
    user.contacts.update(language=language, timezone=timezone)
    if first is not None:
        user.language, user.timezone = language or first.account.language, timezone or first.account.timezone
        user.save(update_fields=["language", "timezone"])


def revoke_links(*, contact_id: int) -> None:
    """Links in mails that went to the contact until now open nothing any more (E9)."""
    Contact.objects.filter(pk=contact_id).update(links_revoked_at=clock.now())
