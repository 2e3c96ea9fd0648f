from datetime import date, timedelta

import pytest
from django.test import Client

from comms.actions import maintenance
from comms.choices import ImpactLevel, MaintenanceStatus
from comms.models import Maintenance
from customers import clock
from customers.models import Component, Contact, Service
from portal.access import maintenance_for, viewer_of
from tests.factories import make_account, make_component, make_contact, make_incident, make_usage, publish


@pytest.fixture
def databases(db) -> Component:
    return make_component("pg-1", service=Service.objects.create(external_id="S-db", name="Databases"))


@pytest.fixture
def reader(databases) -> Contact:
    return make_contact(make_account("Bakery", uses=(databases,), label="shop.example"), login=True)


def planned(*components: Component, level: str = "down", hours: int = 24, **fields) -> Maintenance:
    starts = clock.now() + timedelta(hours=hours)
    work = Maintenance.objects.create(
        **{
            "title": "Replace pg-1", "technical_text": "WAL is replayed.", "business_title": "Faster databases",
            "business_text": "Your shop is shortly away.", "public_title": "Public title", "public_text": "For all.",
            "announced_at": clock.now(), "starts_at": starts, "ends_at": starts + timedelta(hours=2), **fields,
        }
    )  # fmt: skip
    for component in components:
        work.impacts.create(component=component, level=level)
    return work


def page(client: Client, reader: Contact, path: str = "/") -> str:
    client.force_login(reader.user)
    return " ".join(client.get(path).content.decode().split())


def test_home_shows_what_is_planned_on_the_readers_track_with_his_labels(client, reader, databases):
    planned(databases)
    home = page(client, reader)
    assert "Planned maintenance" in home
    for words in ("Faster databases", "shop.example", "Databases: not available", "Scheduled"):
        assert words in home
    assert "Replace pg-1" not in home
    assert "Public title" not in home


def test_an_engineer_reads_the_technical_text(client, databases):
    engineer = make_contact(make_account(uses=(databases,)), "technical", login=True)
    work = planned(databases)
    text = page(client, engineer, f"/maintenance/{work.pk}/")
    assert "Replace pg-1" in text
    assert "WAL is replayed." in text
    assert "Your shop" not in text


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({}, True),
        ({"announced_at": None}, False),
        ({"status": MaintenanceStatus.CANCELLED}, True),
    ],
)
def test_maintenance_for_has_what_was_announced(reader, databases, fields, seen):
    work = planned(databases, **fields)
    assert (work in maintenance_for(viewer_of(reader.user))) is seen


def test_maintenance_for_looks_at_the_days_of_the_window(databases):
    today = clock.now().date()
    work = planned(databases)
    for since, until, seen in (
        (date(2020, 1, 1), today - timedelta(days=1), False),
        (date(2020, 1, 1), today + timedelta(days=3), True),
        (today + timedelta(days=30), None, False),
    ):
        contact = make_contact(make_account(), login=True)
        make_usage(contact.account, databases, "x.example", since, ends_on=until)
        assert (work in maintenance_for(viewer_of(contact.user))) is seen


def test_what_does_not_touch_him_looks_like_what_does_not_exist(client, reader):
    other = planned(make_component())
    client.force_login(reader.user)
    for path in (f"/maintenance/{other.pk}/", f"/maintenance/{other.pk}/calendar.ics"):
        assert client.get(path).status_code == 404
    assert "Faster databases" not in page(client, reader)


def test_a_service_that_is_worked_on_says_so_unless_an_incident_is_worse(client, reader, databases):
    work = planned(databases)
    maintenance.start(maintenance_id=work.pk)
    home = page(client, reader)
    assert "Maintenance is under way for your service." in home
    assert "state-maintenance" in home

    publish(make_incident(databases, level=ImpactLevel.DEGRADED))

    home = page(client, reader)
    assert "Your service is affected." in home
    assert "headline-degraded" in home


def test_work_that_nobody_notices_changes_no_state(client, reader, databases):
    maintenance.start(maintenance_id=planned(databases, level="none").pk)
    assert "Your service is working." in page(client, reader)


def test_a_cancelled_one_leaves_the_home_page_and_its_own_page_says_so(client, reader, databases):
    work = planned(databases)
    maintenance.cancel(maintenance_id=work.pk)
    assert "Faster databases" not in page(client, reader)
    assert "does not take place" in page(client, reader, f"/maintenance/{work.pk}/")


def test_the_calendar_has_his_words_and_says_when_it_is_cancelled(client, reader, databases):
    work = planned(databases)
    client.force_login(reader.user)
    path = f"/maintenance/{work.pk}/calendar.ics"
    answer = client.get(path)
    said = answer.content.decode()
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert "SUMMARY:Faster databases\r\n" in said
    assert f"DTSTART:{work.starts_at:%Y%m%dT%H%M%SZ}\r\n" in said
    assert "STATUS:CONFIRMED\r\n" in said
    assert "Replace pg-1" not in said
    maintenance.cancel(maintenance_id=work.pk)
    assert "STATUS:CANCELLED\r\n" in client.get(path).content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_home_asks_the_same_number_of_queries_for_one_and_for_three(
    client, reader, databases, number, django_assert_max_num_queries
):
    for _ in range(number):
        planned(databases)
    client.force_login(reader.user)
    client.get("/")
    with django_assert_max_num_queries(25) as one:
        client.get("/")
    assert sum("maintenance" in q["sql"] for q in one.captured_queries) == 2
