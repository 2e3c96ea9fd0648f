"""Nothing moves under a reader's eyes, what matters interrupts him, and he decides what he reads."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from comms.choices import IncidentStatus, Variant
from comms.models import Incident, Reading
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Severity
from customers.models import Contact
from tests.browser.marks import STORY
from tests.browser.test_live import DISCONNECTED, chip, mark_as_loaded, shown, was_not_reloaded
from tests.factories import make_incident, publish

pytestmark = STORY
TOP = "one => one.getBoundingClientRect().top"


@pytest.fixture
def incident(databases, business, technical, lead) -> Incident:
    incident = make_incident(databases, title="Replication of pg-fra-7 stalls")
    incident.facts.suspected_cause = "cause-marker"
    incident.facts.save()
    publish(incident, author=lead)
    return incident


def live(page: Page) -> Page:
    expect(chip(page)).to_have_text("Live")
    mark_as_loaded(page)
    return page


def sockets_of(page: Page) -> list[str]:
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    return opened


def icon(page: Page) -> str:
    return re.search(r"img/([\w-]+)\.svg$", page.locator("link[rel=icon]").get_attribute("href") or "")[1]


def test_what_is_being_read_stays_where_it_is_and_a_button_says_what_came(visit, incident, business):
    for _ in range(8):
        publish(incident, texts={Variant.BUSINESS: Text(note="words " * 60), Variant.TECHNICAL: Text()})
    page = live(visit(business.user, f"/incidents/{incident.pk}/"))
    reading = page.locator(f"#update-{incident.pk}-3")
    reading.scroll_into_view_if_needed()
    before = reading.evaluate(TOP)
    jump = page.locator("#live-jump")
    expect(jump).to_be_hidden()

    publish(incident)
    expect(jump).to_have_text("1 new update")
    publish(incident)
    expect(jump).to_have_text("2 new updates")

    assert abs(reading.evaluate(TOP) - before) < 2
    jump.click()
    expect(page.locator("#updates > *").first).to_be_in_viewport()
    expect(page.locator("#updates > *").first).to_be_focused()
    expect(jump).to_be_hidden()
    assert shown(page)[0] == "11"


def test_at_the_top_no_button_is_needed(visit, incident, business):
    page = live(visit(business.user, f"/incidents/{incident.pk}/"))
    publish(incident)
    expect(page.locator("#updates > *")).to_have_count(2)
    expect(page.locator("#live-jump")).to_be_hidden()


def test_the_tab_shows_the_state_and_nothing_when_it_is_not_known(visit, watch, incident, business):
    watch.expect(DISCONNECTED)
    page = live(visit(business.user))
    assert icon(page) == "state-major"

    publish(incident, IncidentStatus.RESOLVED)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your service is working.")
    expect(page).to_have_title(re.compile("^Your service is working"))
    assert icon(page) == "state-operational"
    page.context.set_offline(True)
    expect(chip(page)).to_contain_text(re.compile(r"Offline · as of \d\d:\d\d"))
    assert icon(page) == "state-unknown"
    page.context.set_offline(False)
    expect(chip(page)).to_have_text("Live")
    assert icon(page) == "state-operational"


def test_only_severity_5_and_an_action_of_the_reader_interrupt(visit, incident, business):
    home, page = visit(business.user), visit(business.user, f"/incidents/{incident.pk}/")
    alarms = [one.locator("#live-alarm") for one in (live(home), live(page))]

    publish(incident)
    for one in (home, page):
        expect(one.locator("#live-news")).to_have_text("New update: investigating")
    assert [alarm.text_content() for alarm in alarms] == ["", ""]
    incident.facts.customer_action = "Please wait with imports."
    incident.facts.save()
    publish(incident)
    for alarm in alarms:
        expect(alarm).to_have_text("Your action is needed")
    Incident.objects.filter(pk=incident.pk).update(severity=Severity.FIVE)
    publish(incident, override_reason="at once")
    for alarm in alarms:
        expect(alarm).to_have_text("Severity 5: critical failure")


def test_no_clock_is_ever_read_out(visit, incident, business):
    for path in ("/", f"/incidents/{incident.pk}/"):
        page = live(visit(business.user, path))
        said = page.locator("[aria-live], [role=status], [role=alert]")
        assert said.evaluate_all("all => all.map(one => one.id)") == ["live-news", "live-alarm"]
        assert page.locator("[aria-live] [data-countdown]").count() == 0


def test_a_page_that_comes_back_is_up_to_date_at_once(visit, incident, business):
    page = live(visit(business.user, f"/incidents/{incident.pk}/"))
    opened = sockets_of(page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    publish(incident)

    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    expect(page.locator("#updates > *")).to_have_count(2)
    expect(chip(page)).to_have_text("Live")
    assert len(opened) == 1
    assert was_not_reloaded(page)


def test_after_sleep_the_page_connects_anew(visit, incident, business):
    page = visit(business.user, f"/incidents/{incident.pk}/")
    page.clock.install()
    page.reload()
    live(page)
    opened = sockets_of(page)

    page.clock.fast_forward("05:00")  # as when the lid was closed
    publish(incident)

    expect(page.locator("#updates > *")).to_have_count(2)
    expect(chip(page)).to_have_text("Live")
    assert len(opened) == 1
    assert was_not_reloaded(page)


def test_where_sockets_are_blocked_the_page_asks(visit, watch, incident, business):
    watch.expect(DISCONNECTED)
    page = visit(business.user, "/account/sessions/")
    page.context.route_web_socket(re.compile("/live/$"), lambda socket: socket.close())
    page.clock.install()
    page.goto(f"/incidents/{incident.pk}/")
    mark_as_loaded(page)
    expect(page.locator("#live-news")).to_have_text("The live connection is lost. We keep trying")
    publish(incident)

    page.clock.fast_forward("00:31")

    expect(page.locator("#updates > *")).to_have_count(2)
    expect(chip(page)).to_contain_text("Reconnecting · as of")
    assert was_not_reloaded(page)


def test_a_click_opens_the_other_text_of_one_update(visit, incident, business):
    publish(incident)
    page = live(visit(business.user, f"/incidents/{incident.pk}/"))
    first = page.locator(f"#update-{incident.pk}-1")
    assert "cause-marker" not in page.content()

    first.get_by_role("link", name="Technical details of this update").click()

    expect(first).to_contain_text("cause-marker")
    expect(page.locator(f"#update-{incident.pk}-2")).not_to_contain_text("cause-marker")
    first.locator("summary").click()
    expect(first.get_by_text("cause-marker")).to_be_hidden()
    assert was_not_reloaded(page)


def test_what_came_live_can_be_opened_too(visit, incident, business):
    page = live(visit(business.user, f"/incidents/{incident.pk}/"))
    publish(incident)
    newest = page.locator(f"#update-{incident.pk}-2")
    newest.get_by_role("link", name="Technical details of this update").click()
    expect(newest).to_contain_text("cause-marker")
    assert was_not_reloaded(page)


def test_a_reader_of_the_other_track_gets_its_next_update_live(visit, incident, business):
    page = visit(business.user, f"/incidents/{incident.pk}/?track=technical")
    live(page)
    expect(page.locator("#updates")).to_contain_text("cause-marker")

    incident.facts.suspected_cause = "second-marker"
    incident.facts.save()
    publish(incident)

    expect(page.locator("#updates > *")).to_have_count(2)
    expect(page.locator("#updates > *").first).to_contain_text("second-marker")
    assert was_not_reloaded(page)


def test_what_came_live_counts_as_read(visit, incident, business):
    page = live(visit(business.user, f"/incidents/{incident.pk}/"))
    with page.expect_response(re.compile(r"/mine/\?seen=2")):
        publish(incident)
    assert set(Reading.objects.filter(contact=business).values_list("message__sequence", flat=True)) == {1, 2}


def test_a_customer_sets_his_preferences_without_javascript(visit, watch, incident, business):
    watch.expect("status of 422")  # what he forgot
    page = visit(business.user, "/preferences/", java_script_enabled=False)
    assert page.locator('meta[http-equiv="refresh"]').count() == 0  # it would wipe what is half written
    page.get_by_label("Time zone").fill("berlin")
    page.get_by_role("button", name="Save language and times").click()
    expect(page.locator("footer")).to_contain_text("Europe/Berlin")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("Start and end only").check()
    page.get_by_role("button", name="Save what we send").click()
    expect(page.locator("form .field-error")).to_have_text("Quiet hours need both times, or neither.")
    expect(page.get_by_label("Quiet from")).to_have_value("22:00")
    page.get_by_label("Quiet until").fill("06:00")
    page.get_by_role("button", name="Save what we send").click()
    expect(page.get_by_text("Saved. It counts from the next message on.")).to_be_visible()
    page.get_by_role("radio", name="Technical").check()
    page.get_by_role("button", name="Save my choice").click()
    expect(page.get_by_text("Saved. You read these texts from now on")).to_be_visible()

    saved = Contact.objects.get(pk=business.pk)
    assert (saved.timezone, saved.wants, saved.effective_track) == ("Europe/Berlin", "ends", "technical")
    page.goto(f"/incidents/{incident.pk}/")
    expect(page.locator("#updates")).to_contain_text("cause-marker")


def test_all_of_the_other_track_opens_without_javascript(visit, incident, business):
    page = visit(business.user, f"/incidents/{incident.pk}/", java_script_enabled=False)
    assert "cause-marker" not in page.content()
    page.get_by_role("link", name="Technical details", exact=True).click()
    expect(page.locator("#updates")).to_contain_text("cause-marker")
    page.get_by_role("link", name="Plain version").click()
    expect(page.locator("#updates")).not_to_contain_text("cause-marker")
    page.get_by_role("link", name="Technical details of this update").click()
    expect(page.locator("#updates")).to_contain_text("cause-marker")


def test_a_customer_searches_his_history(visit, databases, business):
    for n, day in enumerate((3, 2)):
        old = make_incident(databases, detected_at=clock.now() - timedelta(days=day))
        publish(old, texts={Variant.BUSINESS: Text(note=f"word-{n}"), Variant.TECHNICAL: Text()})
        publish(old, IncidentStatus.RESOLVED)
    page = visit(business.user, "/incidents/", java_script_enabled=False)
    page.get_by_label("Words or one of your names").fill("word-1")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".rows > li")).to_have_count(1)
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".rows > li")).to_have_count(2)
