"""Credits: exact to the second and the cent, nothing counted twice, signed once, told after the incident (H2)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from comms.actions import credits
from comms.choices import CreditState, ImpactLevel, IncidentStatus, TimelineKind
from comms.models import Credit, Incident
from customers.models import SlaPolicy
from tests.comms.support import overtake, resolved_incident
from tests.factories import (
    make_account,
    make_component,
    make_incident,
    make_usage,
    publish,
    utc,
)

pytestmark = pytest.mark.django_db
# Standard: below 99.5 % 5, below 99 % 10, below 95 % 25. October 2026 in UTC: 2,678,400 s; 0.5 % of it: 13,392 s.
HALF_PERCENT = 13_392
START = utc(2026, 10, 10, 12)


def lines(credit: Credit) -> list[tuple]:
    rows = credit.lines.order_by("service__position")
    return [(r.service, r.downtime, r.downtime_of_incident, r.percent) for r in rows]


@pytest.fixture
def component():
    return make_component()


@pytest.fixture
def account(component):
    return make_account("Jensen & Co", uses=(component,), policy="Standard", monthly_fee=Decimal("99.90"))


@pytest.mark.parametrize(
    ("seconds", "percent", "amount"),
    [
        (HALF_PERCENT, None, None),  # exactly 99.5 % is not below it
        (HALF_PERCENT + 1, "5", "5.00"),  # 4.995, half up
        (2 * HALF_PERCENT, "5", "5.00"),
        (2 * HALF_PERCENT + 1, "10", "9.99"),
        (10 * HALF_PERCENT + 1, "25", "24.98"),  # 24.975, half up
    ],
)
def test_propose_is_exact_to_the_second_and_the_cent(component, account, seconds, percent, amount):
    incident = resolved_incident((component, START, seconds))

    assert credits.propose(incident_id=incident.pk) == (0 if amount is None else 1)

    found = [(c.account, c.percent, c.amount, c.currency, c.month, c.policy_name) for c in Credit.objects.all()]
    if amount is None:
        assert found == []
        return
    assert found == [(account, Decimal(percent), Decimal(amount), "EUR", date(2026, 10, 1), "Standard")]
    line = Credit.objects.get().lines.get()
    assert (line.downtime, line.downtime_of_incident) == (seconds, seconds)
    assert line.uptime == (Decimal(100) * (2_678_400 - seconds) / 2_678_400).quantize(Decimal("1e-8"))


def test_propose_twice_adds_none(component, account):
    incident = resolved_incident((component, START, 30_000))
    assert [credits.propose(incident_id=incident.pk) for _ in range(3)] == [1, 0, 0]
    assert Credit.objects.count() == 1
    assert incident.timeline.filter(kind=TimelineKind.CREDIT).count() == 1


def test_propose_counts_overlapping_components_of_a_service_once(component, account):
    second = make_component(service=component.service)
    make_usage(account, second, "b.example")
    incident = resolved_incident((component, START, 10_000), (second, START + timedelta(seconds=4_000), 10_000))
    credits.propose(incident_id=incident.pk)
    assert lines(Credit.objects.get()) == [(component.service, 14_000, 14_000, Decimal(5))]


def test_propose_counts_services_apart_and_takes_the_worst(component, account):
    other = make_component()
    make_usage(account, other, "b.example")
    incident = resolved_incident((component, START, 14_000), (other, START, 30_000))
    credits.propose(incident_id=incident.pk)
    credit = Credit.objects.get()
    assert (credit.percent, credit.amount) == (Decimal(10), Decimal("9.99"))
    assert lines(credit) == [
        (component.service, 14_000, 14_000, Decimal(5)),
        (other.service, 30_000, 30_000, Decimal(10)),
    ]


def test_propose_counts_two_incidents_of_a_month_together_and_pays_only_the_difference(component, account):
    first = resolved_incident((component, START, 14_000))
    second = resolved_incident((component, START + timedelta(days=3), 14_000))
    overlapping = resolved_incident((component, START + timedelta(days=3), 14_000))
    credits.propose(incident_id=first.pk)
    Credit.objects.update(state=CreditState.APPROVED)
    for incident in (second, overlapping):
        credits.propose(incident_id=incident.pk)
    # 28,000 s in the month are 10 %: 9.99, of which 5.00 are paid; the third adds no second
    assert list(Credit.objects.order_by("pk").values_list("incident", "percent", "amount")) == [
        (first.pk, Decimal(5), Decimal("5.00")),
        (second.pk, Decimal(10), Decimal("4.99")),
    ]


def test_propose_takes_a_declined_credit_as_not_paid(component, account, commander):
    first = resolved_incident((component, START, 14_000))
    credits.propose(incident_id=first.pk)
    credits.decline(credit_id=Credit.objects.get().pk, approver=commander, note="their own fault")
    second = resolved_incident((component, START + timedelta(days=3), 14_000))
    credits.propose(incident_id=second.pk)
    assert second.credits.get().amount == Decimal("9.99")


def test_propose_counts_another_incident_that_is_still_open_only_up_to_now(component, account):
    resolved_one = resolved_incident((component, START, HALF_PERCENT - 100))
    still_open = make_incident(component)
    publish(still_open)
    still_open.impacts.update(started_at=START)  # the same seconds, and on
    credits.propose(incident_id=resolved_one.pk)
    assert not Credit.objects.exists()


def test_propose_splits_at_midnight_of_the_accounts_zone(component):
    account = make_account(
        uses=(component,), policy="Standard", monthly_fee=Decimal(100), timezone="Europe/Berlin", name="Berlin"
    )
    utc_account = make_account(uses=(component,), policy="Standard", monthly_fee=Decimal(100), name="UTC")
    # 1 November 00:00 in Berlin is 31 October 23:00 UTC; October has 31 days and an hour there
    turn = datetime(2026, 10, 31, 23, tzinfo=UTC)
    incident = resolved_incident((component, turn - timedelta(seconds=20_000), 60_000))

    assert credits.propose(incident_id=incident.pk) == 4

    split = {
        (c.account.name, c.month.month): c.lines.get().downtime_of_incident
        for c in Credit.objects.select_related("account")
    }
    assert split == {
        ("Berlin", 10): 20_000,
        ("Berlin", 11): 40_000,
        ("UTC", 10): 23_600,
        ("UTC", 11): 36_400,
    }
    october = Credit.objects.get(account=account, month=date(2026, 10, 1)).lines.get()
    whole = (31 * 24 + 1) * 3600
    assert october.uptime == (Decimal(100) * (whole - 20_000) / whole).quantize(Decimal("1e-8"))
    assert utc_account.credits.count() == 2


@pytest.mark.parametrize(("counts", "seconds"), [(False, []), (True, [30_000])])
def test_propose_counts_degraded_service_only_where_the_policy_says_so(component, account, counts, seconds):
    SlaPolicy.objects.filter(name="Standard").update(degraded_counts=counts)
    incident = resolved_incident((component, START, 30_000, ImpactLevel.DEGRADED))
    credits.propose(incident_id=incident.pk)
    assert [line[1] for credit in Credit.objects.all() for line in lines(credit)] == seconds


def test_propose_counts_usage_by_its_days_in_the_accounts_zone(component):
    account = make_account(policy="Standard", monthly_fee=Decimal(100), timezone="Europe/Berlin")
    make_usage(account, component, "a.example", since=date(2026, 10, 11))  # from 10 October 22:00 UTC on
    incident = resolved_incident((component, utc(2026, 10, 10, 12), 16 * 3600))  # until 11 October 04:00 UTC
    credits.propose(incident_id=incident.pk)
    assert [line[1] for credit in Credit.objects.all() for line in lines(credit)] == [6 * 3600]


def test_propose_leaves_out_whoever_has_no_policy_no_fee_or_did_not_use_it(component):
    make_account(uses=(component,), monthly_fee=Decimal(100))
    make_account(uses=(component,), policy="Standard", monthly_fee=Decimal(0))
    make_account(uses=(make_component(),), policy="Standard")
    assert credits.propose(incident_id=resolved_incident((component, START, 50_000)).pk) == 0


def test_propose_of_an_open_incident_is_nothing_and_after_reopening_the_proposal_is_made_anew(component, account):
    incident = resolved_incident((component, START, 14_000))
    credits.propose(incident_id=incident.pk)
    publish(incident, IncidentStatus.INVESTIGATING)
    assert credits.propose(incident_id=incident.pk) == 0
    incident.impacts.filter(ended_at=None).update(started_at=START + timedelta(seconds=20_000))
    publish(incident, IncidentStatus.RESOLVED)
    end = START + timedelta(seconds=34_000)
    incident.impacts.filter(started_at__gt=START).update(ended_at=end)
    Incident.objects.filter(pk=incident.pk).update(resolved_at=end)

    assert credits.propose(incident_id=incident.pk) == 1

    assert lines(Credit.objects.get()) == [(component.service, 28_000, 28_000, Decimal(10))]
    assert credits.propose(incident_id=incident.pk) == 0


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_propose_of_two_incidents_at_once_pays_no_second_twice():
    component = make_component()
    make_account(uses=(component,), policy="Standard", monthly_fee=Decimal("99.90"))
    first, second = (resolved_incident((component, START + timedelta(days=n), 14_000)) for n in range(2))

    overtake(partial(credits.propose, incident_id=first.pk), partial(credits.propose, incident_id=second.pk))

    assert list(Credit.objects.order_by("pk").values_list("incident", "amount")) == [
        (first.pk, Decimal("5.00")),
        (second.pk, Decimal("4.99")),
    ]
