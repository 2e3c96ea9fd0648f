from datetime import timedelta

import pytest

from comms.choices import ImpactLevel, IncidentStatus
from comms.models import IncidentImpact
from customers import clock
from portal.access import Viewer
from portal.customer.overview import Overview, overview_of
from tests.factories import make_account, make_component, make_contact, make_incident, make_usage, publish


def seen_by(contact) -> Overview:
    return overview_of(Viewer(contact.user, (contact,)), clock.now())


def states_of(overview: Overview) -> list[tuple[str, str]]:
    return [(service.service.name, service.state) for service in overview.services]


def test_overview_is_as_bad_as_the_worst_component(account, business, databases):
    replica = make_component("replica", service=databases.service)
    make_usage(account, replica, "reports.northwind.example")
    publish(make_incident(databases, level=ImpactLevel.DEGRADED))
    publish(make_incident(replica, level=ImpactLevel.PARTIAL))

    overview = seen_by(business)

    assert states_of(overview) == [("Managed databases", "partial")]
    assert overview.sentence == "Your service is affected."
    assert len(overview.cards) == 2


def test_overview_says_what_is_restored_while_the_incident_is_open(account, business, databases):
    hosting = make_component()
    make_usage(account, hosting, "www.northwind.example")
    incident = make_incident(databases, hosting)
    publish(incident)
    IncidentImpact.objects.filter(component=hosting).update(ended_at=clock.now())
    before = seen_by(business)
    publish(incident, IncidentStatus.IDENTIFIED)

    overview = seen_by(business)

    (card,) = overview.cards
    assert before.sentence == "All 2 of your services are affected."  # saved, but not said yet
    assert [(s.service.pk, s.state, s.word) for s in card.services] == [
        (databases.service.pk, "major", "major outage"),
        (hosting.service.pk, "operational", "restored"),
    ]
    assert overview.sentence == "1 of your 2 services is affected."


def test_overview_leaves_out_components_that_the_account_does_not_use(business, databases):
    foreign = make_component("foreign-marker")
    make_account(uses=(foreign,))
    publish(make_incident(databases, foreign))

    (card,) = seen_by(business).cards

    assert [state.service for state in card.services] == [databases.service]
    assert card.heading == "Managed databases"


@pytest.mark.parametrize(
    ("starts", "ends", "cards"),
    [(-9, -2, 0), (-9, -1, 1), (-9, None, 1), (0, None, 1), (1, None, 0)],
)
def test_overview_counts_usage_on_the_days_of_the_incident(databases, starts, ends, cards):
    """Detected yesterday and still open: usage of one of its days counts, both ends inclusive (A4b)."""
    now = clock.now()
    contact = make_contact(make_account(), login=True)
    day = now.date()
    make_usage(
        contact.account,
        databases,
        "once.example",
        since=day + timedelta(days=starts),
        ends_on=None if ends is None else day + timedelta(days=ends),
    )
    publish(make_incident(databases, detected_at=now - timedelta(days=1)))

    found = seen_by(contact).cards

    assert [card.labels for card in found] == [("once.example",)] * cards


def test_overview_forgets_an_incident_when_it_is_resolved_and_knows_it_again_when_reopened(business, databases):
    incident = make_incident(databases)
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    resolved = seen_by(business)
    publish(incident)
    reopened = seen_by(business)

    assert (resolved.cards, resolved.state) == ([], "operational")
    assert [(card.sequence, card.status_word) for card in reopened.cards] == [(3, "investigating")]
    assert reopened.state == "major"
