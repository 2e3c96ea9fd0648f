"""The communications lead's work, from the draft to what customers read."""

from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from comms.actions import publishing
from comms.models import Incident
from customers import clock
from customers.choices import Severity, Track
from tests.browser.conftest import sign_in
from tests.browser.marks import STORY
from tests.comms.support import promise_of
from tests.factories import make_account, make_contact, make_incident

pytestmark = STORY
CANNOT_BE_SENT = r"console: Failed to load resource: the server responded with a status of 422"


@pytest.fixture
def draft(databases, northwind, business, technical) -> Incident:
    """Severity 2, three contacts on two accounts; nobody outside knows of it."""
    make_contact(make_account("Other Ltd", uses=(databases,)))
    return make_incident(databases, title="Replication stalls", classified=True)


def choose(page: Page, option: str) -> None:
    page.get_by_role("radio", name=option, exact=True).click()


def promise(page: Page, track: str) -> Locator:
    return page.locator("#progress").get_by_role("region", name=track).locator(".promise")


def test_lead_writes_previews_and_publishes(visit, lead, draft):
    page = visit()
    sign_in(page, lead)
    page.get_by_role("link", name=f"{draft.reference} Replication stalls").click()

    choose(page, "1 – minor degradation")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="2 – degradation")).to_be_checked()
    page.get_by_label("What customers may experience").fill("Orders are saved late.")
    page.get_by_label("What is being done").focus()
    page.keyboard.type("We move the writes to another machine.")
    page.get_by_label("Suspected cause").focus()
    page.keyboard.type("Lock table of pg-fra-7 is full")
    page.get_by_role("button", name="Save and preview").click()

    expect(page.get_by_role("status")).to_contain_text("Saved. Nothing has been sent.")
    preview = page.locator("#preview")
    technical, business = (preview.get_by_role("region", name=track) for track in ("Technical", "Business"))
    expect(technical.get_by_role("heading")).to_contain_text("1 contact, 1 account")
    expect(business.get_by_role("heading")).to_contain_text("2 contacts, 2 accounts")
    for pane in (technical, business):
        expect(pane).to_contain_text("We move the writes to another machine.")
    expect(technical).to_contain_text("Lock table of pg-fra-7 is full")
    expect(business).not_to_contain_text("Lock table")
    expect(business).to_contain_text("Orders are saved late.")
    left, right = technical.bounding_box(), business.bounding_box()
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]

    choose(page, "Send now")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="An update")).to_be_visible()
    assert publishing.publish_due() == 1

    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("Update 1 published: investigating")
    expect(timeline).to_contain_text("Lea Lead")
    for track, hours in ((Track.TECHNICAL, 2), (Track.BUSINESS, 3)):  # C2, severity 2
        promised = promise_of(draft, track)
        assert promised.due_at - promised.made_at == timedelta(hours=hours)
        shown = promise(page, track.label.capitalize())
        expect(shown).to_contain_text("next update by")
        expect(shown.locator("time")).to_have_attribute("datetime", promised.due_at.isoformat())
        expect(shown).to_contain_text("1 of 1 kept")


def test_from_severity_3_on_a_second_person_approves(visit, lead, commander, business, draft):
    writer = visit(lead, f"/room/{draft.pk}/")
    choose(writer, "4 – severe outage")
    writer.get_by_role("button", name="Save and preview").click()
    choose(writer, "Send now")
    writer.get_by_role("button", name="Publish").click()
    expect(writer.get_by_role("heading", name="An update waits for approval")).to_be_visible()
    expect(writer.locator("#progress")).to_contain_text("A second person approves it; you wrote it yourself.")
    expect(writer.get_by_role("button", name="Approve")).to_have_count(0)
    assert publishing.publish_due() == 0

    second = visit(commander, "/room/")
    expect(second.locator("#incidents")).to_contain_text("An update waits for approval.")
    second.get_by_role("link", name="Replication stalls").click()
    expect(second.locator("#preview")).to_contain_text("Your site may be slow.")
    second.get_by_role("button", name="Approve").click()
    expect(second.locator("#progress")).to_contain_text("Kim Commander approved it.")
    assert publishing.publish_due() == 1

    for page in (writer, second):
        expect(page.get_by_role("region", name="Timeline")).to_contain_text("Update 1 published: investigating")
    expect(visit(business.user).get_by_role("article")).to_contain_text("Your site may be slow.")


def test_what_cannot_be_sent_says_why_and_keeps_every_word(visit, watch, lead, draft):
    watch.expect(CANNOT_BE_SENT)
    page = visit(lead, f"/room/{draft.pk}/")
    later = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    page.get_by_label("Title", exact=True).fill("Writes stall in Frankfurt")
    page.get_by_label("Metrics seen").fill("p95 of writes is 9 s")
    business = page.get_by_role("group", name="Business")
    business.get_by_label("In your own words").fill("We are on it, all of us.")
    business.get_by_label("Earlier next update").fill(later)
    choose(page, "Send now")

    page.get_by_role("button", name="Publish").click()

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Not sent")
    expect(alert).to_contain_text("The next update was announced for")
    expect(alert).to_contain_text("but it is due by")
    expect(page.get_by_label("Title", exact=True)).to_have_value("Writes stall in Frankfurt")
    expect(page.get_by_label("Metrics seen")).to_have_value("p95 of writes is 9 s")
    expect(business.get_by_label("In your own words")).to_have_value("We are on it, all of us.")
    expect(business.get_by_label("Earlier next update")).to_have_value(later)
    expect(page.get_by_role("radio", name="Send now")).to_be_checked()
    draft.refresh_from_db()
    assert (draft.title, draft.severity, draft.sequence) == ("Writes stall in Frankfurt", Severity.TWO, 0)

    business.get_by_label("Earlier next update").fill("")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="An update")).to_be_visible()
    assert publishing.publish_due() == 1


def test_an_update_is_taken_back_before_anybody_has_seen_it(visit, lead, business, draft):
    page = visit(lead, f"/room/{draft.pk}/")
    page.get_by_role("group", name="Business").get_by_label("In your own words").fill("All is well again.")
    choose(page, "60 s")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="An update leaves in")).to_be_visible()

    page.get_by_role("button", name="Withdraw").click()

    expect(page.get_by_role("status")).to_contain_text("Withdrawn: nobody has seen it.")
    words = page.get_by_role("group", name="Business").get_by_label("In your own words")
    expect(words).to_have_value("All is well again.")
    assert publishing.publish_due() == 0
    assert visit(business.user).get_by_role("article").count() == 0
