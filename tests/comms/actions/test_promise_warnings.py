"""Whoever keeps the clock is warned 10 and 5 minutes before, once each, whatever clocks run (C3, R25)."""

from datetime import timedelta

import pytest

from comms.actions import incidents, promises
from comms.choices import TimelineKind
from comms.models import Delivery, Message, PromiseWarning
from customers.choices import Track
from customers.policies.roles import COMMUNICATIONS_LEAD
from tests.comms.support import age, promise_of, race
from tests.factories import make_account, make_component, make_contact, make_incident, make_user


def warned(incident) -> list[tuple[int, str, str]]:
    """(minutes before, track, address) of every mail of a warning."""
    rows = Delivery.objects.filter(message__warning__promise__incident=incident)
    return sorted(
        rows.values_list(
            "message__warning__minutes_before", "message__warning__promise__track", "contact_point__address"
        )
    )


def nearly_due(minutes: float, **fields):
    """An incident whose technical promise (30 minutes) is due in so many minutes; the business one in 15 more."""
    incident = make_incident(make_component(), **fields)
    age(incident, timedelta(minutes=30 - minutes))
    return incident


def name_lead(incident, user):
    incidents.assign_roles(
        incident_id=incident.pk, actor=user, commander=None, communications_lead=user, responder=None
    )


@pytest.mark.django_db
def test_tick_warns_the_named_lead_10_and_5_minutes_before(lead, commander):
    incident = nearly_due(11)
    name_lead(incident, lead)
    make_user(COMMUNICATIONS_LEAD, name="Another lead")
    promises.tick()
    assert warned(incident) == []

    age(incident, timedelta(minutes=1, seconds=1))
    for _ in range(3):
        promises.tick()
    assert warned(incident) == [(10, "technical", lead.email)]

    age(incident, timedelta(minutes=5))
    for _ in range(3):
        promises.tick()
    assert warned(incident) == [(5, "technical", lead.email), (10, "technical", lead.email)]
    entries = incident.timeline.filter(kind=TimelineKind.PROMISE_WARNED).order_by("pk")
    assert [entry.text.startswith("Warned Lea Lead: first message on the technical track") for entry in entries] == [
        True,
        True,
    ]


@pytest.mark.django_db
def test_tick_warns_all_leads_where_none_is_named_and_nobody_else(lead, commander, csm):
    other = make_user(COMMUNICATIONS_LEAD)
    make_user(COMMUNICATIONS_LEAD, is_active=False)
    incident = nearly_due(9)
    promises.tick()
    assert [row[2] for row in warned(incident)] == sorted([lead.email, other.email])


@pytest.mark.django_db
def test_tick_without_any_lead_says_so_on_the_timeline():
    incident = nearly_due(9)
    promises.tick()
    assert incident.timeline.get(kind=TimelineKind.PROMISE_WARNED).text.startswith("Warned nobody: no one holds the")


@pytest.mark.django_db
def test_tick_after_a_pause_gives_only_the_nearest_warning_and_the_true_minutes(lead):
    incident = nearly_due(3.5)
    promises.tick()
    promises.tick()
    assert warned(incident) == [(5, "technical", lead.email)]
    message = Message.objects.get(warning__promise__incident=incident)
    assert message.subject == f"[{incident.reference}] technical update due in 4 min: Databases are slow"
    assert "is due in 4 minutes." in message.text


@pytest.mark.django_db
def test_tick_never_warns_after_the_due_time(lead):
    incident = nearly_due(-1)
    promises.tick()
    assert warned(incident) == []
    assert promise_of(incident, Track.TECHNICAL).state == "open"  # the grace lasts


@pytest.mark.django_db
def test_warning_reaches_no_customer_and_is_internal(lead):
    incident = nearly_due(9)
    component = incident.impacts.get().component
    account = make_account(uses=(component,))
    make_contact(account, Track.TECHNICAL)
    promises.tick()
    message = Message.objects.get(warning__promise__incident=incident)
    assert (message.variant, message.update, message.incident) == ("internal", None, incident)
    assert [row[2] for row in warned(incident)] == [lead.email]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_tick_of_many_clocks_at_once_warns_once_and_misses_once():
    lead = make_user(COMMUNICATIONS_LEAD)
    soon, over = nearly_due(9), nearly_due(-6)

    assert race(*[promises.tick] * 6) == [None] * 6

    assert warned(soon) == [(10, "technical", lead.email)]
    assert PromiseWarning.objects.filter(promise__incident=soon).count() == 1
    assert over.timeline.filter(kind=TimelineKind.PROMISE_MISSED).count() == 1
    assert warned(over) == [(10, "business", lead.email)]
