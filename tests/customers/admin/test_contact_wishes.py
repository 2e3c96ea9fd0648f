"""What a contact wishes, and his addresses, as staff edit them."""

import re

import pytest

from customers import clock
from customers.models import Contact, ContactPoint, Service
from tests.customers.admin.support import client_of, said, text_of, url
from tests.factories import make_account, make_contact, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact() -> Contact:
    return make_contact(make_account("Acme"), name="Ann")


@pytest.fixture
def root():
    return make_user(name="Root", is_superuser=True)


def fields(contact: Contact, **changes) -> dict[str, object]:
    inlines = ("signals", "track_decisions", "points")
    management = {f"{name}-{what}_FORMS": 0 for name in inlines for what in ("TOTAL", "INITIAL")}
    return {
        "name": contact.name,
        "role": contact.role,
        "phone": "",
        "language": "",
        "timezone": "",
        "severity_threshold": "1",
        "wants": "all",
        "quiet_from": "",
        "quiet_until": "",
        **management,
        **changes,
    }


def test_a_superuser_edits_the_wishes(root, contact):
    service = Service.objects.create(external_id="S", name="Mail")
    response = client_of(root).post(
        url("customers.contact", "change", contact.pk),
        fields(
            contact, phone="+49 30 1", severity_threshold="3", wants="ends", services=[service.pk], quiet_from="22:00",
            quiet_until="06:00", quiet_always="on",
        ),
    )  # fmt: skip
    assert response.status_code == 302
    contact.refresh_from_db()
    assert (contact.phone, contact.severity_threshold, contact.wants, list(contact.services.all())) == (
        "+49 30 1",
        3,
        "ends",
        [service],
    )
    assert (str(contact.quiet_from), str(contact.quiet_until), contact.quiet_always) == ("22:00:00", "06:00:00", True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quiet_from": "22:00"}, "Quiet hours have both ends, or neither."),
        ({"quiet_until": "06:00"}, "Quiet hours have both ends, or neither."),
        ({"quiet_from": "06:00", "quiet_until": "06:00"}, "Quiet hours that end when they begin"),
        ({"quiet_always": "on"}, "There are no quiet hours that this could count for."),
        ({"timezone": "Nowhere/Land"}, "There is no time zone"),
    ],
)
def test_wishes_that_cannot_be_are_refused_in_words(root, contact, changes, words):
    response = client_of(root).post(url("customers.contact", "change", contact.pk), fields(contact, **changes))
    assert response.status_code == 200
    assert words in text_of(response)
    contact.refresh_from_db()
    assert (contact.quiet_from, contact.quiet_until, contact.quiet_always, contact.timezone) == (None, None, False, "")


def test_who_only_sees_cannot_edit(support, contact):
    client = client_of(support)
    address = url("customers.contact", "change", contact.pk)
    assert client.post(address, fields(contact, wants="ends")).status_code == 403
    contact.refresh_from_db()
    assert contact.wants == "all"
    assert "every update" in text_of(client.get(address))


def test_addresses_are_shown_with_why_nothing_goes_there(support, contact):
    contact.points.update(suppressed_at=clock.now(), suppressed_reason="refused: 550 gone", unsubscribed_at=clock.now())
    page = text_of(client_of(support).get(url("customers.contact", "change", contact.pk)))
    assert "refused: 550 gone" in page
    assert "wants no incident mail since" in page.lower()


def test_an_administrator_adds_a_webhook_and_sees_its_secret_once(administrator, contact):
    client = client_of(administrator)
    address = url("customers.contact", "change", contact.pk)
    link = f"/admin/customers/contact/{contact.pk}/add-point/"
    assert f'href="{link}"' in client.get(address).content.decode()

    response = client.post(link, {"kind": "webhook", "address": "https://hooks.acme.example/x"}, follow=True)

    point = ContactPoint.objects.get(kind="webhook")
    assert (point.contact, point.address) == (contact, "https://hooks.acme.example/x")
    words = said(response)
    assert words[0] == "Added webhook: https://hooks.acme.example/x. It is used from the next message on."
    shown = re.findall(r"whsec_[A-Za-z0-9+/=]+", words[1])
    assert shown == [point.secret]
    again = client.get(address).content.decode()
    assert "https://hooks.acme.example/x" in again
    assert point.secret not in again
    assert "whsec_" not in again


def test_a_refused_address_is_marked_and_nothing_is_added(administrator, contact):
    link = f"/admin/customers/contact/{contact.pk}/add-point/"
    response = client_of(administrator).post(link, {"kind": "sms", "address": "0151 1234567"})
    assert response.status_code == 200
    assert "Write the number with + and the country" in text_of(response)
    assert contact.points.count() == 1


def test_others_may_not_add(support, lead, contact):
    link = f"/admin/customers/contact/{contact.pk}/add-point/"
    for user in (support, lead):
        client = client_of(user)
        assert client.get(link).status_code == 403
        assert client.post(link, {"kind": "sms", "address": "+4915112345678"}).status_code == 403
        assert link not in client.get(url("customers.contact", "change", contact.pk)).content.decode()
    assert contact.points.count() == 1


def test_of_nobody_there_is_nothing_to_add_to(administrator, support):
    for user, status in ((administrator, 404), (support, 403)):
        assert client_of(user).get("/admin/customers/contact/999999/add-point/").status_code == status
