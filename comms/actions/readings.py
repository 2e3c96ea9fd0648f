"""Who has seen which text in the portal, for the first time (I1b)."""

from collections.abc import Collection

from django.db import transaction

from comms.models import Reading
from customers import clock


def record(*, user_id: int, contact_ids: Collection[int], message_ids: Collection[int]) -> int:
    """Keep a first view per contact and message; returns how many of them were new. Again adds none."""
    seen = Reading.objects.filter(contact__in=contact_ids, message__in=message_ids)
    known = set(seen.values_list("contact_id", "message_id"))
    new = [(c, m) for c in contact_ids for m in message_ids if (c, m) not in known]
    if not new:
        return 0
    with transaction.atomic():
        now = clock.now()
        Reading.objects.bulk_create(
            [Reading(contact_id=c, message_id=m, user_id=user_id, at=now) for c, m in new], ignore_conflicts=True
        )
    return len(new)
