from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from comms.choices import ImpactLevel, IncidentSource, IncidentStatus, PromiseState, TimelineKind
from comms.models import Alert, Delivery, Incident, Message, Promise, TimelineEntry
from customers.choices import Severity, Track
from tests.factories import make_account, make_component, make_contact, make_incident, utc
from tests.portal.api.senders import alert, group, group_of, post_group


def post(key: str, body: Any) -> tuple[int, dict[str, Any]]:
    response = post_group(key, body)
    return response.status_code, response.json()


def opened(unknown: list[str] | None = None) -> dict[str, Any]:
    """The answer to a group that opened the only incident there is."""
    return {"incident": Incident.objects.get().reference, "opened": True, "unknown_components": unknown or []}


def test_post_opens_one_draft_with_what_the_group_says(key):
    component = make_component("pg-eu-2", external_id="db-eu-2", cluster="pg-eu-2")
    make_component("pg-eu-1", external_id="db-eu-1", cluster="pg-eu-1")

    status, told = post(key, group())

    incident = Incident.objects.get()
    assert (status, told) == (202, opened())
    assert (incident.title, incident.status, incident.severity, incident.classified_at, incident.source) == (
        "PostgreSQL cluster pg-eu-2 has lost replication",
        IncidentStatus.DRAFT,
        Severity.FOUR,
        None,
        IncidentSource.ALERTMANAGER,
    )
    assert incident.source_key == '{}/{severity="critical"}:{alertname="PostgresReplicationLost", cluster="pg-eu-2"}'
    assert [(i.component, i.level, i.ended_at) for i in incident.impacts.all()] == [
        (component, ImpactLevel.PARTIAL, None)
    ]
    assert list(incident.alerts.order_by("fingerprint").values_list("fingerprint", "started_at", "resolved_at")) == [
        ("016b4ae7a3494d0d", utc(2024, 4, 14, 8, 41, 7, 318204), None),
        ("9c7ee87f23bf4c1e", utc(2024, 4, 14, 8, 41, 7, 318204), None),
        ("adaf0591037cfd17", utc(2024, 4, 14, 8, 41, 22, 318204), None),
    ]


@pytest.mark.parametrize(
    ("severity", "minutes"),
    [
        ("2", {Track.TECHNICAL: 30, Track.BUSINESS: 45}),
        ("3", {Track.TECHNICAL: 15, Track.BUSINESS: 15}),
        ("5", {Track.TECHNICAL: 0, Track.BUSINESS: 0}),
    ],
)
def test_post_gives_the_draft_its_two_promises_counted_from_arrival(key, severity, minutes):
    before = timezone.now()

    post(key, group_of(alert(labels={"incident_severity": severity}, startsAt="2024-01-01T00:00:00Z")))

    incident = Incident.objects.get()
    assert before - timedelta(minutes=5) <= incident.detected_at  # arrival, not the alert's start years ago
    assert {p.track: (p.due_at - incident.detected_at, p.state) for p in Promise.objects.all()} == {
        track: (timedelta(minutes=n), PromiseState.OPEN) for track, n in minutes.items()
    }


def test_post_tells_nobody(key):
    component = make_component(external_id="db-eu-2")
    account = make_account(uses=(component,))
    make_contact(account, Track.TECHNICAL)
    make_contact(account, Track.BUSINESS)

    assert post(key, group())[0] == 202

    assert (Delivery.objects.count(), Message.objects.count()) == (0, 0)


def test_post_of_the_same_group_again_opens_none(key):
    post(key, group())
    incident = Incident.objects.get()
    noted = incident.timeline.count()

    answer = post(key, group())

    told = {"incident": incident.reference, "opened": False, "unknown_components": ["db-eu-2", "pg-eu-2"]}
    assert answer == (202, told)
    assert (Incident.objects.count(), incident.timeline.count(), Promise.objects.count()) == (1, noted, 2)


def test_post_notes_resolved_once_and_leaves_the_status(key):
    post(key, group())

    first, again = post(key, group("resolved")), post(key, group("resolved"))

    incident = Incident.objects.get()
    told = {"incident": incident.reference, "opened": False, "unknown_components": ["db-eu-2", "pg-eu-2"]}
    assert (first, again) == ((202, told), (202, told))
    assert (incident.status, incident.resolved_at) == (IncidentStatus.DRAFT, None)
    resolved = TimelineEntry.objects.filter(kind=TimelineKind.ALERT_RESOLVED).order_by("text")
    assert list(resolved.values_list("text", flat=True)) == [
        f"Alert resolved: PostgreSQL cluster pg-eu-2 has lost replication (pg-eu-2-{host}.harbourline.example:9187)"
        for host in "bcd"
    ]
    assert set(Promise.objects.values_list("state", flat=True)) == {PromiseState.OPEN}


def test_post_of_a_resolved_group_without_an_incident_opens_none(key):
    answer = post(key, group("resolved"))

    told = {"incident": None, "opened": False, "unknown_components": ["db-eu-2", "pg-eu-2"]}
    assert answer == (202, told)
    assert Incident.objects.count() == 0


def test_post_of_firing_after_its_own_resolved_does_not_undo_it(key):
    post(key, group())
    post(key, group("resolved"))

    post(key, group())

    assert Alert.objects.filter(resolved_at=None).count() == 0
    assert TimelineEntry.objects.filter(kind=TimelineKind.ALERT_FIRING).count() == 3


