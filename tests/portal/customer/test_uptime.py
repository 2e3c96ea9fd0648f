"""This month so far: never above what the SLA would say, and only what customers were told."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from comms.actions import credits
from comms.choices import ImpactLevel, IncidentStatus
from comms.models import CreditLine, Incident, IncidentImpact, IncidentUpdate
from comms.policies import sla
from customers import clock
from customers.models import Account, SlaPolicy, Usage
from portal.access import Viewer
from portal.customer.overview import overview_of
from portal.customer.uptime import MonthOfService
from tests.factories import make_account, make_component, make_contact, make_incident, make_usage, publish, utc

NOW = utc(2026, 6, 21, 12)
MONTH = sla.month_window(NOW, NOW.tzinfo)


def months_of(contact, now=NOW) -> list[MonthOfService]:
    return list(overview_of(Viewer(contact.user, (contact,)), now).months)


def down(contact, now=NOW) -> list[int]:
    """Minutes of outage per service."""
    return [
        int(sum((piece.end - piece.start for piece in month.down), timedelta()).total_seconds() // 60)
        for month in months_of(contact, now)
    ]


def outage(component, *, hours: float = 1, ago: timedelta = timedelta(days=2), **fields) -> Incident:
    """Resolved and told, at this time before NOW."""
    incident = make_incident(component, **fields)
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    begun = NOW - ago
    IncidentImpact.objects.filter(incident=incident).update(started_at=begun, ended_at=begun + timedelta(hours=hours))
    return incident


def test_month_is_the_share_without_outage_cut_and_not_rounded(business, databases):
    outage(databases, hours=1 / 3600)

    (month,) = months_of(business)

    assert month.percent == Decimal("99.999")  # a second of 20.5 days: 99.99994
    assert (month.service, month.words, month.passed) == (databases.service, "1 s of outage", "68.33%")


def test_month_without_outage_is_whole(business):
    (month,) = months_of(business)

    assert (month.percent, month.words, month.pieces) == (Decimal("100.000"), "no outage", [])


def test_month_says_nothing_in_its_first_instant(business):
    (month,) = months_of(business, MONTH.start)

    assert month.percent is None


def test_month_counts_what_reaches_into_it_and_overlaps_once(business, databases):
    outage(databases, hours=2, ago=NOW - MONTH.start + timedelta(hours=1))  # an hour of it last month
    outage(databases, hours=2, ago=timedelta(days=1))
    outage(databases, hours=2, ago=timedelta(days=1) - timedelta(hours=1))

    assert down(business) == [60 + 180]


def test_month_counts_days_of_usage_only(databases):
    contact = make_contact(make_account(), login=True)
    make_usage(contact.account, databases, "once.example", since=utc(2026, 6, 20).date())
    outage(databases, ago=timedelta(days=3))
    outage(databases, ago=timedelta(hours=3))

    assert down(contact) == [60]


def test_month_counts_the_own_components_only(business, databases):
    replica = make_component("replica", service=databases.service)
    outage(replica)

    assert down(business) == [0]


def test_month_counts_degraded_time_where_the_contract_does(account, business, databases):
    outage(databases, level=ImpactLevel.DEGRADED)
    without = down(business)
    Account.objects.filter(pk=account.pk).update(
        sla_policy=SlaPolicy.objects.create(name="strict", degraded_counts=True)
    )
    business.refresh_from_db()

    assert (without, down(business)) == ([0], [60])


def test_month_leaves_out_what_nobody_was_told(business, databases):
    draft = make_incident(databases)
    IncidentImpact.objects.filter(incident=draft).update(started_at=NOW - timedelta(hours=5))
    other = make_incident(make_component())
    publish(other)
    other.impacts.create(component=databases, level="major", started_at=NOW - timedelta(hours=5))

    assert down(business) == [0]


def test_month_takes_an_end_that_was_saved_and_not_told_for_none(business, databases):
    now = clock.now()
    incident = make_incident(databases)
    publish(incident)
    said_at = IncidentUpdate.objects.get(incident=incident).published_at
    IncidentImpact.objects.filter(incident=incident).update(started_at=now - timedelta(minutes=2), ended_at=clock.now())
    assert IncidentImpact.objects.get(incident=incident).ended_at > said_at

    (month,) = months_of(business, now + timedelta(minutes=3))

    assert month.down[-1].end == now + timedelta(minutes=3)


def test_month_is_that_of_the_accounts_zone(account, business, databases):
    Account.objects.filter(pk=account.pk).update(timezone="Pacific/Auckland")  # its June began on May 31 at 12:00 UTC
    business.refresh_from_db()
    outage(databases, hours=1, ago=NOW - utc(2026, 5, 31, 11))
    outage(databases, hours=1, ago=NOW - utc(2026, 5, 31, 13))

    assert down(business) == [60]


@pytest.mark.parametrize("minutes", [1, 45, 600, 5000])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_month_never_shows_more_than_the_credit_is_counted_from(databases, minutes, zone):
    now = clock.now()
    account = make_account(uses=(databases,), policy="Standard", timezone=zone)
    contact = make_contact(account, login=True)
    account.sla_policy.tiers.create(below=100, credit=1)
    incident = make_incident(databases, detected_at=now - timedelta(minutes=minutes))
    publish(incident)
    IncidentImpact.objects.filter(incident=incident).update(started_at=now - timedelta(minutes=minutes))
    publish(incident, IncidentStatus.RESOLVED)
    credits.propose(incident_id=incident.pk)

    (month,) = months_of(contact, clock.now())

    lines = CreditLine.objects.filter(credit__month=month.window.start.astimezone(ZoneInfo(zone)).date())
    assert month.percent is not None
    assert [line for line in lines if month.percent > line.uptime] == []
    assert lines.exists() or not month.down


def test_month_of_two_accounts_is_the_worse_one(databases):
    first = make_contact(make_account(uses=(databases,)), login=True)
    second = make_contact(make_account(), login=True)
    make_usage(second.account, databases, "later.example", since=utc(2026, 6, 20).date())
    outage(databases, ago=timedelta(days=3))

    (month,) = overview_of(Viewer(first.user, (second, first)), NOW).months

    assert month.words == "1 h 00 min of outage"
    assert Usage.objects.count() == 2
