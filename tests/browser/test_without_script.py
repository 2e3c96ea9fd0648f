"""Everything that must be read and done works without JavaScript."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from comms.actions import publishing
from comms.models import Incident
from customers.choices import TransportKind
from customers.models import Company, ContactPoint
from tests.browser.conftest import sign_in
from tests.browser.marks import STORY
from tests.factories import make_incident, publish

pytestmark = STORY


@pytest.fixture
def draft(databases, business, technical) -> Incident:
    return make_incident(databases, title="Replication stalls", classified=True)


def test_customer_reads_home_incident_and_history(visit, draft, business):
    publish(draft)
    page = visit(java_script_enabled=False)
    sign_in(page, business.user)

    expect(page.get_by_role("heading", level=1)).to_have_text("Your service is affected.")
    expect(page.locator(".promise")).to_contain_text("Next update by")
    expect(page.locator("#live-chip")).to_be_hidden()
    page.get_by_role("link", name="Managed databases", exact=True).click()
    expect(page.locator("#updates")).to_contain_text("Your site may be slow.")
    expect(page.locator("#mine")).to_contain_text("shop.northwind.example")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("listitem").filter(has_text="Managed databases")).to_contain_text("Investigating")
    page.locator("summary", has_text=business.name).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_lead_publishes_and_the_customer_reads_it(visit, draft, lead, technical):
    page = visit(java_script_enabled=False)
    sign_in(page, lead)
    page.get_by_role("link", name="Replication stalls").click()
    page.get_by_label("Suspected cause").fill("Lock table of pg-fra-7 is full")
    page.get_by_role("button", name="Save and preview").click()
    expect(page.locator("#preview")).to_contain_text("Lock table of pg-fra-7 is full")
    page.get_by_role("radio", name="Send now").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="An update")).to_be_visible()
    assert publishing.publish_due() == 1

    page.reload()
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("Update 1 published: investigating")
    reader = visit(technical.user, f"/incidents/{draft.pk}/", java_script_enabled=False)
    expect(reader.locator("#updates")).to_contain_text("Lock table of pg-fra-7 is full")


def test_lead_confirms_more_sms_than_the_limit(visit, draft, lead, technical, business):
    Company.objects.update(sms_price=Decimal("0.075"), sms_limit=1)
    for n, contact in enumerate((technical, business)):
        ContactPoint.objects.create(contact=contact, kind=TransportKind.SMS, address=f"+4930123456{n}")
    page = visit(lead, f"/room/{draft.pk}/", java_script_enabled=False)
    preview, box = page.locator("#preview"), page.get_by_role("checkbox", name="Send all 2 SMS (about EUR 0.15)")
    expect(preview.get_by_role("region", name="Technical")).to_contain_text("1 SMS, about EUR 0.08")
    expect(preview).to_contain_text("2 SMS, limit 1: 1 of them will not be sent unless you confirm")

    box.check()
    page.get_by_role("button", name="Save and preview").click()
    expect(preview).to_contain_text("2 SMS, limit 1: all of them will be sent (about EUR 0.15)")
    expect(box).to_be_checked()
    page.get_by_role("button", name="Publish").click()

    expect(page.locator("#progress")).to_contain_text("Lea Lead confirmed it.")
    assert draft.drafts.get().sms_confirmed
