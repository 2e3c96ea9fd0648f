"""The link in a mail: one incident, one track, one account, 7 days, revocable; nothing else (E9)."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from comms.choices import Variant
from comms.models import Incident
from comms.rendering import links
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Track
from customers.models import Contact, User
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SAID = {Variant.TECHNICAL: Text(note="tech-only words"), Variant.BUSINESS: Text(note="plain words")}


@pytest.fixture
def contact() -> Contact:
    component = make_component("pg-7")
    return make_contact(make_account("Jensen & Co", uses=(component,), label="shop.example"), Track.BUSINESS)


@pytest.fixture
def incident(contact) -> Incident:
    incident = make_incident(contact.account.usages.get().component)
    publish(incident, texts=SAID)
    return incident


def address(
    incident: Incident, *contacts: Contact, variant: Variant = Variant.BUSINESS, age: timedelta = 0 * DAY
) -> str:
    points = [(contact.points.get().pk, contact.account_id) for contact in contacts]
    return f"/i/{links.token_of(incident.pk, Variant.BUSINESS, points, clock.now() - age)}/"


def test_it_shows_the_incident_on_the_track_of_the_mail_and_nothing_to_do(client, incident, contact):
    path = address(incident, contact)
    response = client.get(path)
    page = response.content.decode()
    assert response.status_code == 200
    assert "plain words" in page
    assert "shop.example" in page
    assert "Jensen &amp; Co" in page
    assert "tech-only" not in page
    assert "<form" not in page
    assert re.findall(r'hx-(get|post|put|patch|delete)="([^"]*)"', page) == [("get", path)]  # it renews itself
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies


def test_it_opens_nothing_else(client, incident, contact):
    client.get(address(incident, contact))
    for path in ("/", f"/incidents/{incident.pk}/", "/messages/", f"/incidents/{incident.pk}/mine/"):
        assert client.get(path).status_code == 302


def test_no_post_is_taken(client, incident, contact):
    assert client.post(address(incident, contact)).status_code == 405


def test_it_ends_after_seven_days(client, incident, contact):
    assert client.get(address(incident, contact, age=7 * DAY - timedelta(minutes=1))).status_code == 200
    assert client.get(address(incident, contact, age=7 * DAY + timedelta(minutes=1))).status_code == 404


def _revoke(contact: Contact) -> None:
    Contact.objects.filter(pk=contact.pk).update(links_revoked_at=clock.now())


def _tag_anew(contact: Contact) -> None:
    Contact.objects.filter(pk=contact.pk).update(effective_track=Track.TECHNICAL)


def _move(contact: Contact) -> None:
    component = contact.account.usages.get().component
    Contact.objects.filter(pk=contact.pk).update(account=make_account("Other Ltd", uses=(component,)))


def _block(contact: Contact) -> None:
    contact.user = User.objects.create_user("jo@customer.example", name="Jo", is_active=False)
    contact.save()


def _remove(contact: Contact) -> None:
    contact.delete()


@pytest.mark.parametrize("change", [_revoke, _tag_anew, _move, _block, _remove])
def test_it_is_void_once_the_reader_is_no_longer_who_he_was(client, incident, contact, change):
    link = address(incident, contact)
    assert client.get(link).status_code == 200
    change(contact)
    response = client.get(link)
    assert response.status_code == 404
    assert "no longer works" in response.content.decode()


def test_a_link_from_after_the_revocation_works(client, incident, contact):
    Contact.objects.filter(pk=contact.pk).update(links_revoked_at=clock.now() - DAY)
    assert client.get(address(incident, contact)).status_code == 200


def test_a_mail_for_two_accounts_names_both_and_one_of_them_may_leave(client, incident, contact):
    component = contact.account.usages.get().component
    second = make_contact(make_account("Beta", uses=(component,), label="beta.example"), email=contact.email)
    link = address(incident, contact, second)
    assert "beta.example" in client.get(link).content.decode()
    _revoke(second)
    page = client.get(link).content.decode()
    assert "shop.example" in page
    assert "beta.example" not in page


def test_it_does_not_open_an_incident_that_does_not_touch_the_account(client, contact):
    elsewhere = make_incident(make_component("mail-1"))
    publish(elsewhere, texts=SAID)
    assert client.get(address(elsewhere, contact)).status_code == 404


def test_forged_ones_are_like_those_that_never_were(incident, contact):
    true = address(incident, contact)
    other = make_incident(contact.account.usages.get().component)
    publish(other, texts=SAID)
    tokens = [
        true[:-3] + "xx/",
        true.replace(f"/i/{incident.pk}.", f"/i/{other.pk}."),
        true.replace(".b.", ".t."),
        f"/i/{incident.pk}/",
        "/i/~/",
    ]
    pages = {Client().get(token).content for token in tokens}
    assert [Client().get(token).status_code for token in tokens] == [404] * 5
    assert len(pages) == 1
