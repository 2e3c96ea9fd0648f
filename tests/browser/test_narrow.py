"""No page scrolls sideways on a phone, whatever the names are."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import Page

from comms.actions import credits, publishing
from comms.actions.outreach import log_outreach
from comms.choices import IncidentStatus, Mood, OutreachWay
from comms.models import Incident
from comms.rendering.mail import unsubscribe_signer
from customers import clock
from customers.choices import Severity
from customers.models import Account, Company, Component
from tests.browser.marks import STORY
from tests.comms.support import age
from tests.factories import BOTH, make_account, make_component, make_incident, publish

pytestmark = STORY
PHONES = (390, 320)  # CSS pixels; 320 is WCAG 2.2, 1.4.10
STICKS_OUT = """() => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  if (document.documentElement.scrollWidth <= innerWidth) return "";
  const out = [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > innerWidth);
  return `by ${document.documentElement.scrollWidth - innerWidth}: ${out.at(-1)?.outerHTML.slice(0, 200)}`;
}"""
LONG = "long-" * 11  # a label of a domain name has at most 63 characters (RFC 1035, 2.3.4)


def too_wide(page: Page, paths: list[str]) -> dict[str, str]:
    """The pages that are wider than the window, with all their details open, and what of them sticks out."""
    wide: dict[str, str] = {}
    for width in PHONES:
        page.set_viewport_size({"width": width, "height": 800})
        for path in paths:
            answer = page.goto(path)
            assert answer is not None
            assert answer.ok
            if what := page.evaluate(STICKS_OUT):
                wide[f"{path} at {width}"] = what
    return wide


@pytest.fixture
def northwind(databases: Component, csm) -> Account:
    """Everything that is somebody else's word is as long as it may be."""
    Company.objects.update(name="Harbourline Managed Hosting and Continuity", support_phone="+49 30 1234567")
    label = f"{LONG}{LONG}.example"
    owned = {"owner": csm, "policy": "Standard", "label": label}
    return make_account("Northwind-Trading-Company-of-the-Northern-Seas Ltd", uses=(databases,), **owned)


@pytest.fixture
def databases(db: None) -> Component:
    return make_component(f"{LONG}pg-fra-7", cluster=f"{LONG}cluster"[:60], region="Frankfurt")


@pytest.fixture
def running(northwind, databases, business, technical, lead) -> Incident:
    incident = make_incident(databases, title=f"Replication of {LONG} stalls", classified=True)
    incident.facts.dashboard_url = f"https://graphs.example/{LONG}{LONG}"
    incident.facts.metrics = f"select_from_{LONG.replace('-', '_')}"
    incident.facts.save()
    publish(incident, author=lead)
    return incident


@pytest.fixture
def resolved(running, databases, lead) -> Incident:
    incident = make_incident(databases, title=f"The day before: {LONG}", classified=True)
    age(incident, timedelta(hours=20))
    publish(incident, author=lead)
    publish(incident, IncidentStatus.RESOLVED, author=lead)
    assert credits.propose(incident_id=incident.pk)
    return incident


def test_no_page_of_a_customer_scrolls_sideways(visit, running, resolved, business, technical):
    point = business.points.get()
    paths = ["/", "/incidents/", f"/incidents/{running.pk}/", f"/incidents/{resolved.pk}/", "/account/logout/"]
    assert too_wide(visit(business.user), paths) == {}
    paths += ["/preferences/", f"/incidents/{running.pk}/?track=technical", "/incidents/?q=none&state=open"]
    assert too_wide(visit(business.user), paths[-3:]) == {}
    assert too_wide(visit(technical.user), paths[:4]) == {}
    assert too_wide(visit(), ["/account/login/", "/account/password/reset/"]) == {}
    assert too_wide(visit(), [f"/unsubscribe/{unsubscribe_signer.sign(point.pk)}/"]) == {}


def test_no_page_of_the_room_scrolls_sideways(visit, running, resolved, lead, databases):
    draft = make_incident(databases, title=f"Nobody has looked: {LONG}")
    waiting = make_incident(databases, severity=Severity.FOUR, title=LONG, classified=True)
    publishing.schedule_update(
        incident_id=waiting.pk,
        expected_sequence=0,
        request_id=uuid4(),
        status=IncidentStatus.INVESTIGATING,
        texts=BOTH,
        author=lead,
        undo_seconds=0,
    )
    rooms = [f"/room/{incident.pk}/" for incident in (draft, waiting, running, resolved)]
    assert too_wide(visit(lead), ["/room/", "/room/open/", "/room/credits/", *rooms]) == {}


def test_no_page_of_the_desk_scrolls_sideways(visit, running, resolved, northwind, csm):
    log_outreach(
        account=northwind,
        incident=running,
        contact=None,
        person=csm,
        at=clock.now(),
        way=OutreachWay.PHONE,
        said=f"He reads {LONG}{LONG}",
        mood=Mood.ANGRY,
        next_step=f"Call about {LONG}",
        next_step_due=date(2026, 1, 2),
        logged_by=csm,
    )
    new = f"/room/outreach/new/?account={northwind.pk}&incident={running.pk}"
    assert too_wide(visit(csm), ["/room/outreach/", "/room/outreach/new/", new]) == {}
