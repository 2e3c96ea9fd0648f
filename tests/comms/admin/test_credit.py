from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from comms.choices import CreditState, IncidentStatus
from comms.models import Credit, CreditLine, Delivery, Incident
from customers.choices import ContactRole, Track
from customers.models import User
from customers.policies.roles import APPROVER
from tests.customers.admin.support import client_of, said, text_of, url
from tests.factories import make_account, make_component, make_contact, make_incident, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def approver(db) -> User:
    return make_user(APPROVER, name="Pia Approver")


def make_credit(name: str = "Acme", month: date = date(2026, 6, 1), **fields) -> Credit:
    component = make_component(f"db of {name}")
    account = make_account(name, uses=(component,), policy="Standard")
    make_contact(account, Track.BUSINESS, role=ContactRole.BILLING)
    incident = make_incident(component)
    Incident.objects.filter(pk=incident.pk).update(
        status=IncidentStatus.RESOLVED, resolved_at=timezone.now(), published_at=timezone.now()
    )
    credit = Credit.objects.create(
        account=account, incident=incident, month=month, monthly_fee=Decimal(100), percent=Decimal("10.00"),
        amount=Decimal("10.00"), currency="EUR", policy_name="Standard", proposed_at=timezone.now(), **fields,
    )  # fmt: skip
    CreditLine.objects.create(
        credit=credit, service=component.service, downtime=93_784, downtime_of_incident=3_605,
        uptime=Decimal("96.38179012"), percent=Decimal("10.00"),
    )  # fmt: skip
    return credit


def decide(client, credit: Credit, verb: str, note: str = ""):
    response = client.post(url("comms.credit", verb, credit.pk), {"note": note}, follow=True)
    credit.refresh_from_db()
    return response


def test_list_puts_what_waits_for_a_signature_first(approver):
    decided = {"state": CreditState.DECLINED, "decided_by": approver, "decided_at": timezone.now()}
    waiting = make_credit("Waiting")
    declined = make_credit("Declined", **decided)
    client = client_of(approver)

    assert list(client.get(url("comms.credit")).context["cl"].result_list) == [waiting, declined]
    filtered = client.get(url("comms.credit"), {"state__exact": "declined"})
    assert list(filtered.context["cl"].result_list) == [declined]


def test_list_by_month(approver):
    june, may = make_credit("June"), make_credit("May", month=date(2026, 5, 1))
    client = client_of(approver)

    page = client.get(url("comms.credit"), {"month": "2026-05-01"})

    assert list(page.context["cl"].result_list) == [may]
    assert "June 2026" in text_of(page)  # among the filters
    assert set(client.get(url("comms.credit"), {"month": "2026-99-01"}).context["cl"].result_list) == {june, may}


def test_page_shows_the_arithmetic(approver):
    credit = make_credit()

    page = text_of(client_of(approver).get(url("comms.credit", "change", credit.pk)))

    service = CreditLine.objects.get().service.name
    assert f"{service} 26:03:04 1:00:05 96.38179012 % 10 %" in page
    assert "Month: June 2026" in page
    assert "Amount: 10.00 EUR" in page
    assert (
        "Approve and tell the customer"
        in client_of(approver).get(url("comms.credit", "change", credit.pk)).content.decode()
    )


def test_approve_sends_the_letter(approver):
    credit = make_credit()

    response = decide(client_of(approver), credit, "approve", "As agreed")

    assert said(response) == ["Approved: 10.00 EUR for Acme. The customer is told now, in a message of its own."]
    assert (credit.state, credit.decided_by, credit.decision_note) == ("approved", approver, "As agreed")
    assert Delivery.objects.filter(message__credit=credit).count() == 1
    assert "Approve and tell" not in response.content.decode()


def test_decline_needs_a_note_and_tells_nobody(approver):
    credit = make_credit()
    client = client_of(approver)

    refused = decide(client, credit, "decline", "  ")
    assert said(refused) == ["Nothing was decided. Say why the credit is declined."]
    assert credit.state == CreditState.PROPOSED

    response = decide(client, credit, "decline", "Excluded by contract")
    assert said(response) == ["Declined: 10.00 EUR for Acme. Nobody outside is told."]
    assert (credit.state, credit.decision_note) == ("declined", "Excluded by contract")
    assert not Delivery.objects.filter(message__credit=credit).exists()


def test_approve_waits_while_its_incident_is_open_again(approver):
    credit = make_credit()
    Incident.objects.update(status=IncidentStatus.MONITORING, resolved_at=None)
    client = client_of(approver)
    words = f"INC-{credit.incident_id} is open: a credit can be approved only after it is resolved."
    assert words in text_of(client.get(url("comms.credit", "change", credit.pk)))

    response = decide(client, credit, "approve")

    assert said(response) == [
        f"Nothing was decided. INC-{credit.incident_id} is not resolved: credits are told after it, never before."
    ]
    assert credit.state == CreditState.PROPOSED
    assert not Delivery.objects.exists()


def test_a_second_decision_is_refused_in_words(approver):
    credit = make_credit()
    client = client_of(approver)
    decide(client, credit, "approve")

    response = decide(client, credit, "decline", "Changed my mind")

    assert said(response) == ["Nothing was decided. This credit was approved by Pia Approver already."]
    assert credit.state == CreditState.APPROVED


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_only_an_approver_decides_and_only_by_post(verb, approver, csm):
    credit = make_credit()

    assert decide(client_of(csm), credit, verb, "note").status_code == 403
    assert client_of(approver).get(url("comms.credit", verb, credit.pk)).status_code == 405
    assert "Approve and tell" not in client_of(csm).get(url("comms.credit", "change", credit.pk)).content.decode()
    credit.refresh_from_db()
    assert credit.state == CreditState.PROPOSED
