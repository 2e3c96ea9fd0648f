from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.actions.accounts import set_account_track
from customers.actions.signals import record_ticket
from customers.choices import Cohort, Track, TrackSource
from customers.models import Account, Contact, TrackDecision
from tests.customers.admin.support import client_of, said, text_of, url
from tests.factories import make_account, make_component, make_contact, make_user

pytestmark = pytest.mark.django_db
STACK_TRACE = "It fails: Traceback (most recent call last): ... nginx 502 upstream timeout"


def untagged_contact(account, **fields) -> Contact:
    contact = make_contact(account, **fields)
    Contact.objects.filter(pk=contact.pk).update(track_set="", effective_source=TrackSource.DEFAULT)
    contact.refresh_from_db()
    return contact


def tell(contact: Contact, body: str = STACK_TRACE, number: str = "1") -> None:
    record_ticket(
        source="desk",
        external_id=f"{contact.pk}-{number}",
        requester=contact.email,
        subject="Help",
        body=body,
        opened_at=timezone.now() - timedelta(days=1),
    )


def test_list_shows_track_source_confidence_evidence_and_contacts(support):
    account = make_account("Acme")
    tell(untagged_contact(account))
    make_contact(account, Track.TECHNICAL)
    make_contact(account, Track.BUSINESS)
    account.refresh_from_db()

    page = text_of(client_of(support).get(url("customers.account")))

    assert account.track_inferred == Track.TECHNICAL
    confidence = f"{account.track_confidence:.0%}".replace("%", " %")
    evidence = account.signals.count()
    assert f"Acme technical (2 of 3) inferred – technical {confidence} {evidence} 3" in page


def test_list_says_locked_unsure_and_untagged(support):
    locked, untagged = make_account("Locked Ltd"), make_account("Untagged Ltd")
    make_account("Doubtful Ltd", track_confidence=0.4)
    make_contact(untagged)
    set_account_track(account_id=locked.pk, track=Track.TECHNICAL, locked=True, reason="They asked", actor=support)

    page = text_of(client_of(support).get(url("customers.account")))

    assert "Locked Ltd no contacts locked by a person technical – – 0 0" in page
    assert "Untagged Ltd business (all 1) nothing known – – – 0 1" in page
    assert "Doubtful Ltd no contacts unsure – – 40 % 0 0" in page


@pytest.mark.parametrize("model", ["customers.account", "customers.contact"])
def test_list_needs_no_query_per_row(model, support, django_assert_num_queries):
    client = client_of(support)

    def row() -> None:
        account = make_account(owner=make_user())
        tell(untagged_contact(account))
        make_contact(account, Track.TECHNICAL)

    row()
    client.get(url(model))
    with CaptureQueriesContext(connection) as one:
        client.get(url(model))
    row()
    row()
    with django_assert_num_queries(len(one)):
        client.get(url(model))


@pytest.mark.parametrize("term", ["Findme", "A-find", "ann@findme.example", "shop.findme.example"])
def test_search_finds_by_name_id_contact_and_label(term, support):
    found = make_account("Findme GmbH", uses=(make_component(),), label="shop.findme.example")
    Account.objects.filter(pk=found.pk).update(external_id="A-find")
    make_contact(found, email="ann@findme.example")
    make_contact(found)  # a second row of the join must not show the account twice
    make_account("Other")

    response = client_of(support).get(url("customers.account"), {"q": term})

    assert [account.name for account in response.context["cl"].result_list] == ["Findme GmbH"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"tag": "set"}, ["Set"]),
        ({"tag": "inferred"}, ["Inferred"]),
        ({"tag": "untagged"}, ["Nothing"]),
        ({"track_set__exact": "technical"}, ["Set"]),
        ({"track_inferred__exact": "business"}, ["Inferred"]),
        ({"cohort__exact": "enterprise"}, ["Nothing"]),
    ],
)
def test_filters(query, names, support):
    make_account("Set", track_set=Track.TECHNICAL)
    make_account("Inferred", track_inferred=Track.BUSINESS)
    make_account("Nothing", cohort=Cohort.ENTERPRISE)

    response = client_of(support).get(url("customers.account"), query)

    assert [account.name for account in response.context["cl"].result_list] == names


def test_page_explains_the_track(support):
    account = make_account("Acme", uses=(make_component("db-1"),), label="shop.acme.example")
    contact = untagged_contact(account, name="Ann")
    tell(contact)
    set_account_track(account_id=account.pk, track=Track.BUSINESS, locked=True, reason="Bob rang", actor=support)

    page = text_of(client_of(support).get(url("customers.account", "change", account.pk)))

    assert "quotes a stack trace or a program&#x27;s error (stack_trace): “" in page
    assert "Traceback (most recent call last)" in page
    assert "3, now 3.0" in page
    assert "business the account Sam Support locked for the account by a person: Bob rang" in page
    assert "technical the account the rules inferred from the account&#x27;s tickets and answers: " in page
    assert f"Ann {contact.email} business business locked for the account by a person: “Bob rang”" in page
    assert "shop.acme.example" in page


def test_page_needs_no_query_per_row(support, django_assert_num_queries):
    account = make_account(uses=(make_component(),))
    address = url("customers.account", "change", account.pk)
    client = client_of(support)
    tell(untagged_contact(account))
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)

    for _ in range(2):
        tell(untagged_contact(account))
        make_contact(account)
    with django_assert_num_queries(len(one)):
        client.get(address)


