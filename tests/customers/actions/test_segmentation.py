"""From signals to the stored track, and why (B1-B6)."""

from datetime import timedelta

import pytest

from customers import clock
from customers.actions import segmentation
from customers.actions.accounts import set_account_track
from customers.choices import SignalOrigin, Track, TrackSource
from customers.models import Account, Contact, Signal, TrackDecision
from tests.factories import make_account, make_contact

pytestmark = pytest.mark.django_db
TECHNICAL, BUSINESS = Track.TECHNICAL, Track.BUSINESS


def signal(account: Account, contact: Contact | None, track: Track, weight: float, **fields) -> Signal:
    return Signal.objects.create(
        account=account,
        contact=contact,
        origin=SignalOrigin.TICKET,
        rule=fields.pop("rule", "log_lines"),
        track=track,
        weight=weight,
        excerpt=fields.pop("excerpt", "ERROR at 10:01"),
        observed_at=fields.pop("observed_at", None) or clock.now(),
    )


def untagged(account: Account) -> Contact:
    contact = make_contact(account)
    contact.track_set = ""
    contact.save()
    return contact


def tags(*subjects: Account | Contact) -> list[str]:
    for subject in subjects:
        subject.refresh_from_db()
    return [subject.track_inferred for subject in subjects]


def test_retag_infers_the_writer_and_his_account_and_explains_both():
    account = make_account()
    writer, colleague = untagged(account), untagged(account)
    signal(account, writer, TECHNICAL, 3.0, excerpt="pg_dump: error")

    segmentation.retag(account.pk)

    assert tags(account, writer, colleague) == [TECHNICAL, TECHNICAL, ""]
    assert (writer.effective_source, colleague.effective_track, colleague.effective_source) == (
        TrackSource.CONTACT_INFERRED,
        TECHNICAL,
        TrackSource.ACCOUNT_INFERRED,
    )
    assert 0.5 <= account.track_confidence < 1
    decisions = TrackDecision.objects.order_by("pk").values_list("contact", "track", "source", "reason", "decided_by")
    why = "log_lines (technical, 3): “pg_dump: error”"
    assert list(decisions) == [
        (None, "technical", TrackSource.ACCOUNT_INFERRED, why, None),
        (writer.pk, "technical", TrackSource.CONTACT_INFERRED, why, None),
    ]


def test_retag_again_writes_no_second_decision():
    account = make_account()
    signal(account, untagged(account), TECHNICAL, 3.0)
    segmentation.retag(account.pk)
    before = list(TrackDecision.objects.values())
    segmentation.retag(account.pk)
    assert list(TrackDecision.objects.values()) == before


@pytest.mark.parametrize(
    "evidence", [[], [(TECHNICAL, 0.8)], [(TECHNICAL, 3.0), (BUSINESS, 3.0)]], ids=["none", "weak", "contradicting"]
)
def test_retag_unsure_means_business(evidence):
    account = make_account()
    contact = untagged(account)
    for n, (track, weight) in enumerate(evidence):
        signal(account, contact, track, weight, rule=f"rule {n}")
    segmentation.retag(account.pk)
    assert tags(account, contact) == ["", ""]
    assert (contact.effective_track, contact.effective_source) == (BUSINESS, TrackSource.DEFAULT)


def test_retag_lets_old_signals_fade_and_says_so():
    account = make_account()
    contact = untagged(account)
    one = signal(account, contact, TECHNICAL, 3.0)
    segmentation.retag(account.pk)
    Signal.objects.filter(pk=one.pk).update(observed_at=clock.now() - timedelta(days=720))
    segmentation.retag(account.pk)
    assert tags(account, contact) == ["", ""]
    assert list(TrackDecision.objects.filter(contact=contact).values_list("track", flat=True)) == ["", "technical"]


def test_retag_never_overrides_what_a_person_chose(support):
    account = make_account()
    locked, chosen = untagged(account), make_contact(account, BUSINESS)
    set_account_track(account_id=account.pk, track=BUSINESS, locked=True, reason="contract", actor=support)
    for contact in (locked, chosen):
        signal(account, contact, TECHNICAL, 3.0)
    segmentation.retag(account.pk)
    assert tags(account, locked, chosen) == [TECHNICAL, TECHNICAL, TECHNICAL]
    assert [(c.effective_track, c.effective_source) for c in (locked, chosen)] == [
        (BUSINESS, TrackSource.ACCOUNT_LOCKED),
        (BUSINESS, TrackSource.CONTACT_SET),
    ]


def test_retag_touches_no_other_account():
    account, other = make_account(), make_account()
    stranger = untagged(other)
    signal(account, untagged(account), TECHNICAL, 3.0)
    segmentation.retag(account.pk)
    assert tags(other, stranger) == ["", ""]


def queries_of_apply(django_assert_max_num_queries, contacts: int) -> int:
    account = make_account()
    for _ in range(contacts):
        make_contact(account)
    with django_assert_max_num_queries(5) as queries:
        segmentation.apply(account)
    return len(queries)


def test_apply_asks_no_more_for_50_contacts_than_for_one(django_assert_max_num_queries):
    assert {queries_of_apply(django_assert_max_num_queries, n) for n in (1, 3, 50)} == {2}  # read, write
