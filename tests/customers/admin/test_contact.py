import pytest

from customers.actions.accounts import set_account_track
from customers.choices import Track
from customers.models import Contact, TrackDecision
from tests.customers.admin.support import client_of, said, text_of, url
from tests.factories import make_account, make_contact

pytestmark = pytest.mark.django_db


def test_list_and_page_say_why(support):
    account = make_account("Acme")
    contact = make_contact(account, name="Ann")
    Contact.objects.filter(pk=contact.pk).update(track_set="", track_inferred=Track.TECHNICAL, track_confidence=0.82)
    set_account_track(account_id=account.pk, track=Track.BUSINESS, locked=True, reason="Bob rang", actor=support)
    client = client_of(support)

    words = "business locked for the account by a person: “Bob rang”"
    assert f"Ann Acme business {words} – technical 82 % 0" in text_of(client.get(url("customers.contact")))
    page = text_of(client.get(url("customers.contact", "change", contact.pk)))
    assert "Because: locked for the account by a person: “Bob rang”" in page
    assert contact.email in page


def test_set_track_of_one(support):
    contact = make_contact(make_account("Acme"), name="Ann")

    response = client_of(support).post(
        url("customers.contact", "set_track", contact.pk),
        {"track": "technical", "reason": "She runs the servers"},
        follow=True,
    )

    assert said(response) == ["Track set to technical for Ann (Acme). It counts from the next message on."]
    assert "technical Ann Sam Support set for this contact by a person: She runs the servers" in text_of(response)
    contact.refresh_from_db()
    assert (contact.effective_track, contact.effective_source) == ("technical", "contact_set")


def test_bulk(support):
    contacts = [make_contact(make_account()), make_contact(make_account())]
    fields = {
        "action": "set_track_of_chosen",
        "_selected_action": [contact.pk for contact in contacts],
        "track": "technical",
        "reason": "Developers",
    }

    response = client_of(support).post(url("customers.contact"), fields, follow=True)

    assert said(response) == ["Track set to technical for 2 contacts. It counts from the next message on."]
    assert set(Contact.objects.values_list("effective_track", "effective_source")) == {("technical", "contact_set")}
    assert TrackDecision.objects.count() == 2


def test_bulk_is_bounded_and_says_so(support, monkeypatch):
    monkeypatch.setattr("customers.admin.tracks.AT_MOST", 1)
    contacts = [make_contact(make_account()), make_contact(make_account())]

    response = client_of(support).post(
        url("customers.contact"),
        {
            "action": "set_track_of_chosen",
            "_selected_action": [contact.pk for contact in contacts],
            "track": "technical",
            "reason": "Developers",
        },
        follow=True,
    )

    assert said(response) == ["Nothing was changed: choose at most 1 at a time, for example with a filter."]
    assert not TrackDecision.objects.exists()
