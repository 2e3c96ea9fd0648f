import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.models import Delivery
from customers.choices import Track
from customers.models import ContactPoint
from tests.customers.admin.support import client_of, text_of, url
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


def tell(*emails: str):
    component = make_component()
    account = make_account(uses=(component,))
    for email in emails:
        make_contact(account, Track.BUSINESS, email=email)
    incident = make_incident(component)
    publish(incident)
    return incident


def listed(response) -> list[str]:
    return sorted(row.point_address for row in response.context["cl"].result_list)


def test_list_shows_who_was_told_what_and_the_answer(lead):
    tell("ann@acme.example")
    Delivery.objects.update(state="bounced", code=550, reply="No such user")

    page = text_of(client_of(lead).get(url("comms.delivery")))

    subject = Delivery.objects.get().message.subject
    assert f"{subject} ann@acme.example bounced 550 No such user" in page


def test_search_by_whole_address_and_by_incident(lead):
    first = tell("ann@acme.example", "bob@acme.example")
    tell("cleo@other.example")
    client = client_of(lead)

    assert listed(client.get(url("comms.delivery"), {"q": "Ann@acme.example"})) == ["ann@acme.example"]
    by_incident = ["ann@acme.example", "bob@acme.example"]
    assert listed(client.get(url("comms.delivery"), {"q": first.reference})) == by_incident
    assert listed(client.get(url("comms.delivery"), {"q": "nobody"})) == []


def test_a_row_stays_in_sight_when_its_contact_is_erased(lead):
    tell("ann@acme.example")
    ContactPoint.objects.filter(address="ann@acme.example").delete()
    client = client_of(lead)

    assert "(erased)" in text_of(client.get(url("comms.delivery")))
    page = client.get(url("comms.delivery", "change", Delivery.objects.get().pk))
    assert "(erased)" in text_of(page)


def test_list_counts_to_a_bound_and_needs_no_query_per_row(lead):
    tell("one@acme.example")
    client = client_of(lead)
    client.get(url("comms.delivery"))
    with CaptureQueriesContext(connection) as one:
        client.get(url("comms.delivery"))
    tell("two@acme.example", "three@acme.example")

    with CaptureQueriesContext(connection) as three:
        assert len(client.get(url("comms.delivery")).context["cl"].result_list) == 3

    counts = [q["sql"] for q in three if "COUNT(*)" in q["sql"] and "comms_delivery" in q["sql"]]
    assert len(three) == len(one)
    assert [sql for sql in counts if "LIMIT 10000" not in sql] == []
    assert any("LIMIT 10000" in sql for sql in counts)
