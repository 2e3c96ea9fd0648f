"""A customer tells us that something is wrong, and an answer comes back to him; without JavaScript, too (F4)."""

import pytest
from playwright.sync_api import expect

from comms.actions import deliveries
from comms.choices import Lane
from comms.models import Incident, Voice
from demo.sink.server import Sink
from tests.browser.marks import STORY
from tests.comms.support import body
from tests.factories import make_incident, publish

pytestmark = STORY


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def incident(databases) -> Incident:
    """Published before anybody is there who would be mailed of it."""
    incident = make_incident(databases, classified=True)
    publish(incident)
    return incident


def test_a_report_is_answered_in_the_portal_and_by_one_mail(visit, watch, databases, business, lead, sink):
    watch.expect("Failed to load resource: the server responded with a status of 422")  # nothing was filled in
    customer = visit(business.user, java_script_enabled=False)
    customer.get_by_role("link", name="Tell us").click()
    customer.get_by_role("button", name="Tell the team").click()
    expect(customer.get_by_role("alert")).to_contain_text("What you typed is kept.")
    customer.get_by_label("Which service").select_option("Managed databases")
    customer.get_by_label("What you see").fill("Every write takes a minute.")
    customer.get_by_role("button", name="Tell the team").click()
    expect(customer.get_by_role("heading", level=1)).to_have_text("Thank you, we have it")

    desk = visit(lead, "/room/voices/", java_script_enabled=False)
    desk.get_by_role("checkbox", name="Every write takes a minute.").check()
    desk.get_by_role("button", name="Answer the chosen").click()
    expect(desk.locator(".page-lead")).to_contain_text("1 mail leaves")
    desk.get_by_label("The answer").fill("We found the cause and repair it.")
    desk.get_by_role("button", name="Send 1 mail").click()
    expect(desk.get_by_role("status")).to_contain_text("Answered. 1 mail leaves now")
    deliveries.pump(Lane.NORMAL)

    customer.get_by_role("link", name="Report something else").click()
    told = customer.get_by_role("region", name="What you told us")
    expect(told).to_contain_text("Every write takes a minute.")
    expect(told).to_contain_text("We found the cause and repair it.")
    expect(told).to_contain_text("Lea Lead")
    (mail,) = sink.wait_for(1)
    assert mail.rcpt_to == (business.email,)
    assert "We found the cause and repair it." in body(mail.message, "plain")


def test_me_too_and_a_question_about_an_incident(visit, incident, business, lead):
    page = visit(business.user, f"/incidents/{incident.pk}/", java_script_enabled=False)
    page.get_by_role("button", name="I see this too").click()
    expect(page.locator("#voices")).to_contain_text("You said that you see this too.")
    page.get_by_role("link", name="Ask the team").click()
    page.get_by_label("Your question").fill("Until when?")
    page.get_by_role("button", name="Send the question").click()
    expect(page.locator("#voices")).to_contain_text("Not answered yet.")

    room = visit(lead, f"/room/{incident.pk}/", java_script_enabled=False)
    expect(room.locator("#voices")).to_contain_text("Until when?")
    room.get_by_role("button", name="Answer all 2 that wait").click()
    room.get_by_label("The answer").fill("Until noon.")
    room.get_by_role("button", name="Send 1 mail").click()
    page.reload()
    expect(page.locator("#voices")).to_contain_text("Until noon.")


def test_with_javascript_the_form_opens_in_the_page_and_two_clicks_are_one_voice(visit, incident, business):
    page = visit(business.user, f"/incidents/{incident.pk}/")
    page.get_by_role("link", name="Ask the team").click()
    words = page.get_by_label("Your question")
    expect(words).to_be_focused()
    words.fill("Until when?")
    publish(incident)
    expect(page.locator(".update")).to_have_count(2)
    expect(words).to_have_value("Until when?")  # the page renews itself around it
    page.get_by_role("button", name="Send the question").dblclick()
    expect(page.locator("#voices")).to_contain_text("Until when?")
    assert list(Voice.objects.values_list("kind", "words")) == [("question", "Until when?")]


def test_feedback_is_given_by_keyboard(visit, incident, business):
    page = visit(business.user, f"/incidents/{incident.pk}/")
    page.get_by_role("link", name="Give feedback").focus()
    page.keyboard.press("Enter")
    clear = page.get_by_role("group", name="Was it clear?")
    clear.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    expect(clear.get_by_role("radio", name="2")).to_be_checked()
    page.get_by_role("button", name="Send feedback").press("Enter")
    expect(page.locator("#feedback")).to_contain_text("You have told us, thank you.")
