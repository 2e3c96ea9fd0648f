"""Opening, alerts, what a person says of an incident, and who does what (C2c, C4, C8, C10)."""

from datetime import timedelta
from functools import partial

import pytest

from comms.actions import incidents
from comms.actions.incidents import AlertSeen, RoleConflict
from comms.choices import ImpactLevel, IncidentSource, IncidentStatus, TimelineKind, Variant
from comms.models import Delivery, Incident
from customers import clock
from customers.choices import Severity
from tests.comms.support import race
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish, utc

ALERT = AlertSeen("abc", "High latency", utc(2026, 11, 21, 8), None)


def receive(*alerts: AlertSeen, component_ids=(), key="group-1", title="Latency"):
    return incidents.receive_alerts(
        source=IncidentSource.ALERTMANAGER,
        source_key=key,
        title=title,
        severity=Severity.FOUR,
        component_ids=component_ids,
        alerts=alerts,
    )


def describe(incident, **changes):
    values = {
        "title": incident.title,
        "severity": Severity(incident.severity),
        "detected_at": incident.detected_at,
        "impacts": {i.component: i.level_choice for i in incident.impacts.filter(ended_at=None)},
        "facts": {},
    }
    return incidents.describe(incident_id=incident.pk, actor=make_user(), **values | changes)


def intervals(incident) -> list[tuple]:
    rows = incident.impacts.order_by("started_at", "pk")
    return [(i.component, i.level, i.ended_at is None) for i in rows]


@pytest.mark.django_db
def test_open_incident_is_a_draft_of_which_nobody_outside_hears(lead):
    component = make_component()
    make_contact(make_account(uses=(component,)))
    incident = incidents.open_incident(
        title="Disks\r\nBcc: all@customer.example", impacts={component: ImpactLevel.MAJOR}, actor=lead
    )

    assert incident.title == "Disks Bcc: all@customer.example"
    assert (incident.status, incident.severity, incident.classified_at) == ("draft", Severity.THREE, None)
    assert incident.detected_at == incident.opened_at
    assert incident.promises.count() == 2
    assert incident.timeline.get().actor == lead
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_open_incident_is_never_detected_in_the_future():
    incident = incidents.open_incident(title="x", detected_at=clock.now() + timedelta(hours=1))
    assert incident.detected_at == incident.opened_at


@pytest.mark.django_db
def test_receive_alerts_opens_one_draft_for_a_group_whatever_is_repeated():
    component = make_component()
    incident, created = receive(ALERT, component_ids=[component.external_id, "unknown"])
    assert (created, incident.classified_at, incident.severity) == (True, None, Severity.FOUR)
    assert intervals(incident) == [(component, "partial", True)]

    assert receive(ALERT) == (incident, False)
    assert list(incident.timeline.order_by("pk").values_list("kind", flat=True)) == ["opened", "alert_firing"]
    assert incident.alerts.count() == 1


@pytest.mark.django_db
def test_receive_alerts_resolved_is_noted_once_and_closes_nothing():
    incident, _ = receive(ALERT)
    over = AlertSeen(ALERT.fingerprint, ALERT.summary, ALERT.started_at, utc(2026, 11, 21, 9))
    for _ in range(2):
        assert receive(over) == (incident, False)

    incident.refresh_from_db()
    assert incident.status == IncidentStatus.DRAFT
    assert incident.alerts.get().resolved_at == utc(2026, 11, 21, 9)
    assert incident.timeline.filter(kind=TimelineKind.ALERT_RESOLVED).count() == 1


@pytest.mark.django_db
def test_receive_alerts_all_resolved_opens_nothing():
    assert receive(AlertSeen("abc", "x", ALERT.started_at, ALERT.started_at)) == (None, False)
    assert not Incident.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_receive_alerts_20_times_at_once_opens_one_draft():
    results = race(*[partial(receive, ALERT)] * 20)

    incident = Incident.objects.get()
    assert sorted(results, key=lambda result: result[1]) == [(incident, False)] * 19 + [(incident, True)]
    assert incident.alerts.count() == 1
    assert incident.timeline.count() == 2


