"""A new way to reach a contact: only addresses that can work, and a secret for a webhook."""

import base64

import pytest

from customers.actions import points
from customers.choices import TransportKind
from customers.models import ContactPoint
from tests.factories import make_account, make_contact

pytestmark = pytest.mark.django_db
ADDED = [
    (TransportKind.WEBHOOK, " https://hooks.acme.example/x?y=1 ", "https://hooks.acme.example/x?y=1"),
    (TransportKind.SLACK, "https://hooks.slack.example/services/T/B/x", "https://hooks.slack.example/services/T/B/x"),
    (TransportKind.TEAMS, "https://acme.example:8443/hook", "https://acme.example:8443/hook"),
    (TransportKind.SMS, "+49 (151) 123-456.78", "+4915112345678"),
    (TransportKind.EMAIL, "second@acme.example", "second@acme.example"),
]
REFUSED = [
    (TransportKind.WEBHOOK, "http://hooks.acme.example/x"),
    (TransportKind.WEBHOOK, "https://"),
    (TransportKind.WEBHOOK, "https://name:word@acme.example/"),
    (TransportKind.WEBHOOK, "https://[::1/"),
    (TransportKind.WEBHOOK, "https://acme.example:99999/"),
    (TransportKind.WEBHOOK, "https://acme.example/a b"),
    (TransportKind.WEBHOOK, "https://acme.example/ü"),
    (TransportKind.SLACK, "javascript:alert(1)"),
    (TransportKind.TEAMS, "ftp://acme.example/"),
    (TransportKind.SMS, "0151 12345678"),
    (TransportKind.SMS, "+0151123456"),
    (TransportKind.SMS, "+49"),
    (TransportKind.SMS, "+4915112345678901"),
    (TransportKind.SMS, "+49151१२३४५६७८"),
    (TransportKind.EMAIL, "nobody"),
]


@pytest.mark.parametrize(("kind", "given", "kept"), ADDED)
def test_add_point_keeps_the_address_and_only_a_webhook_has_a_secret(kind, given, kept):
    contact = make_contact(make_account())
    point = points.add_point(contact_id=contact.pk, kind=kind, address=given)
    saved = ContactPoint.objects.get(pk=point.pk)
    assert (saved.contact, saved.kind, saved.address) == (contact, kind, kept)
    assert bool(saved.secret) == (kind == TransportKind.WEBHOOK)


@pytest.mark.parametrize(("kind", "given"), REFUSED)
def test_add_point_refuses_what_cannot_work(kind, given):
    contact = make_contact(make_account())
    with pytest.raises(points.AddressRefused):
        points.add_point(contact_id=contact.pk, kind=kind, address=given)
    assert contact.points.count() == 1


def test_add_point_refuses_what_the_contact_has_already():
    contact = make_contact(make_account())
    points.add_point(contact_id=contact.pk, kind=TransportKind.SMS, address="+49 151 12345678")
    with pytest.raises(points.AddressRefused, match="already"):
        points.add_point(contact_id=contact.pk, kind=TransportKind.SMS, address="+4915112345678")


def test_new_secret_is_as_the_specification_has_it_and_new_each_time():
    one, other = points.new_secret(), points.new_secret()
    assert one.startswith("whsec_")
    assert len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) == 32
    assert one != other


def test_remove_point_keeps_the_row_and_add_point_takes_it_up_again():
    contact = make_contact(make_account())
    hook = points.add_point(contact_id=contact.pk, kind=TransportKind.WEBHOOK, address="https://acme.example/x")
    points.subscribe_point(contact_id=contact.pk, point_id=hook.pk, wanted=False)
    points.remove_point(contact_id=contact.pk, point_id=hook.pk)
    gone, reachable = ContactPoint.objects.get(pk=hook.pk), hook in contact.points.reachable()

    again = points.add_point(contact_id=contact.pk, kind=TransportKind.WEBHOOK, address="https://acme.example/x")

    assert (gone.suppressed_reason, reachable) == (points.REMOVED, False)
    assert (again.pk, again.suppressed_at, again.unsubscribed_at) == (hook.pk, None, None)
    assert again.secret not in ("", hook.secret)


def test_remove_point_keeps_the_last_address_that_takes_mail():
    contact = make_contact(make_account())
    first = contact.points.get()
    second = points.add_point(contact_id=contact.pk, kind=TransportKind.EMAIL, address="second@acme.example")
    points.remove_point(contact_id=contact.pk, point_id=first.pk)
    with pytest.raises(points.LastAddress):
        points.remove_point(contact_id=contact.pk, point_id=second.pk)
    assert list(contact.points.reachable()) == [second]


def test_points_of_others_are_not_his():
    contact, other = make_contact(make_account()), make_contact(make_account())
    theirs = other.points.get()
    with pytest.raises(ContactPoint.DoesNotExist):
        points.remove_point(contact_id=contact.pk, point_id=theirs.pk)
    with pytest.raises(ContactPoint.DoesNotExist):
        points.subscribe_point(contact_id=contact.pk, point_id=theirs.pk, wanted=False)


def test_add_point_stops_at_twenty():
    contact = make_contact(make_account())
    for n in range(points.MOST - 1):
        points.add_point(contact_id=contact.pk, kind=TransportKind.SMS, address=f"+491511234{n:04}")
    with pytest.raises(points.AddressRefused, match="20 addresses"):
        points.add_point(contact_id=contact.pk, kind=TransportKind.SMS, address="+4930123456")
