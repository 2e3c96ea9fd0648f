"""What a reader asked for about his own addresses."""

from collections.abc import Sequence

from django.db import transaction

from customers import clock
from customers.actions import subscribers
from customers.models import ContactPoint


@transaction.atomic
def unsubscribe(contact_point_ids: Sequence[int]) -> bool:
    """One click (RFC 8058): no more incident mail to these contact points of one mailbox; letters about money go on.

    Those of a subscriber of the public page lose his consent with it. True if it changed anything.
    """
    points = ContactPoint.objects.filter(pk__in=contact_point_ids, unsubscribed_at=None)
    stopped = points.update(unsubscribed_at=clock.now())
    return bool(subscribers.withdraw(contact_point_ids) + stopped)
