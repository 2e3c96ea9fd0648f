"""Finding one's past again: words, names, filters, and all of it to take along."""

import csv
import io
from datetime import timedelta

import pytest

from comms.choices import IncidentStatus, Variant
from comms.models import Incident
from comms.rendering.messages import Text
from customers.choices import Track
from customers.models import Contact, Usage
from tests.factories import make_account, make_component, make_contact, make_incident, make_usage, publish, utc
from tests.portal.customer.test_views import text_of


def found(client, **query) -> list[int]:
    return [card.incident.pk for card in client.get("/incidents/", query).context["cards"]]


@pytest.fixture
def past(account, databases) -> dict[str, Incident]:
    """Three of Northwind's: two of databases, one of mail; one of them open."""
    mail_host = make_component("mx-1")
    make_usage(account, mail_host, "mail.northwind.example")
    said = {
        "june": (databases, utc(2026, 6, 5, 12), "orders-word"),
        "july": (mail_host, utc(2026, 6, 30, 22, 30), "letters-word"),
        "open": (databases, utc(2026, 8, 5, 12), "carts-word"),
    }
    made = {}
    for name, (component, at, word) in said.items():
        made[name] = make_incident(component, detected_at=at, title=f"title-{word}")
        publish(made[name], texts={Variant.TECHNICAL: Text(note=f"tech-{word}"), Variant.BUSINESS: Text(note=word)})
        if name != "open":
            publish(made[name], IncidentStatus.RESOLVED)
    return made


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["open", "july", "june"]),
        ({"q": "orders-word"}, ["june"]),
        ({"q": "ORDERS-word shop.northwind"}, ["june"]),
        ({"q": "orders-word letters-word"}, []),
        ({"q": "mail.northwind"}, ["july"]),
        ({"q": "managed data"}, ["open", "june"]),
        ({"q": "tech-orders-word"}, []),
        ({"q": "title-orders"}, []),
        ({"state": "open"}, ["open"]),
        ({"state": "resolved"}, ["july", "june"]),
        ({"since": "2026-07"}, ["open", "july"]),
        ({"until": "2026-06"}, ["june"]),
        ({"since": "2026-07", "until": "2026-07"}, ["july"]),
        ({"since": "2026-13", "state": "nonsense", "service": "0", "q": "carts"}, ["open"]),
    ],
)
def test_search_and_filters(enter, account, business, past, query, names):
    account.timezone = "Europe/Berlin"  # where June ended at 22:00 UTC
    account.save()

    assert found(enter(business), **query) == [past[name].pk for name in names]


def test_search_by_service_offers_the_own_ones(enter, business, databases, past):
    make_account(uses=(make_component("foreign"),))
    response = enter(business).get("/incidents/", {"service": databases.service_id})

    assert [card.incident.pk for card in response.context["cards"]] == [past["open"].pk, past["june"].pk]
    assert set(response.context["form"].fields["service"].queryset) == {
        databases.service, past["july"].impacts.get().component.service,
    }  # fmt: skip


def test_a_technical_reader_searches_his_texts_and_titles(enter, account, past):
    client = enter(make_contact(account, Track.TECHNICAL, login=True))

    assert found(client, q="tech-orders-word") == [past["june"].pk]
    assert found(client, q="title-letters") == [past["july"].pk]


def test_who_reads_one_account_as_engineer_searches_the_other_in_everyday_words(enter, business, databases, past):
    own = make_component()
    other = make_contact(make_account("Southwind", uses=(own,)), Track.TECHNICAL)
    Contact.objects.filter(pk=other.pk).update(user=business.user)
    incident = make_incident(own, title="title-southwind")
    publish(
        incident, texts={Variant.TECHNICAL: Text(note="tech-southwind"), Variant.BUSINESS: Text(note="plain-southwind")}
    )
    client = enter(business)

    assert found(client, q="tech-orders-word") == []
    assert found(client, q="orders-word") == [past["june"].pk]
    assert found(client, q="tech-southwind") == [incident.pk]
    assert found(client, q="plain-southwind") == []


