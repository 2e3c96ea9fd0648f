"""Everything that an account was told."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.choices import IncidentStatus
from comms.models import Delivery
from customers.choices import Track
from tests.factories import make_account, make_component, make_contact, make_incident, publish


def subjects(response) -> list[tuple[str, str]]:
    return [(entry.address, entry.message.variant) for entry in response.context["entries"]]


def test_told_lists_every_message_of_the_account_newest_first_and_nobody_elses(as_user, lead, component):
    account = make_account("Jensen & Co", uses=(component,))
    make_contact(account, email="b@jensen.example")
    make_contact(account, Track.TECHNICAL, email="t@jensen.example")
    make_contact(make_account("Other", uses=(component,)), email="x@other.example")
    incident = make_incident(component, classified=True)
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)

    response = as_user(lead).get(f"/room/accounts/{account.pk}/told/")

    entries = response.context["entries"]
    assert [entry.delivery.pk for entry in entries] == sorted((e.delivery.pk for e in entries), reverse=True)
    assert sorted((e.address, e.message.variant, e.message.update.number) for e in entries) == [
        ("b@jensen.example", "business", 1),
        ("b@jensen.example", "business", 2),
        ("t@jensen.example", "technical", 1),
        ("t@jensen.example", "technical", 2),
    ]
    page = response.content.decode()
    assert "What Jensen &amp; Co was told" in page
    assert "x@other.example" not in page


def test_told_without_a_message_says_so(as_user, lead):
    account = make_account("Silent")
    page = as_user(lead).get(f"/room/accounts/{account.pk}/told/").content.decode()
    assert "Nothing was sent to this account yet" in page
    assert as_user(lead).get("/room/accounts/999999/told/").status_code == 404


def test_told_goes_on_page_by_page(as_user, lead):
    component = make_component()
    account = make_account(uses=(component,))
    for _ in range(60):
        make_contact(account)
    publish(make_incident(component, classified=True))
    client = as_user(lead)
    first = client.get(f"/room/accounts/{account.pk}/told/")
    second = client.get(first.context["older"])
    seen = [e.delivery.pk for page in (first, second) for e in page.context["entries"]]
    assert seen == sorted(Delivery.objects.values_list("pk", flat=True), reverse=True)
    assert (len(seen), second.context["older"]) == (60, "")


def test_the_admins_account_page_links_to_it(as_user, lead, support):
    account = make_account()
    link = f'href="/room/accounts/{account.pk}/told/"'
    assert link in as_user(lead).get(f"/admin/customers/account/{account.pk}/change/").content.decode()
    assert link not in as_user(support).get(f"/admin/customers/account/{account.pk}/change/").content.decode()


@pytest.mark.django_db
def test_queries_do_not_grow(as_user, lead, component):
    client, counts = as_user(lead), []
    account = make_account(uses=(component,))
    for n in (1, 3):
        for _ in range(n):
            make_contact(account)
        publish(make_incident(component, classified=True))
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/room/accounts/{account.pk}/told/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 14
