"""What a reader asked for about his own addresses."""

from collections.abc import Sequence

from customers import clock
from customers.models import ContactPoint


def unsubscribe(contact_point_ids: Sequence[int]) -> bool:
    """One click (RFC 8058): no more incident mail to these contact points of one mailbox; letters about money go on.

    True if it changed anything.
    """
    points = ContactPoint.objects.filter(pk__in=contact_point_ids, unsubscribed_at=None)
    return bool(points.update(unsubscribed_at=clock.now()))
