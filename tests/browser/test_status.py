"""The public page in a browser: with the keyboard, without JavaScript, on a phone, and the banner on another site."""

import http.server
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, expect

from comms.choices import IncidentStatus
from comms.models import PublicIncident
from customers import clock
from customers.models import Company, Service
from portal.status.copy import Copy
from tests.browser.marks import STORY
from tests.browser.test_narrow import LONG, too_wide
from tests.factories import make_maintenance, make_public_incident, make_public_service, tell

pytestmark = STORY


@pytest.fixture
def copy(db, settings) -> Copy:
    Company.objects.update(name="Harbourline")
    return Copy(Path(settings.STATUS_DIR))


@pytest.fixture
def public(db, server) -> Service:
    return make_public_service("Managed databases", group="Storage")


@pytest.fixture
def incident(public, copy) -> PublicIncident:
    """Open since yesterday; one that is over lies a week back."""
    now = clock.now()
    over = make_public_incident(public, title="Slow last week", level="partial", started_at=now - timedelta(days=7))
    tell(over, IncidentStatus.RESOLVED, "Over.", at=now - timedelta(days=7) + timedelta(minutes=90))
    made = make_public_incident(public, title="Databases are slow", started_at=now - timedelta(minutes=10))
    make_maintenance(public)
    copy.write()
    return made


def test_a_strip_is_one_stop_whose_days_the_arrow_keys_tell(visit, incident):
    page = visit(path="/status/")
    strip = page.get_by_role("slider", name="Managed databases")
    says = page.locator(".strip-says")
    usual = says.text_content()
    assert usual is not None
    assert usual.endswith("% uptime")
    page.get_by_role("link", name="Databases are slow").focus()
    page.keyboard.press("Tab")
    expect(strip).to_be_focused()
    expect(says).to_contain_text("Major outage")
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
    expect(says).to_contain_text("Partial outage, 1 h 30 min")
    assert strip.get_attribute("aria-valuetext") == says.text_content()
    page.keyboard.press("Home")
    expect(says).to_contain_text("Not known")
    expect(strip).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("Tab")
    expect(strip).not_to_be_focused()
    expect(says).to_have_text(usual)


def test_everything_is_read_without_javascript(visit, incident):
    page = visit(path="/status/", java_script_enabled=False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Our service is affected")
    expect(page.locator(".strip").first).to_have_attribute("role", "img")
    page.get_by_text("Day by day").click()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("Partial outage, 1 h 30 min")
    page.get_by_role("link", name="Databases are slow").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Databases are slow")
    page.get_by_role("link", name="History").first.click()
    page.get_by_role("link", name="Slow last week").click()
    expect(page.locator(".said")).to_contain_text("Over.")
    page.goto("/status/")
    page.get_by_role("link", name="New storage").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("New storage")
    assert page.context.cookies() == []


def test_times_are_in_the_readers_zone_with_utc_beside_them(visit, incident):
    page = visit(path=f"/status/incidents/{incident.key}/", timezone_id="Asia/Tokyo")
    at = incident.started_at
    expect(page.locator(".facts time").first).to_contain_text(f"({at:%H:%M} UTC)")
    expect(page.locator("[data-zone]")).to_contain_text("Asia/Tokyo")


def test_no_page_scrolls_sideways(visit, copy, server):
    long = make_public_service(f"{LONG}service"[:80], group=f"{LONG}group"[:80])
    made = make_public_incident(long, title=f"{LONG}{LONG}"[:160], body=f"{LONG}{LONG}{LONG}")
    work = make_maintenance(long, public_title=f"{LONG}{LONG}"[:160], public_text=f"{LONG}{LONG}{LONG}")
    copy.write()
    paths = ["/status/", "/status/history/", f"/status/history/{made.started_at:%Y-%m}/"]
    paths += [f"/status/incidents/{made.key}/", f"/status/maintenance/{work.key}/"]
    assert too_wide(visit(path="/status/"), paths) == {}


SITE = """<!doctype html><title>A shop</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {0}; connect-src {0}">
<p>The shop's own page</p><script src="{0}/banner.js" async></script>"""


@pytest.fixture
def shop(server) -> Iterator[str]:
    """Another site, with a strict policy, that includes the banner."""

    class Shop(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = SITE.format(django_settings.SITE_URL).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}/"
    serving.shutdown()
    thread.join()
    serving.server_close()


def test_the_banner_shows_on_another_site_and_can_be_closed(chromium: Browser, incident, copy, shop):
    context = chromium.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if "Policy" in said.text else None)
    page.goto(shop)
    banner = page.get_by_role("region", name="Status")
    expect(banner).to_contain_text("Databases are slow – Major outage, Investigating")
    assert banner.evaluate("one => getComputedStyle(one).display") == "flex"  # its styles were let in
    page.get_by_role("button", name="Close").click()
    expect(banner).to_have_count(0)
    page.reload()
    page.get_by_text("The shop's own page").wait_for()
    page.wait_for_load_state("networkidle")
    expect(banner).to_have_count(0)
    tell(incident, IncidentStatus.IDENTIFIED, "Found.", {incident_service(incident): "partial"})
    copy.write()
    page.reload()
    expect(banner).to_contain_text("Partial outage, Identified")
    assert (complaints, context.cookies()) == ([], [])
    context.close()


def incident_service(incident: PublicIncident) -> Service:
    return Service.objects.get(components__impacts__incident=incident.incident_id)
