"""Tickets and onboarding answers become signals (B1-B3)."""

from functools import partial

import pytest

from customers.actions.signals import record_onboarding, record_ticket
from customers.choices import SignalOrigin, Track
from customers.models import Signal, Ticket, TrackDecision
from tests.comms.support import race
from tests.factories import make_account, make_contact, utc

LOG = "2026-11-20 10:01:02 ERROR connection refused\nTraceback (most recent call last)\nwe ran kubectl get pods"


def ticket(requester: str = "jo@customer.example", **changes):
    values = {
        "source": "zendesk",
        "external_id": "4711",
        "requester": requester,
        "subject": "Database",
        "body": LOG,
        "opened_at": utc(2026, 11, 20, 10),
    }
    return record_ticket(**values | changes)


def untagged(email: str = "jo@customer.example"):
    contact = make_contact(make_account(), email=email)
    contact.track_set = ""
    contact.save()
    return contact


@pytest.mark.django_db
def test_record_ticket_keeps_it_reads_its_signals_and_tags_its_writer():
    contact = untagged("Jo@Customer.example")
    kept, new = ticket(" JO@customer.EXAMPLE ")

    assert (new, kept.contact, kept.account, kept.requester) == (True, contact, contact.account, "JO@customer.EXAMPLE")
    rules = set(Signal.objects.values_list("rule", flat=True))
    assert {"stack_trace", "log_lines", "command"} <= rules
    assert set(Signal.objects.values_list("contact", "ticket", "origin", "track")) == {
        (contact.pk, kept.pk, SignalOrigin.TICKET, Track.TECHNICAL)
    }
    contact.refresh_from_db()
    assert (contact.track_inferred, contact.effective_track) == ("technical", "technical")


@pytest.mark.django_db
def test_record_ticket_again_changes_nothing():
    untagged()
    first, _ = ticket()
    before = list(Signal.objects.order_by("pk").values())
    assert ticket(subject="other", body="How much does it cost? Please call me.") == (first, False)
    assert list(Signal.objects.order_by("pk").values()) == before
    assert Ticket.objects.count() == 1
    assert ticket(source="freshdesk")[1] is True


@pytest.mark.django_db
def test_record_ticket_of_an_unknown_writer_is_kept_and_tags_nobody():
    contact = untagged()
    kept, new = ticket("stranger@elsewhere.example")
    assert (new, kept.account, kept.contact) == (True, None, None)
    assert not Signal.objects.exists()
    contact.refresh_from_db()
    assert contact.track_inferred == ""


@pytest.mark.django_db
def test_record_ticket_survives_what_a_database_cannot_hold():
    untagged()
    kept, _ = ticket(subject="a\x00b" * 200, body=f"x\x00y\n{LOG}\x00")
    kept.refresh_from_db()
    assert (kept.subject, len(kept.subject), "\x00" in kept.body) == (("ab" * 200)[:300], 300, False)
    assert Signal.objects.filter(rule="stack_trace").exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_record_ticket_20_times_at_once_keeps_one():
    untagged()
    results = race(*[partial(ticket)] * 20)
    kept = Ticket.objects.get()
    assert sorted(results, key=lambda result: result[1]) == [(kept, False)] * 19 + [(kept, True)]
    assert Signal.objects.filter(rule="stack_trace").count() == 1
    assert TrackDecision.objects.filter(contact=None).count() == 1


@pytest.mark.django_db
def test_record_onboarding_tags_the_account_and_new_answers_replace_old_ones():
    account = make_account()
    answers = {"ssh_keys": True, "api_access": "yes", "question": "Which CPU cores, which kernel?"}
    for _ in range(2):
        record_onboarding(account=account, answers=answers)
    account.refresh_from_db()
    assert account.track_inferred == "technical"
    assert sorted(Signal.objects.values_list("rule", "contact")) == [
        ("api_access", None),
        ("specifications", None),
        ("ssh_keys", None),
    ]

    record_onboarding(account=account, answers={})

    account.refresh_from_db()
    assert account.track_inferred == ""
    assert not Signal.objects.exists()


@pytest.mark.django_db
def test_record_onboarding_leaves_signals_of_tickets_alone():
    contact = untagged()
    ticket()
    before = Signal.objects.count()
    record_onboarding(account=contact.account, answers={})
    assert Signal.objects.count() == before > 0