@pytest.mark.django_db
def test_describe_classifies_the_draft_and_says_what_changed():
    one, other = make_component("pg-1"), make_component("pg-2")
    incident = make_incident(one)
    describe(
        incident,
        title="Database is down",
        severity=Severity.FOUR,
        impacts={other: ImpactLevel.PARTIAL},
        facts={"workaround": "Use the replica\x00\ue000.", "percent_restored": 40, "no such fact": 1},
    )

    incident.refresh_from_db()
    assert (incident.title, incident.severity, incident.classified_at is None) == ("Database is down", 4, False)
    assert (incident.facts.workaround, incident.facts.percent_restored) == ("Use the replica.", 40)
    assert intervals(incident) == [(other, "partial", True)]  # of the other nobody was told: it is forgotten
    assert incident.timeline.get(kind=TimelineKind.CHANGED).text == (
        f"severity 2 -> 4; title: Database is down; affected: {other} (partial outage); "
        f"no longer affected: {one}; facts: workaround and its limits, restored (%)"
    )


@pytest.mark.django_db
def test_describe_without_a_change_writes_no_timeline():
    incident = make_incident(make_component())
    describe(incident)
    assert not incident.timeline.filter(kind=TimelineKind.CHANGED).exists()


@pytest.mark.django_db
def test_describe_of_a_draft_moves_the_intervals_with_the_detection():
    incident = make_incident(make_component())
    earlier = incident.detected_at - timedelta(hours=3)
    describe(incident, detected_at=earlier)
    assert incident.impacts.get().started_at == earlier


@pytest.mark.django_db
def test_describe_after_publishing_keeps_the_interval_of_a_component_that_recovers():
    one, other = make_component(), make_component()
    incident = make_incident(one, other)
    publish(incident)
    describe(incident, impacts={one: ImpactLevel.MAJOR})
    assert sorted(intervals(incident), key=lambda row: row[2]) == [(other, "major", False), (one, "major", True)]


@pytest.mark.django_db
def test_describe_after_publishing_keeps_how_bad_it_was_before_a_change_of_level():
    component = make_component()
    incident = make_incident(component)
    publish(incident)

    describe(incident, impacts={component: ImpactLevel.DEGRADED})

    was, now = incident.impacts.order_by("started_at")
    assert (was.level, was.started_at, was.ended_at) == ("major", incident.detected_at, now.started_at)
    assert (now.level, now.ended_at) == ("degraded", None)


@pytest.mark.django_db
def test_describe_of_a_resolved_incident_opens_no_interval():
    component, other = make_component(), make_component()
    incident = make_incident(component)
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)

    describe(incident, impacts={component: ImpactLevel.MAJOR, other: ImpactLevel.MAJOR}, facts={"root_cause": "A bug."})

    assert intervals(incident) == [(component, "major", False)]
    incident.facts.refresh_from_db()
    assert incident.facts.root_cause == "A bug."
    publish(incident, IncidentStatus.INVESTIGATING)  # reopening still works
    assert intervals(incident) == [(component, "major", False), (component, "major", True)]


@pytest.mark.django_db
def test_assign_roles_keeps_who_repairs_from_sending_unless_a_reason_is_given(lead, commander):
    incident = make_incident(make_component())
    roles = {"commander": commander, "communications_lead": lead, "responder": lead}
    with pytest.raises(RoleConflict, match="Whoever repairs does not send"):
        incidents.assign_roles(incident_id=incident.pk, actor=commander, **roles, override_reason="  ")
    incident.refresh_from_db()
    assert incident.communications_lead is None

    incidents.assign_roles(incident_id=incident.pk, actor=commander, **roles, override_reason="alone at night")

    incident.refresh_from_db()
    assert (incident.commander, incident.communications_lead, incident.responder) == (commander, lead, lead)
    override = incident.timeline.get(kind=TimelineKind.OVERRIDE)
    assert (override.text, override.actor) == ("Lea Lead repairs and sends: alone at night", commander)
    assert incident.timeline.get(kind=TimelineKind.CHANGED).text == (
        "roles: commander Kim Commander, communications lead Lea Lead, responder Lea Lead"
    )


@pytest.mark.django_db
def test_describe_after_publishing_moves_the_first_interval_with_the_detection():
    component = make_component()
    incident = make_incident(component, detected_at=clock.now() - timedelta(hours=1))
    publish(incident)
    earlier = incident.detected_at - timedelta(minutes=20)

    describe(incident, impacts={component: ImpactLevel.MAJOR}, detected_at=earlier)

    assert incident.impacts.get().started_at == earlier


@pytest.mark.django_db
def test_publish_resolved_when_every_component_has_recovered_already():
    component = make_component()
    incident = make_incident(component)
    publish(incident)
    describe(incident, impacts={})

    update = publish(incident, IncidentStatus.RESOLVED)

    assert update.affected == {}
    assert component.service.name in update.messages.get(variant=Variant.BUSINESS).subject
    assert incident.impacts.get().ended_at < update.published_at
