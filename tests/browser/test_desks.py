"""What the colleagues around an incident do: calls, credits, tracks. The admin runs under the same CSP as the rest."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from comms.actions import credits
from comms.actions.outreach import log_outreach
from comms.choices import CreditState, IncidentStatus, Mood, OutreachWay
from comms.models import Credit, Incident
from customers import clock
from customers.policies.roles import APPROVER
from tests.browser.marks import STORY
from tests.comms.support import age, told
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish

pytestmark = STORY


@pytest.fixture
def incident(databases, northwind, business) -> Incident:
    incident = make_incident(databases, title="Replication of pg-fra-7 stalls")
    publish(incident)
    return incident


def test_csm_logs_a_call_and_sees_what_he_owes(visit, incident, northwind, business, csm):
    northwind.owner = csm
    northwind.save()
    yesterday = (clock.now() - timedelta(days=1)).date()
    log_outreach(
        account=make_account("Harbour Ltd", owner=csm, uses=(make_component(),)),
        incident=None,
        contact=None,
        person=csm,
        at=clock.now() - timedelta(days=3),
        way=OutreachWay.EMAIL,
        said="He wants a report.",
        mood=Mood.CONCERNED,
        next_step="Send the report",
        next_step_due=yesterday,
        logged_by=csm,
    )
    page = visit(csm, "/room/outreach/")
    overdue = page.get_by_role("region", name="Overdue next steps")
    expect(overdue).to_contain_text("Send the report")
    expect(overdue).to_contain_text("1 day overdue")

    page.get_by_role("link", name="Log the call Northwind Ltd").click()
    page.get_by_label("Spoken with").select_option(label="Bea Business, business")
    page.get_by_role("radio", name="Video call").click()
    page.get_by_label("What was said").fill("She asked when it ends.")
    page.get_by_role("radio", name="Angry").click()
    page.get_by_label("Next step").fill("Call again")
    page.get_by_label("Due").fill((clock.now() + timedelta(days=2)).strftime("%Y-%m-%d"))
    page.get_by_role("button", name="Log it").click()

    expect(page.get_by_role("status")).to_contain_text("Logged: Northwind Ltd.")
    entry = page.get_by_role("region", name="My log").get_by_role("listitem").first
    for words in ("Northwind Ltd", "video call", "Mara Lindqvist", "Bea Business", "She asked when it ends.", "Angry"):
        expect(entry).to_contain_text(words)
    expect(page.get_by_role("region", name="Next steps to come")).to_contain_text("Call again")
    expect(page.get_by_role("heading", name="Nobody waits for your call")).to_be_visible()

    overdue.get_by_role("button", name="Mark done Send the report").click()
    expect(page.get_by_role("status")).to_contain_text("Done: Send the report.")
    expect(overdue).to_have_count(0)


def test_approver_signs_a_credit_and_the_customer_sees_it(visit, databases, business, northwind):
    approver = make_user(APPROVER, name="Pia Approver")
    customer = make_account("Acme", uses=(databases,), policy="Standard")
    reader = make_contact(customer, login=True)
    incident = make_incident(databases)
    age(incident, timedelta(hours=20))
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    assert credits.propose(incident_id=incident.pk)
    credit = Credit.objects.filter(account=customer).latest("month")
    page = visit(approver, "/room/credits/")

    page.get_by_role("link", name=f"Approve or decline {credit}").click()
    page.get_by_label("Note:").fill("As agreed")
    page.get_by_role("button", name="Approve and tell the customer").click()

    expect(page.locator(".messagelist")).to_contain_text(f"Approved: {credit}.")
    credit.refresh_from_db()
    assert (credit.state, credit.decided_by, credit.decision_note) == (CreditState.APPROVED, approver, "As agreed")
    theirs = visit(reader.user, f"/incidents/{incident.pk}/")
    expect(theirs.get_by_role("region", name="Your credit")).to_contain_text(f"{credit.amount} {credit.currency}")
    others = visit(business.user, f"/incidents/{incident.pk}/")
    expect(others.get_by_role("region", name="Updates")).to_be_visible()
    assert others.get_by_role("region", name="Your credit").count() == 0


def test_support_sets_a_track_and_the_next_update_follows_it(visit, incident, business, support):
    reader = visit(business.user, f"/incidents/{incident.pk}/")
    expect(reader.locator("#live-chip")).to_have_text("Live")
    assert "p95 of writes" not in reader.content()
    page = visit(support, "/admin/customers/contact/")
    page.get_by_role("searchbox").fill("Bea")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Bea Business").click()
    page.get_by_role("link", name="Set track").click()
    page.get_by_label("Technical: causes, components, diagnostics").check()
    page.get_by_label("Reason").fill("Runs their database herself")
    page.get_by_role("button", name="Set track").click()
    expect(page.locator(".messagelist")).to_contain_text("It counts from the next message on.")
    expect(page.locator("#content-main")).to_contain_text("Runs their database herself")

    update = publish(incident, IncidentStatus.IDENTIFIED)

    assert told(update) == [(business.email, "technical")]
    expect(reader.locator("#updates > *").first).to_contain_text("p95 of writes is 4 s")
    expect(reader).to_have_title(re.compile("^Identified: Replication of pg-fra-7 stalls"))
    expect(reader.locator("#updates > *")).to_have_count(2)
