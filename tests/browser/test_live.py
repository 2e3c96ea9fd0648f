"""A customer's pages change by themselves, miss nothing, and say when they cannot."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from comms.choices import IncidentStatus
from comms.models import Incident
from customers import clock
from tests.browser.conftest import sign_in
from tests.browser.marks import STORY
from tests.comms.support import age
from tests.factories import make_account, make_component, make_contact, make_incident, make_usage, publish

pytestmark = STORY
DISCONNECTED = r"console: (WebSocket connection to|Failed to load resource: net::ERR_)"


@pytest.fixture
def incident(databases, business, technical, lead) -> Incident:
    """Published once; both tracks have somebody who reads them."""
    incident = make_incident(databases, title="Replication of pg-fra-7 stalls")
    publish(incident, author=lead)
    return incident


def chip(page: Page) -> Locator:
    return page.locator("#live-chip")


def shown(page: Page) -> list[str]:
    """The numbers of the updates on an incident's page, from top to bottom."""
    numbers: list[str] = page.locator("#updates > *").evaluate_all("all => all.map(one => one.dataset.sequence)")
    return numbers


def mark_as_loaded(*pages: Page) -> None:
    for page in pages:
        page.evaluate("window.loadedOnce = true")


def was_not_reloaded(page: Page) -> bool:
    return page.evaluate("window.loadedOnce") is True


def test_each_reader_sees_the_next_update_on_his_own_track_without_reloading(
    visit, incident, databases, northwind, business, technical, lead
):
    make_usage(make_account("Other Ltd"), databases, "secret.other.example")
    page = visit()
    sign_in(page, business.user)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your service is affected.")
    home = page.context.new_page()
    home.goto("/")
    page.get_by_role("link", name="Managed databases", exact=True).click()
    expect(page.locator("#mine")).to_contain_text("shop.northwind.example")
    engineer = visit(technical.user, f"/incidents/{incident.pk}/")
    for live in (page, home, engineer):
        expect(chip(live)).to_have_text("Live")
    mark_as_loaded(page, home, engineer)

    incident.facts.customer_experience = "Orders are saved again."
    incident.facts.suspected_cause = "Lock table of pg-fra-7 is full"
    incident.facts.save()
    publish(incident, IncidentStatus.IDENTIFIED, author=lead)

    newest = page.locator("#updates > *").first
    expect(newest).to_contain_text("Orders are saved again.")
    expect(page).to_have_title(re.compile("^Identified: Managed databases · "))
    expect(page.locator("#live-news")).to_have_text("New update: identified")
    assert shown(page) == ["2", "1"]
    expect(home.get_by_role("article")).to_contain_text("Orders are saved again.")
    expect(home.get_by_role("article")).to_contain_text("Identified")
    expect(engineer.locator("#updates > *").first).to_contain_text("Lock table of pg-fra-7 is full")
    expect(engineer).to_have_title(re.compile("^Identified: Replication of pg-fra-7 stalls · "))
    for reader in (page, home):
        assert "pg-fra-7" not in reader.content()
    for reader in (page, home, engineer):
        assert was_not_reloaded(reader)
        for name in ("Other Ltd", "secret.other.example"):
            assert name not in reader.content()


def test_what_was_published_while_the_server_was_away_comes_once_and_in_order(visit, watch, server, incident, business):
    watch.expect(DISCONNECTED)
    page = visit(business.user, f"/incidents/{incident.pk}/")
    expect(chip(page)).to_have_text("Live")
    mark_as_loaded(page)

    server.stop()
    expect(chip(page)).to_contain_text(re.compile("Reconnecting|Offline"))
    expect(chip(page)).to_contain_text("as of")
    for _ in range(3):
        publish(incident)
    assert shown(page) == ["1"]
    server.start()

    expect(chip(page)).to_have_text("Live")
    assert shown(page) == ["4", "3", "2", "1"]
    assert was_not_reloaded(page)


def test_what_was_published_while_the_reader_was_offline_comes_once_and_in_order(visit, watch, incident, technical):
    watch.expect(DISCONNECTED)
    page = visit(technical.user, f"/incidents/{incident.pk}/")
    expect(chip(page)).to_have_text("Live")
    mark_as_loaded(page)

    page.context.set_offline(True)
    expect(chip(page)).to_contain_text("Offline")
    for _ in range(3):
        publish(incident)
    page.context.set_offline(False)

    expect(chip(page)).to_have_text("Live")
    assert shown(page) == ["4", "3", "2", "1"]
    assert was_not_reloaded(page)


def test_signing_out_elsewhere_ends_the_live_page_and_leads_back_to_it(visit, settings, incident, business):
    settings.SOCKET_REVALIDATE_SECONDS = 1
    page = visit(business.user, f"/incidents/{incident.pk}/")
    expect(chip(page)).to_have_text("Live")
    other = page.context.new_page()
    other.goto("/")

    other.locator("summary", has_text=business.name).click()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()

    expect(chip(page)).to_contain_text("Signed out")
    publish(incident)
    chip(page).get_by_role("link", name="Sign in").click()
    sign_in(page, business.user)
    expect(chip(page)).to_have_text("Live")
    assert shown(page) == ["2", "1"]


def test_a_promise_that_was_not_kept_says_late(visit, incident, business):
    waiting = incident.promises.unanswered().get(track="business")
    minutes = (waiting.due_at - waiting.made_at).total_seconds() / 60 + 75
    age(incident, timedelta(minutes=minutes))

    for path in ("/", f"/incidents/{incident.pk}/"):
        page = visit(business.user, path)
        promise = page.locator(".promise")
        expect(promise).to_contain_text("Our update is late, and we are sorry.")
        expect(promise.locator("[data-countdown]")).to_have_text(re.compile(r"^late by 1 h 1\d min$"))


def test_a_promise_becomes_late_before_the_readers_eyes(visit, incident, business):
    waiting = incident.promises.unanswered().get(track="business")
    age(incident, waiting.due_at - clock.now() - timedelta(seconds=3))
    page = visit(business.user, f"/incidents/{incident.pk}/")
    mark_as_loaded(page)

    expect(page.locator(".promise")).to_contain_text("Our update is late, and we are sorry.")
    expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"^late by \d+ s$"))
    assert was_not_reloaded(page)


def test_an_account_that_uses_something_else_hears_nothing(visit, incident, business):
    stranger = make_contact(make_account("Quay Ltd", uses=(make_component("dns-1"),)), login=True)
    home, affected = visit(stranger.user), visit(business.user)
    for page in (home, affected):
        expect(chip(page)).to_have_text("Live")

    incident.facts.customer_experience = "Orders are saved again."
    incident.facts.save()
    publish(incident)

    expect(affected.get_by_role("article")).to_contain_text("Orders are saved again.")
    expect(home.get_by_role("heading", level=1)).to_have_text("Your service is working.")
    assert home.get_by_role("article").count() == 0
