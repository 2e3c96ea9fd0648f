"""Inviting from the admin: by the button of one contact, or in waves whose numbers are confirmed first (A7b)."""

import pytest
from django.core import mail
from django.test import Client

from customers.models import Contact, Invitation
from customers.policies.roles import CSM, SUPPORT
from tests.factories import make_account, make_contact, make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/customers/contact/"


@pytest.fixture
def client(csm) -> Client:
    client = Client()
    client.force_login(csm)
    return client


@pytest.fixture
def contact() -> Contact:
    return make_contact(make_account("Acme"), name="Pat")


def test_the_button_says_what_happens_and_a_look_at_it_mails_nobody(client, contact):
    assert f"{LIST}{contact.pk}/invite/" in client.get(f"{LIST}{contact.pk}/change/").content.decode()
    page = client.get(f"{LIST}{contact.pk}/invite/").content.decode()
    assert "1 contact is invited" in page
    assert contact.email in page
    assert (mail.outbox, Invitation.objects.count()) == ([], 0)


def test_one_contact_is_invited_again_and_not_any_more(client, contact):
    path = f"{LIST}{contact.pk}/invite/"
    first = client.post(path, follow=True).content.decode()
    assert "1 contact is invited." in first
    assert "1 has an invitation that waits; its link stops working." in client.get(path).content.decode()
    client.post(path, {"revoke": "1"})
    assert ([letter.to for letter in mail.outbox], Invitation.objects.get().revoked_at is None) == (
        [[contact.email]], False,
    )  # fmt: skip


def test_who_has_a_login_is_not_offered_one(client):
    known = make_contact(make_account(), login=True)
    page = client.get(f"{LIST}{known.pk}/invite/").content.decode()
    assert "each has a login already" in page
    assert "Send" not in page


def test_a_wave_is_counted_then_confirmed_then_sent(client):
    account = make_account("Acme")
    new = [make_contact(account) for _ in range(12)]
    same = make_contact(make_account(), email=new[0].email)
    known = make_contact(account, login=True)
    form = {"action": "invite_chosen", "_selected_action": [str(c.pk) for c in (*new, same, known)]}
    page = client.post(LIST, form).content.decode()
    assert ("13 contacts are invited" in page, "Send 12 invitations" in page, "and 3 more" in page) == (True,) * 3
    assert "1 more has a login already and is not written to." in page
    assert mail.outbox == []
    said = client.post(LIST, {**form, "confirmed": "yes"}, follow=True).content.decode()
    assert ("13 contacts are invited." in said, "1 has a login already and was not written to." in said) == (True, True)
    assert len(mail.outbox) == 12
    assert Invitation.objects.count() == 13


def test_more_than_a_wave_is_refused(client, monkeypatch):
    monkeypatch.setattr("customers.actions.invitations.WAVE", 1)
    chosen = [str(make_contact(make_account()).pk) for _ in range(2)]
    form = {"action": "invite_chosen", "_selected_action": chosen, "confirmed": "yes"}
    assert "choose at most 1 contacts" in client.post(LIST, form, follow=True).content.decode()
    assert mail.outbox == []


def test_setting_a_track_in_bulk_still_has_its_own_page(client, contact, support):
    client.force_login(support)
    form = {"action": "set_track_of_chosen", "_selected_action": [str(contact.pk)]}
    assert "Set track of 1 contact" in client.post(LIST, form).content.decode()


@pytest.mark.parametrize(("role", "code"), [(CSM, 200), (SUPPORT, 403)])
def test_only_who_may_invites(contact, role, code):
    client = Client()
    client.force_login(make_user(role))
    assert client.get(f"{LIST}{contact.pk}/invite/").status_code == code
    offered = "invite_chosen" in client.get(LIST).content.decode()
    assert offered is (code == 200)
