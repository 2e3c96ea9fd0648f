from datetime import date
from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.models import Credit, CreditLine, Incident
from customers import clock
from customers.models import Account, Service
from portal.room.credits import exactly
from tests.factories import make_account, make_incident


def propose(account: Account, incident: Incident, service: Service, **fields) -> Credit:
    credit = Credit.objects.create(
        account=account,
        incident=incident,
        month=date(2026, 11, 1),
        monthly_fee=Decimal(1000),
        percent=Decimal(10),
        amount=Decimal("100.00"),
        currency="EUR",
        policy_name="Gold",
        proposed_at=clock.now(),
        **fields,
    )
    CreditLine.objects.create(
        credit=credit,
        service=service,
        downtime=3725,
        downtime_of_incident=3725,
        uptime=Decimal("99.85628858"),
        percent=Decimal(10),
    )
    return credit


def test_credits_show_what_a_proposal_rests_on(as_user, lead, component):
    propose(make_account("Bakery"), make_incident(component), component.service)

    page = as_user(lead).get("/room/credits/").content.decode()

    shown = ["Bakery", "100.00 EUR", "1 h 02 min 05 s", "99.8563 %", "10 % of 1000.00 EUR by Gold", "November 2026"]
    assert [words for words in shown if words not in page] == []


def test_credits_put_decided_ones_last(as_user, lead, component):
    incident = make_incident(component)
    waits = propose(make_account(), incident, component.service)
    decided = propose(
        make_account(), incident, component.service, state="declined", decided_by=lead, decided_at=clock.now()
    )

    response = as_user(lead).get("/room/credits/")

    assert [credit for credit, _ in response.context["proposed"]] == [waits]
    assert [credit for credit, _ in response.context["decided"]] == [decided]


def test_credits_queries_do_not_grow(as_user, lead, component):
    client = as_user(lead)
    counts = []
    for n in (1, 3):
        for _ in range(n):
            propose(make_account(), make_incident(component), component.service)
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/room/credits/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


def test_exactly_names_every_second():
    assert [exactly(n) for n in (0, 59, 3600, 90061)] == [
        "0 h 00 min 00 s",
        "0 h 00 min 59 s",
        "1 h 00 min 00 s",
        "25 h 01 min 01 s",
    ]