def test_set_track_keeps_reason_and_history_and_says_when_it_counts(support):
    account = make_account("Acme")
    contact = untagged_contact(account)
    address = url("customers.account", "set_track", account.pk)
    client = client_of(support)
    assert address.encode() in client.get(url("customers.account", "change", account.pk)).content

    response = client.post(address, {"track": "technical", "locked": "on", "reason": "They run it"}, follow=True)

    assert said(response) == ["Track set to technical for Acme. It counts from the next message on."]
    account.refresh_from_db()
    contact.refresh_from_db()
    assert (account.track_set, account.track_locked, account.track_reason) == ("technical", True, "They run it")
    assert (contact.effective_track, contact.effective_source) == ("technical", "account_locked")
    decision = TrackDecision.objects.get()
    assert (decision.decided_by, decision.reason) == (support, "They run it")


@pytest.mark.parametrize(
    "fields",
    [
        {"track": "technical", "reason": "  "},
        {"track": "", "reason": "because"},
        {"track": "purple", "reason": "because"},
        {"track": "none", "locked": "on", "reason": "because"},
    ],
)
def test_set_track_refuses_and_writes_nothing(fields, support):
    account = make_account()

    response = client_of(support).post(url("customers.account", "set_track", account.pk), fields)

    assert response.status_code == 200
    assert "Nothing was changed." in text_of(response)
    assert not TrackDecision.objects.exists()


def test_set_track_by_get_writes_nothing(support):
    account = make_account()

    client_of(support).get(
        url("customers.account", "set_track", account.pk), {"track": "technical", "reason": "because"}
    )

    account.refresh_from_db()
    assert account.track_set == ""


def test_no_choice_gives_the_track_back_to_what_is_inferred(support):
    account = make_account(track_inferred=Track.BUSINESS, track_set=Track.TECHNICAL, track_locked=True)
    contact = untagged_contact(account)

    client_of(support).post(
        url("customers.account", "set_track", account.pk), {"track": "none", "reason": "Was a mistake"}
    )

    contact.refresh_from_db()
    assert (contact.effective_track, contact.effective_source) == ("business", "account_inferred")


def test_bulk_asks_first_and_then_sets_all_with_one_reason(support):
    first, second, other = make_account("First"), make_account("Second"), make_account("Other")
    chosen = {"action": "set_track_of_chosen", "_selected_action": [first.pk, second.pk]}
    client = client_of(support)

    asked = client.post(url("customers.account"), chosen)
    assert "2 accounts chosen" in text_of(asked)
    assert not TrackDecision.objects.exists()

    done = client.post(url("customers.account"), {**chosen, "track": "business", "reason": "Retailers"}, follow=True)

    assert said(done) == ["Track set to business for 2 accounts. It counts from the next message on."]
    assert list(Account.objects.order_by("pk").values_list("track_set", "track_reason")) == [
        ("business", "Retailers"),
        ("business", "Retailers"),
        ("", ""),
    ]
    assert not TrackDecision.objects.filter(account=other).exists()


def test_bulk_across_pages_takes_all_that_were_filtered(support):
    make_account("Big", cohort=Cohort.ENTERPRISE)
    make_account("Small")

    asked = client_of(support).post(
        url("customers.account") + "?cohort__exact=enterprise",
        {"action": "set_track_of_chosen", "select_across": "1", "_selected_action": [Account.objects.first().pk]},
    )

    assert "1 account chosen" in text_of(asked)


def test_bulk_without_reason_changes_nothing(support):
    account = make_account()
    fields = {"action": "set_track_of_chosen", "_selected_action": [account.pk]}

    response = client_of(support).post(url("customers.account"), {**fields, "track": "business", "reason": ""})

    assert "Nothing was changed." in text_of(response)
    assert not TrackDecision.objects.exists()


def test_set_track_needs_its_permission(csm):
    account = make_account()
    address = url("customers.account", "set_track", account.pk)
    fields = {"track": "technical", "reason": "because"}
    client = client_of(csm)

    assert b"set-track" not in client.get(url("customers.account", "change", account.pk)).content
    assert client.get(address).status_code == 403
    assert client.post(address, fields).status_code == 403
    client.post(
        url("customers.account"),
        {**fields, "action": "set_track_of_chosen", "_selected_action": [account.pk]},
    )
    assert not TrackDecision.objects.exists()


def test_superuser_edits_the_account_but_no_track_field(db):
    account = make_account("Acme", track_set=Track.BUSINESS)
    tell(untagged_contact(account))
    client = client_of(make_user(is_superuser=True))
    address = url("customers.account", "change", account.pk)
    page = client.get(address)
    fields = dict(page.context["adminform"].form.initial)
    for formset in page.context["inline_admin_formsets"]:
        fields |= {f"{formset.formset.prefix}-{k}": v for k, v in formset.formset.management_form.initial.items()}
        for form in formset.formset.initial_forms:
            fields[f"{form.prefix}-id"] = form.instance.pk
            fields[f"{form.prefix}-account"] = account.pk
    sent = {k: v for k, v in fields.items() if v is not None and v is not False}

    bad = client.post(address, {**sent, "timezone": "Mars/Olympus"})
    assert "There is no time zone “Mars/Olympus”" in text_of(bad)
    client.post(address, {**sent, "name": "Acme Ltd", "track_set": "technical", "track_locked": "on"})

    account.refresh_from_db()
    assert (account.name, account.track_set, account.track_locked) == ("Acme Ltd", "business", False)


def test_support_changes_nothing_but_tracks(support):
    account = make_account("Acme")
    client = client_of(support)

    response = client.post(url("customers.account", "change", account.pk), {"name": "Other"})

    assert response.status_code == 403
    account.refresh_from_db()
    assert account.name == "Acme"
    assert client.get(url("customers.account", "add")).status_code == 403
    assert client.post(url("customers.account", "delete", account.pk), {"post": "yes"}).status_code == 403
