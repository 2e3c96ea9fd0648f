"""What a reader asked for about his own addresses."""

from customers import clock
from customers.models import ContactPoint


def unsubscribe(contact_point_id: int) -> bool:
    """One click (RFC 8058): no more incident mail to this address; letters about money go on. True if it changed."""
    points = ContactPoint.objects.filter(pk=contact_point_id, unsubscribed_at=None)
    return bool(points.update(unsubscribed_at=clock.now()))