def test_a_name_counts_for_the_days_on_which_it_was_used(enter, business, databases, past):
    Usage.objects.create(
        account=business.account, component=databases, label="old.northwind.example", external_id="U-old",
        starts_on=utc(2026, 1, 1).date(), ends_on=utc(2026, 7, 1).date(),
    )  # fmt: skip

    assert found(enter(business), q="old.northwind") == [past["june"].pk]


def test_words_with_a_meaning_to_the_database_are_words(enter, business, past):
    client = enter(business)

    for word in ("%", "_", "\\", "'; --", "\x00"):
        assert client.get("/incidents/", {"q": word}).status_code == 200
    assert found(client, q="100%") == []


def test_pages_keep_what_was_searched_for(enter, business, databases, past, monkeypatch):
    monkeypatch.setattr("portal.customer.history.PAGE", 1)
    client = enter(business)
    first = client.get("/incidents/", {"q": "managed", "state": ""})
    second = client.get(f"/incidents/{first.context['older']}")

    assert "q=managed" in first.context["older"]
    assert [card.incident.pk for card in second.context["cards"]] == [past["june"].pk]
    assert second.context["older"] == ""
    assert "q=managed" in second.context["newest"]


def test_nothing_found_says_what_to_do(enter, business, past):
    page = text_of(enter(business).get("/incidents/", {"q": "no-such-word"}))

    assert "Nothing found" in page
    assert "Try fewer words, or a longer time." in page


def rows_of(response) -> list[list[str]]:
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(response.content.decode())))


def test_the_list_is_taken_along_as_it_was_searched(enter, business, databases, past, monkeypatch):
    monkeypatch.setattr("portal.customer.downloads.CHUNK", 1)
    client = enter(business)

    head, *rows = rows_of(client.get("/incidents/download/"))
    _head, *some = rows_of(client.get("/incidents/download/", {"q": "orders-word"}))

    assert head[:2] == ["incident", "what"]
    assert [row[0] for row in rows] == [past[name].reference for name in ("open", "july", "june")]
    assert [row[0] for row in some] == [past["june"].reference]
    assert rows[2][4:8] == [
        "2026-06-05T12:00:00.000Z", rows[2][5], "Managed databases", "shop.northwind.example",
    ]  # fmt: skip


def test_cells_that_a_spreadsheet_would_compute_are_quoted(enter, account, business):
    component = make_component()
    make_usage(account, component, "=HYPERLINK(1)")
    publish(make_incident(component))

    (row,) = [row for row in rows_of(enter(business).get("/incidents/download/")) if row[0].startswith("INC")]

    assert row[7] == "'=HYPERLINK(1)"


def test_what_was_sent_is_taken_along_and_only_the_own(enter, account, business, databases, monkeypatch):
    monkeypatch.setattr("portal.customer.downloads.CHUNK", 2)
    make_contact(account, login=True, email="colleague@northwind.example")
    incident = make_incident(databases)
    for _ in range(5):
        publish(incident)

    _head, *rows = rows_of(enter(business).get("/messages/download/"))

    assert [row[4] for row in rows] == [business.email] * 5
    assert {row[7] for row in rows} == {incident.reference}
    assert [int(row[0]) for row in rows] == sorted((int(row[0]) for row in rows), reverse=True)
    assert "\ue000" not in "".join(cell for row in rows for cell in row)


def test_a_search_asks_as_often_for_three_as_for_one(enter, business, databases, django_assert_num_queries):
    client, path = enter(business), "/incidents/?q=managed+data&state=open"
    at = utc(2026, 6, 5, 12)
    publish(make_incident(databases, detected_at=at))
    with django_assert_num_queries(10):
        client.get(path)
    for n in (1, 2):
        publish(make_incident(databases, detected_at=at + timedelta(hours=n)))
    with django_assert_num_queries(10):
        client.get(path)
