"""The public side in a browser: the lead writes three texts, somebody of the public follows them."""

import re

import pytest
from django.core import mail
from playwright.sync_api import expect

from comms.actions import publishing
from comms.models import Incident, PublicIncident
from customers.actions import subscribers
from customers.choices import TransportKind
from customers.models import Service, Subscriber
from tests.browser.marks import STORY
from tests.factories import make_incident

pytestmark = STORY


@pytest.fixture
def draft(databases, business, technical) -> Incident:
    Service.objects.update(is_public=True)
    return make_incident(databases, title="Replication stalls", classified=True)


@pytest.mark.parametrize("script", [True, False], ids=["script", "without script"])
def test_lead_writes_three_texts(visit, draft, lead, script):
    subscribers.confirm(kind=TransportKind.EMAIL, address="jo@public.example", service_keys=[])
    page = visit(lead, f"/room/{draft.pk}/", java_script_enabled=script)
    page.get_by_role("group", name="Business").get_by_label("In your own words").fill("We are on it.")
    public = page.get_by_role("group", name="Public status page")
    public.get_by_role("button", name="Start from the business text").click()

    words = page.get_by_label("Public text")
    expect(words).to_have_value(re.compile("We are on it.", re.DOTALL))
    words.fill("Databases are slow at Northwind Ltd.")
    page.get_by_label("Public title").fill("Databases are slow")
    page.get_by_role("button", name="Save and preview").click()
    pane = page.locator("#preview").get_by_role("region", name="Public status page")
    expect(pane).to_contain_text("1 subscriber")
    expect(pane).to_contain_text("Northwind Ltd: the name of a customer")
    expect(pane).to_contain_text("Managed databases")

    words.fill("Databases are slow.")
    page.get_by_role("radio", name="Send now").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="An update")).to_be_visible()
    assert publishing.publish_due() == 1

    page.reload()
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("Update 1 is on the public page")
    assert PublicIncident.objects.get().updates.get().body == "Databases are slow."


def test_somebody_follows_the_public_page_without_script_and_without_a_cookie(visit, draft):
    page = visit(None, "/status/subscribe/", java_script_enabled=False)
    page.get_by_label("E-mail address").fill("jo@public.example")
    page.locator("form").first.get_by_label("Managed databases").check()
    page.get_by_role("button", name="Send me the confirmation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")

    found = re.search(r"(/status/confirm/\S+)", mail.outbox[-1].body)
    assert found is not None
    page.goto(found[1])
    assert not Subscriber.objects.exists()
    page.get_by_role("button", name="Yes, send me mails").click()
    expect(page.get_by_role("status")).to_contain_text("You follow the status now")
    page.get_by_role("link", name="Change or stop it").click()
    expect(page.get_by_label("Managed databases")).to_be_checked()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You follow the status no more")
    assert page.context.cookies() == []
