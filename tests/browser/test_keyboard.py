"""Everything a customer needs is reached with the keyboard alone, and he sees where he is."""

import re
from datetime import time

from django.core import mail
from playwright.sync_api import Page, expect

from comms.choices import IncidentStatus
from customers.models import Service
from tests.browser.marks import STORY
from tests.factories import PASSWORD, make_incident, publish

pytestmark = STORY
MOST = 80  # stops; no page has as many
FOCUSED = """() => {
  const is = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(is);
  if (is === document.body) return { text: "", name: "", seen: true }; // past the last stop, before the first again
  const seen = outlineStyle !== "none" && outlineWidth !== "0px";
  return { text: is.textContent.trim(), name: is.name ?? "", seen };
}"""


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what these words name has the focus; every stop on the way shows it.

    A field is named by its name, or by how that ends, from a dash on.
    """
    passed = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        assert stop["seen"], f"nobody sees that {stop} has the focus"
        if words in (stop["text"], stop["name"]) or (words.startswith("-") and stop["name"].endswith(words)):
            return
        passed.append(stop["text"] or stop["name"])
    raise AssertionError(f"Tab never comes to {words}, only to {passed}")


def test_customer_signs_in_reads_and_signs_out(visit, databases, business):
    publish(make_incident(databases))
    page = visit()

    tab_to(page, "login")
    page.keyboard.type(business.email)
    tab_to(page, "password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your service is affected.")
    page.wait_for_load_state()  # a browser that is still loading may take the focus back to the fragment

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, "Managed databases")
    page.keyboard.press("Enter")
    expect(page.locator("#updates")).to_contain_text("Your site may be slow.")
    page.wait_for_load_state()

    tab_to(page, business.name)
    page.keyboard.press("Enter")
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def go(page: Page, words: str) -> None:
    tab_to(page, words)
    page.keyboard.press("Enter")


def test_customer_does_what_he_came_for(visit, databases, business, technical, lead):
    """Technical details, "I see this too", quiet hours, an incident of the past."""
    old = make_incident(databases, title="Old trouble")
    publish(old, author=lead)
    publish(old, IncidentStatus.RESOLVED, author=lead)
    incident = make_incident(databases, title="Replication stalls")
    publish(incident, author=lead)
    page = visit(business.user, f"/incidents/{incident.pk}/")
    page.wait_for_load_state()

    go(page, "Technical details")
    expect(page.locator("#updates")).to_contain_text("p95 of writes is 4 s")
    page.wait_for_load_state()
    go(page, "I see this too")
    expect(page.locator("#voices")).to_contain_text("You said that you see this too.")
    page.wait_for_load_state()

    go(page, business.name)
    go(page, "Preferences")
    expect(page.get_by_role("heading", level=1)).to_have_text("Preferences")
    page.wait_for_load_state()
    tab_to(page, "-quiet_from")
    page.keyboard.type("1000AM")  # a browser that counts to 24 passes over the letters
    tab_to(page, "-quiet_until")
    page.keyboard.type("1130AM")
    go(page, "Save what we send")
    expect(page.get_by_role("status").first).to_be_visible()
    business.refresh_from_db()
    assert (business.quiet_from, business.quiet_until) == (time(10), time(11, 30))

    page.wait_for_load_state()
    go(page, "History")
    expect(page.get_by_role("heading", level=1)).to_have_text("History")
    page.wait_for_load_state()
    tab_to(page, "q")
    page.keyboard.type("databases")
    page.keyboard.press("Enter")
    page.wait_for_url("**?*q=databases*")
    rows = page.locator(".row-link")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("Resolved")
    tab_to(page, "Managed databases")
    tab_to(page, "Managed databases")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/incidents/{old.pk}/$"))


def test_somebody_subscribes_to_the_public_page(visit, databases):
    Service.objects.update(is_public=True)
    page = visit(path="/status/subscribe/")
    page.wait_for_load_state()
    tab_to(page, "-address")
    page.keyboard.type("jo@public.example")
    tab_to(page, "-services")
    page.keyboard.press("Space")
    expect(page.get_by_label("Managed databases").first).to_be_checked()
    go(page, "Send me the confirmation")
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")
    assert mail.outbox[-1].to == ["jo@public.example"]