def test_post_of_a_late_firing_of_a_closed_incident_opens_none(key):
    post(key, group())
    post(key, group("resolved"))
    Incident.objects.update(status=IncidentStatus.RESOLVED, resolved_at=timezone.now())

    answer = post(key, group())

    told = {"incident": None, "opened": False, "unknown_components": ["db-eu-2", "pg-eu-2"]}
    assert answer == (202, told)
    assert Incident.objects.count() == 1


def test_post_of_an_alert_that_fires_anew_after_a_closed_incident_opens_a_second(key):
    post(key, group_of(alert()))
    post(key, group_of(alert(status="resolved", endsAt="2024-04-14T09:00:00Z")))
    Incident.objects.update(status=IncidentStatus.RESOLVED, resolved_at=timezone.now())

    status, told = post(key, group_of(alert(startsAt="2024-04-15T08:00:00Z")))

    assert (status, told["opened"], Incident.objects.count()) == (202, True, 2)


def test_post_of_an_alert_still_firing_after_its_incident_was_closed_opens_a_second(key):
    post(key, group_of(alert()))
    Incident.objects.update(status=IncidentStatus.RESOLVED, resolved_at=timezone.now())

    status, told = post(key, group_of(alert()))

    assert (status, told["opened"], Incident.objects.count()) == (202, True, 2)


def test_post_takes_no_incident_of_a_person_for_its_own(key):
    by_hand = make_incident()

    status, told = post(key, group())

    assert (status, told["opened"], told["incident"] != by_hand.reference) == (202, True, True)


@pytest.mark.parametrize(
    ("labels", "severity"),
    [
        ({}, 3),
        ({"severity": "critical"}, 4),
        ({"severity": "error"}, 3),
        ({"severity": "major"}, 3),
        ({"severity": " Warning "}, 2),
        ({"severity": "info"}, 1),
        ({"severity": "5"}, 5),
        ({"severity": "page"}, 3),
        ({"severity": "info", "incident_severity": "5"}, 5),
        ({"severity": "critical", "incident_severity": "1"}, 1),
        ({"severity": "warning", "incident_severity": "6"}, 2),
        ({"severity": "warning", "incident_severity": "٤"}, 2),
        ({"incident_severity": 4}, 4),
    ],
)
def test_post_takes_the_provisional_severity_of_the_labels(key, labels, severity):
    assert post(key, group_of(alert(labels=labels)))[0] == 202
    assert Incident.objects.get().severity == severity


def test_post_takes_the_gravest_of_the_firing_alerts(key):
    post(
        key,
        group_of(
            alert(labels={"severity": "info"}, fingerprint="a"),
            alert(labels={"severity": "warning"}, fingerprint="b"),
            alert(labels={"severity": "critical"}, fingerprint="c", status="resolved"),
        ),
    )
    assert Incident.objects.get().severity == 2


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"commonAnnotations": {"summary": "Disk is full"}}, "Disk is full"),
        (
            {"commonAnnotations": {"summary": "Disk\r\nBcc: all@x.example\x07 is\x00 full\u2028"}},
            "Disk Bcc: all@x.example is full",
        ),
        ({"commonAnnotations": {"summary": "x" * 500}}, "x" * 160),
        ({"commonAnnotations": {"summary": " \n "}}, "DiskFull"),
        (
            {"groupLabels": {"alertname": "DiskFull", "cluster": "pg-eu-2", "region": "Frankfurt"}},
            "DiskFull (cluster=pg-eu-2, region=Frankfurt)",
        ),
        ({"alerts": [alert(labels={"alertname": "B"}), alert(labels={"alertname": "A"})]}, "A, B"),
        ({"alerts": [alert(labels={})]}, "Alert without a name"),
        ({"commonAnnotations": None, "groupLabels": None}, "DiskFull"),
    ],
)
def test_post_titles_the_draft_in_one_clean_line(key, fields, title):
    assert post(key, group_of(**fields)) == (202, opened())
    assert Incident.objects.get().title == title


def test_post_finds_components_by_id_and_by_cluster_and_names_the_unknown(key):
    make_component(external_id="web-1", cluster="edge")
    make_component(external_id="web-2", cluster="edge")
    make_component(external_id="db-1", cluster="")
    make_component(external_id="mail-1", cluster="mail")

    answer = post(
        key,
        group_of(
            alert(labels={"component": "db-1", "cluster": "nowhere"}, fingerprint="a"),
            alert(labels={"component": "no-such", "cluster": "edge"}, fingerprint="b"),
            alert(labels={"component": "mail-1"}, fingerprint="c", status="resolved"),
            alert(labels={"component": "", "cluster": ""}, fingerprint="d"),
        ),
    )

    assert answer == (202, opened(["no-such", "nowhere"]))
    affected = Incident.objects.get().impacts.values_list("component__external_id", flat=True)
    assert sorted(affected) == ["db-1", "web-1", "web-2"]


def test_post_of_a_group_key_longer_than_we_keep_still_finds_its_draft(key):
    long = "{}:{alertname=" + "x" * 5000 + "}"

    first = post(key, group_of(groupKey=long))
    again = post(key, group_of(groupKey=long))
    other = post(key, group_of(groupKey=long + "!"))

    assert [told["opened"] for _, told in (first, again, other)] == [True, False, True]
    assert {len(k) for k in Incident.objects.values_list("source_key", flat=True)} == {len("sha256:") + 64}


def test_post_tells_alerts_without_a_fingerprint_apart_by_their_labels(key):
    one, two = alert(labels={"alertname": "A", "host": "1"}), alert(labels={"host": "2", "alertname": "A"})
    del one["fingerprint"], two["fingerprint"]

    post(key, group_of(one, two))
    post(key, group_of(two, one))

    assert Alert.objects.count() == 2
