"""People who sign in."""

from allauth.account.models import EmailAddress
from django.db import transaction

from customers import clock
from customers.choices import TransportKind
from customers.models import ContactPoint, User

MOVED = "signs in with another address"


@transaction.atomic
def keep_address(user: User) -> None:
    """Staff are reached at the address that they sign in with, and no longer at an earlier one; again: no change.

    The earlier row stays: the ledger says who was told what, and where. Nobody signs in with an earlier address.
    """
    EmailAddress.objects.filter(user=user).exclude(email__iexact=user.email).delete()
    if not user.is_staff:
        return
    mail = user.points.filter(kind=TransportKind.EMAIL)
    mail.exclude(address=user.email).filter(suppressed_at=None).update(
        suppressed_at=clock.now(), suppressed_reason=MOVED
    )
    ContactPoint.objects.get_or_create(user=user, kind=TransportKind.EMAIL, address=user.email)
    mail.filter(address=user.email, suppressed_reason=MOVED).update(suppressed_at=None, suppressed_reason="")
