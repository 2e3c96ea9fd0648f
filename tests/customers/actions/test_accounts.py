"""A person's choice of track: kept with its reason, in the history, in force for the next message (B5, B6)."""

from functools import partial

import pytest

from customers.actions import segmentation
from customers.actions.accounts import (
    ReasonMissing,
    TrackLocked,
    choose_own_track,
    set_account_track,
    set_contact_track,
)
from customers.choices import Track, TrackSource
from customers.models import Account, Contact, TrackDecision
from tests.comms.support import overtake
from tests.factories import make_account, make_contact, make_user

TECHNICAL, BUSINESS = Track.TECHNICAL, Track.BUSINESS


def untagged(account: Account, **fields) -> Contact:
    contact = make_contact(account)
    Contact.objects.filter(pk=contact.pk).update(**{"track_set": "", **fields})
    segmentation.apply(account)
    contact.refresh_from_db()
    return contact


def effective(*contacts: Contact) -> list[tuple[str, str]]:
    for contact in contacts:
        contact.refresh_from_db()
    return [(contact.effective_track, contact.effective_source) for contact in contacts]


@pytest.mark.django_db
def test_set_account_track_counts_for_contacts_without_anything_nearer(support):
    account = make_account()
    plain, set_himself = untagged(account), make_contact(account, BUSINESS)
    inferred = untagged(account, track_inferred=BUSINESS, track_confidence=0.9)

    set_account_track(account_id=account.pk, track=TECHNICAL, locked=False, reason=" runs Kubernetes ", actor=support)

    assert effective(plain, set_himself, inferred) == [
        (TECHNICAL, TrackSource.ACCOUNT_SET),
        (BUSINESS, TrackSource.CONTACT_SET),
        (BUSINESS, TrackSource.CONTACT_INFERRED),
    ]
    account.refresh_from_db()
    assert (account.track_set, account.track_locked, account.track_reason) == (TECHNICAL, False, "runs Kubernetes")
    decision = TrackDecision.objects.get()
    assert (decision.account, decision.contact, decision.track, decision.source) == (
        account,
        None,
        TECHNICAL,
        TrackSource.ACCOUNT_SET,
    )
    assert (decision.reason, decision.decided_by) == ("runs Kubernetes", support)


@pytest.mark.django_db
def test_set_account_track_locked_beats_what_is_inferred_but_not_a_persons_choice_for_a_contact(support):
    account = make_account()
    inferred = untagged(account, track_inferred=BUSINESS, track_confidence=0.9)
    set_himself = make_contact(account, BUSINESS)
    set_account_track(account_id=account.pk, track=TECHNICAL, locked=True, reason="contract", actor=support)
    assert effective(inferred, set_himself) == [
        (TECHNICAL, TrackSource.ACCOUNT_LOCKED),
        (BUSINESS, TrackSource.CONTACT_SET),
    ]


@pytest.mark.django_db
def test_set_account_track_cleared_falls_back_to_business_and_unlocks(support):
    account = make_account()
    contact = untagged(account)
    set_account_track(account_id=account.pk, track=TECHNICAL, locked=True, reason="contract", actor=support)
    set_account_track(account_id=account.pk, track=None, locked=True, reason="contract ended", actor=support)
    assert effective(contact) == [(BUSINESS, TrackSource.DEFAULT)]
    account.refresh_from_db()
    assert (account.track_set, account.track_locked) == ("", False)
    assert list(TrackDecision.objects.values_list("track", "reason")) == [
        ("", "contract ended"),
        ("technical", "contract"),
    ]


@pytest.mark.django_db
def test_set_contact_track_is_his_alone_and_can_be_cleared(support):
    account = make_account()
    contact, colleague = untagged(account), untagged(account)
    set_contact_track(contact_id=contact.pk, track=TECHNICAL, reason="asked for logs", actor=support)
    assert effective(contact, colleague) == [(TECHNICAL, TrackSource.CONTACT_SET), (BUSINESS, TrackSource.DEFAULT)]
    decision = TrackDecision.objects.get()
    assert (decision.contact, decision.decided_by, decision.reason) == (contact, support, "asked for logs")

    set_contact_track(contact_id=contact.pk, track=None, reason="changed his mind", actor=support)
    assert effective(contact) == [(BUSINESS, TrackSource.DEFAULT)]


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_choice_without_a_reason_writes_nothing(support, reason):
    contact = untagged(make_account())
    with pytest.raises(ReasonMissing, match="Say why"):
        set_contact_track(contact_id=contact.pk, track=TECHNICAL, reason=reason, actor=support)
    with pytest.raises(ReasonMissing):
        set_account_track(account_id=contact.account_id, track=TECHNICAL, locked=True, reason=reason, actor=support)
    assert effective(contact) == [(BUSINESS, TrackSource.DEFAULT)]
    assert not TrackDecision.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_set_contact_track_is_not_undone_by_a_retag_at_the_same_moment():
    contact, actor = untagged(make_account()), make_user()

    overtake(
        partial(set_contact_track, contact_id=contact.pk, track=TECHNICAL, reason="asked", actor=actor),
        partial(segmentation.retag, contact.account_id),
    )

    assert effective(contact) == [(TECHNICAL, TrackSource.CONTACT_SET)]


@pytest.mark.django_db
def test_choose_own_track_goes_before_what_staff_set_for_him_unless_it_is_locked(support):
    account = make_account()
    contact = make_contact(account, login=True)
    set_contact_track(contact_id=contact.pk, track=BUSINESS, reason="asked by phone", actor=support)

    choose_own_track(contact_id=contact.pk, track=TECHNICAL, user=contact.user)
    chosen = effective(contact)
    set_contact_track(contact_id=contact.pk, track=BUSINESS, reason="asked again", actor=support)
    latest = effective(contact)
    set_account_track(account_id=account.pk, track=BUSINESS, locked=True, reason="contract", actor=support)
    with pytest.raises(TrackLocked):
        choose_own_track(contact_id=contact.pk, track=TECHNICAL, user=contact.user)

    assert chosen == [(TECHNICAL, TrackSource.CONTACT_SET)]
    assert latest == effective(contact) == [(BUSINESS, TrackSource.CONTACT_SET)]
    by = TrackDecision.objects.filter(contact=contact).order_by("pk").values_list("decided_by", flat=True)
    assert list(by) == [support.pk, contact.user_id, support.pk]
