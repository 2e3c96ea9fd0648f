"""Who follows the public page (F7): nothing is kept of anybody who has not confirmed that the address is his."""

from collections.abc import Collection, Sequence

from django.db import transaction

from customers import clock
from customers.choices import Language, TransportKind
from customers.models import ContactPoint, Service, Subscriber


@transaction.atomic
def confirm(*, kind: TransportKind, address: str, service_keys: Collection[str], secret: str = "") -> ContactPoint:
    """The address is his, and he wants to hear of these public services (none named: of all).

    The same again changes his choice. A webhook that is subscribed already keeps the secret that it was given first.
    """
    known, _ = Subscriber.objects.get_or_create(
        kind=kind,
        address__iexact=address,
        defaults={"address": address, "language": Language.ENGLISH, "asked_at": clock.now()},
    )
    subscriber = Subscriber.objects.select_for_update().get(pk=known.pk)
    was_confirmed = subscriber.confirmed_at is not None
    subscriber.confirmed_at = subscriber.confirmed_at or clock.now()
    subscriber.save(update_fields=["confirmed_at"])
    subscriber.services.set(Service.objects.filter(is_public=True, public_key__in=list(service_keys)))
    point, _ = ContactPoint.objects.get_or_create(
        subscriber=subscriber, defaults={"kind": kind, "address": subscriber.address, "secret": secret}
    )
    point.unsubscribed_at = point.suppressed_at = None  # he has just shown that he is reached
    point.suppressed_reason = ""
    if not was_confirmed:
        point.secret = secret
    point.save(update_fields=["unsubscribed_at", "suppressed_at", "suppressed_reason", "secret"])
    return point


@transaction.atomic
def choose(*, contact_point_id: int, service_keys: Collection[str]) -> bool:
    """Another choice of services; False if he does not follow the page (any more)."""
    subscriber = Subscriber.objects.filter(point=contact_point_id, confirmed_at__isnull=False).first()
    if subscriber is None:
        return False
    subscriber.services.set(Service.objects.filter(is_public=True, public_key__in=list(service_keys)))
    return True


def withdraw(contact_point_ids: Sequence[int]) -> int:
    """His consent is taken back: he has to ask and confirm again. Returns how many followed until now."""
    following = Subscriber.objects.filter(point__in=list(contact_point_ids), confirmed_at__isnull=False)
    return following.update(confirmed_at=None)


def is_following(*, kind: TransportKind, address: str) -> bool:
    return Subscriber.objects.filter(kind=kind, address__iexact=address, confirmed_at__isnull=False).exists()
