"""From signals to the stored track, and why (B1-B6)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction

from customers import clock
from customers.choices import Track, TrackSource
from customers.models import Account, Contact, Signal, TrackDecision
from customers.policies.segmentation import Evidence, Verdict, effective_track, verdict


@transaction.atomic
def retag(account_id: int) -> None:
    """Judge an account and its contacts anew from their signals, keep what changed with its reason, apply it."""
    account = Account.objects.select_for_update().get(pk=account_id)
    now = clock.now()
    signals = list(account.signals.all())
    _infer(account, account, None, signals, now)
    for contact in account.contacts.all():
        own = [signal for signal in signals if signal.contact_id == contact.pk]
        if own:
            _infer(account, contact, contact, own, now)
    apply(account)


def _infer(
    account: Account,
    subject: Account | Contact,
    contact: Contact | None,
    signals: Iterable[Signal],
    now: datetime,
) -> None:
    found = verdict([_evidence(signal) for signal in signals], now)
    before = subject.track_inferred
    subject.track_inferred, subject.track_confidence = found.track or "", found.confidence
    subject.save(update_fields=["track_inferred", "track_confidence"])
    if subject.track_inferred != before:
        TrackDecision.objects.create(
            account=account,
            contact=contact,
            track=found.track or "",
            source=TrackSource.ACCOUNT_INFERRED if contact is None else TrackSource.CONTACT_INFERRED,
            reason=_why(found),
            confidence=found.confidence,
            decided_at=now,
        )


def _why(found: Verdict) -> str:
    """The strongest evidence in words: rule, weight, excerpt (B4)."""
    strongest = [f"{e.rule} ({e.track.label}, {e.weight:g}): “{e.excerpt}”" for e in found.evidence[:3]]
    return "; ".join(strongest) or "no evidence"


def _evidence(signal: Signal) -> Evidence:
    return Evidence(signal.rule, Track(signal.track), signal.weight, signal.excerpt, signal.observed_at)


def apply(account: Account) -> None:
    """Write the effective track of the account's contacts: the first that exists, in the order of TrackSource."""
    contacts = list(account.contacts.all())
    for contact in contacts:
        contact.effective_track, contact.effective_source = effective_of(account, contact)
    Contact.objects.bulk_update(contacts, ["effective_track", "effective_source"])


def apply_many(account_ids: Collection[int]) -> None:
    """As `apply`, for any number of accounts in a bounded number of queries; writes only what differs."""
    differing: defaultdict[tuple[Track, TrackSource], list[int]] = defaultdict(list)
    for contact in Contact.objects.filter(account__in=account_ids).select_related("account"):
        effective = effective_of(contact.account, contact)
        if effective != (contact.effective_track, contact.effective_source):
            differing[effective].append(contact.pk)
    for (track, source), contacts in differing.items():  # at most one per track and source, however many
        Contact.objects.filter(pk__in=contacts).update(effective_track=track, effective_source=source)


def effective_of(account: Account, contact: Contact) -> tuple[Track, TrackSource]:
    account_set = _track(account.track_set)
    return effective_track(
        contact_set=_track(contact.track_set),
        account_locked=account_set if account.track_locked else None,
        contact_inferred=_track(contact.track_inferred),
        account_set=account_set,
        account_inferred=_track(account.track_inferred),
    )


def _track(value: str) -> Track | None:
    return Track(value) if value else None
