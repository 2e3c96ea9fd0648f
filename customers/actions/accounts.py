"""What a person decides about an account or a contact."""

from django.db import transaction

from customers import clock
from customers.actions import segmentation
from customers.choices import Track, TrackSource
from customers.models import Account, Contact, TrackDecision, User


class ReasonMissing(ValueError):
    """A choice of track is kept with its reason."""


class TrackLocked(Exception):
    """Staff have fixed the track for all contacts of the account. Nothing was written."""


@transaction.atomic
def set_account_track(*, account_id: int, track: Track | None, locked: bool, reason: str, actor: User) -> Account:
    """Set, lock or clear (None) an account's track. It counts from the next message on.

    An inferred tag never overrides it.

    Raises:
        ReasonMissing: nothing was written.
    """
    reason = _reason(reason)
    account = Account.objects.select_for_update().get(pk=account_id)
    account.track_set, account.track_locked = track or "", locked and track is not None
    account.track_reason = reason
    account.save(update_fields=["track_set", "track_locked", "track_reason"])
    TrackDecision.objects.create(
        account=account,
        track=track or "",
        source=TrackSource.ACCOUNT_LOCKED if account.track_locked else TrackSource.ACCOUNT_SET,
        reason=reason,
        decided_by=actor,
        decided_at=clock.now(),
    )
    segmentation.apply(account)
    return account


@transaction.atomic
def set_contact_track(*, contact_id: int, track: Track | None, reason: str, actor: User) -> Contact:
    """Set or clear (None) one contact's track. It counts from the next message on.

    Raises:
        ReasonMissing: nothing was written.
    """
    reason = _reason(reason)
    account_id = Contact.objects.values_list("account_id", flat=True).get(pk=contact_id)
    Account.objects.select_for_update().get(pk=account_id)  # before its contacts, as everybody who tags does
    contact = Contact.objects.select_related("account").get(pk=contact_id)
    contact.track_set, contact.track_reason = track or "", reason
    contact.save(update_fields=["track_set", "track_reason"])
    TrackDecision.objects.create(
        account=contact.account,
        contact=contact,
        track=track or "",
        source=TrackSource.CONTACT_SET,
        reason=reason,
        decided_by=actor,
        decided_at=clock.now(),
    )
    segmentation.apply(contact.account)
    contact.refresh_from_db()
    return contact


@transaction.atomic
def choose_own_track(*, contact_id: int, track: Track, user: User) -> Contact:
    """The contact himself chooses which texts he reads (B7). The latest choice of a person counts.

    Raises:
        TrackLocked: nothing was written.
    """
    account = Account.objects.select_for_update(of=("self",)).get(contacts=contact_id)
    if account.track_locked:
        raise TrackLocked
    return set_contact_track(contact_id=contact_id, track=track, reason="Chosen in the portal.", actor=user)


def _reason(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing("Say why: the reason is kept in the history and shown to whoever asks.")
    return reason.strip()[:200]
