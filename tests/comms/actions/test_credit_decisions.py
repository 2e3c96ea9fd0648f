"""A credit is signed once, after the incident, and its letter goes apart from it (H2, D3)."""

from decimal import Decimal

import pytest

from comms.actions import credits
from comms.actions.credits import CannotDecide
from comms.choices import IncidentStatus, Lane, TimelineKind
from comms.models import Credit, Delivery, Message
from customers.choices import ContactRole, Track
from tests.comms.support import resolved_incident
from tests.factories import make_account, make_component, make_contact, make_user, publish, utc

pytestmark = pytest.mark.django_db
START = utc(2026, 10, 10, 12)


@pytest.fixture
def component():
    return make_component()


@pytest.fixture
def account(component):
    return make_account("Jensen & Co", uses=(component,), policy="Standard", monthly_fee=Decimal("99.90"))


@pytest.fixture
def incident(component, account):
    incident = resolved_incident((component, START, 30_000))
    credits.propose(incident_id=incident.pk)
    return incident


def test_approve_sends_one_letter_per_track_apart_from_the_incident(incident, component, account, commander):
    for role, track in (
        (ContactRole.BILLING, Track.BUSINESS),
        (ContactRole.ADMINISTRATOR, Track.TECHNICAL),
        (ContactRole.TECHNICAL, Track.TECHNICAL),
    ):
        make_contact(account, track, role=role, email=f"{role}@customer.example")
    make_contact(make_account(uses=(component,)), Track.BUSINESS, role=ContactRole.BILLING)

    credit = credits.approve(credit_id=Credit.objects.get().pk, approver=commander, note=" agreed ")

    assert (credit.state, credit.decided_by, credit.decision_note) == ("approved", commander, "agreed")
    sent = Delivery.objects.values_list("contact_point__address", "message__variant", "lane")
    assert sorted(sent) == [
        ("administrator@customer.example", "technical", Lane.NORMAL),
        ("billing@customer.example", "business", Lane.NORMAL),
    ]
    business, technical = Message.objects.filter(credit=credit).order_by("variant")
    assert business.subject == "Your service credit for October 2026: 9.99 EUR"
    assert "down in the month" not in business.text
    assert f"{component.service}: 8 h 20 min 00 s down in the month, uptime 98.879 %, credit 10 %" in technical.text
    assert incident.timeline.filter(kind=TimelineKind.CREDIT).first().text == (
        "Credit approved: 9.99 EUR for Jensen & Co; told to 2."
    )


def test_approve_or_decline_again_is_refused_and_tells_nobody(incident, commander):
    credit = Credit.objects.get()
    credits.approve(credit_id=credit.pk, approver=commander)
    told = Message.objects.count()
    with pytest.raises(CannotDecide, match="was approved by Kim Commander already"):
        credits.approve(credit_id=credit.pk, approver=make_user())
    with pytest.raises(CannotDecide, match="already"):
        credits.decline(credit_id=credit.pk, approver=commander, note="no")
    assert Message.objects.count() == told


def test_approve_while_the_incident_is_open_again_is_refused(incident, commander):
    publish(incident, IncidentStatus.INVESTIGATING)
    with pytest.raises(CannotDecide, match="is not resolved: credits are told after it"):
        credits.approve(credit_id=Credit.objects.get().pk, approver=commander)
    assert not Message.objects.filter(credit__isnull=False).exists()


def test_decline_needs_a_reason_and_tells_nobody_outside(incident, commander):
    credit = Credit.objects.get()
    with pytest.raises(CannotDecide, match="Say why"):
        credits.decline(credit_id=credit.pk, approver=commander, note=" ")
    credits.decline(credit_id=credit.pk, approver=commander, note="their own fault")
    credit.refresh_from_db()
    assert (credit.state, credit.decision_note) == ("declined", "their own fault")
    assert not Message.objects.filter(credit=credit).exists()
    assert credits.propose(incident_id=incident.pk) == 0
