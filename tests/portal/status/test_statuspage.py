"""`/api/v2/`: the documents have the very shape of the Statuspage v2 public API."""

from datetime import timedelta

import pytest

from comms.choices import ImpactLevel, IncidentStatus, MaintenanceStatus, PublicImpact
from customers import clock
from customers.models import Service
from portal.status import state, statuspage
from tests.factories import make_maintenance, make_public_incident, make_public_service, tell, utc
from tests.portal.status.shapes import DOCUMENTS, check

NOW = utc(2026, 11, 21, 12)


@pytest.fixture
def busy(copy, databases, hosting) -> None:
    """One of everything: groups and none, open and over, planned, under way and done."""
    incident = make_public_incident(databases, started_at=utc(2026, 11, 21, 9), impact=PublicImpact.CRITICAL)
    tell(incident, IncidentStatus.IDENTIFIED, "Found.", {databases: ImpactLevel.PARTIAL, hosting: ImpactLevel.DEGRADED},
         at=utc(2026, 11, 21, 10))  # fmt: skip
    over = make_public_incident(hosting, started_at=utc(2026, 10, 1, 9))
    tell(over, IncidentStatus.MONITORING, "Watching.", {hosting: ImpactLevel.DEGRADED}, at=utc(2026, 10, 1, 10))
    tell(over, IncidentStatus.RESOLVED, "Over.", at=utc(2026, 10, 1, 11))
    now = clock.now()
    make_maintenance(databases, public_title="Planned")
    make_maintenance(hosting, public_title="Under way", starts_at=now - timedelta(hours=1), status="in_progress")
    make_maintenance(
        hosting, public_title="Done", starts_at=now - timedelta(days=2), status=MaintenanceStatus.COMPLETED,
        completed_at=now - timedelta(days=1),
    )  # fmt: skip


def document(name: str) -> statuspage.Json:
    return statuspage.documents(state.read(clock.now(), {}))[name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_has_the_shape(copy, busy, visitor, name):
    copy.write()
    answer = visitor.get(f"/api/v2/{name}")
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert list(check(answer.json(), DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_has_the_shape_where_there_is_nothing(copy, visitor, name):
    copy.write()
    assert list(check(visitor.get(f"/api/v2/{name}").json(), DOCUMENTS[name])) == []


def test_the_shape_notices_what_is_wrong():
    good = {"page": {"id": "bcdfghjkmnpq", "name": "X", "url": "https://x.example", "time_zone": "Etc/UTC",
                     "updated_at": "2026-11-21T09:00:00.000Z"},
            "status": {"indicator": "none", "description": "All Systems Operational"}}  # fmt: skip
    assert list(check(good, DOCUMENTS["status.json"])) == []
    for part, name, value in [
        ("status", "indicator", "green"), ("page", "updated_at", "2026-11-21T09:00:00Z"), ("page", "more", 1),
    ]:  # fmt: skip
        bad = {**good, part: {**good[part], name: value}}
        assert len(list(check(bad, DOCUMENTS["status.json"]))) == 1
    assert list(check({"page": good["page"]}, DOCUMENTS["status.json"])) == [".status is missing"]


def test_summary_holds_what_is_open_and_what_is_ahead(copy, busy):
    summary = document("summary.json")
    assert [one["name"] for one in summary["incidents"]] == ["Databases are slow"]
    assert [one["name"] for one in summary["scheduled_maintenances"]] == ["Under way", "Planned"]
    assert summary["status"] == {"indicator": "critical", "description": "Major Service Outage"}
    assert [(c["name"], c["status"], c["group"]) for c in summary["components"]] == [
        ("Storage", "partial_outage", True),
        ("Managed databases", "partial_outage", False),
        ("Web hosting", "degraded_performance", False),
    ]


def test_lists_are_what_their_names_say(copy, busy):
    names = {
        name: [one["name"] for one in document(name)[field]]
        for name, field in [
            ("incidents.json", "incidents"),
            ("incidents/unresolved.json", "incidents"),
            ("scheduled-maintenances.json", "scheduled_maintenances"),
            ("scheduled-maintenances/upcoming.json", "scheduled_maintenances"),
            ("scheduled-maintenances/active.json", "scheduled_maintenances"),
        ]
    }
    assert names == {
        "incidents.json": ["Databases are slow", "Databases are slow"],
        "incidents/unresolved.json": ["Databases are slow"],
        "scheduled-maintenances.json": ["Planned", "Under way", "Done"],
        "scheduled-maintenances/upcoming.json": ["Planned"],
        "scheduled-maintenances/active.json": ["Under way"],
    }


def test_groups_hold_the_ids_of_their_services(copy, databases, hosting):
    Service.objects.filter(pk=hosting.pk).update(group="Storage")
    group, *inside = document("components.json")["components"]
    assert group["components"] == [databases.public_key, hosting.public_key]
    assert [one["group_id"] for one in inside] == [group["id"], group["id"]]
    assert [one["position"] for one in inside] == [1, 2]


def test_an_incident_tells_its_story_newest_first(copy, busy, databases, hosting):
    over = document("incidents.json")["incidents"][1]
    assert [(u["status"], u["body"], u["created_at"]) for u in over["incident_updates"]] == [
        ("resolved", "Over.", "2026-10-01T11:00:00.000Z"),
        ("monitoring", "Watching.", "2026-10-01T10:00:00.000Z"),
        ("investigating", "We are looking into it.", "2026-10-01T09:00:00.000Z"),
    ]
    assert (over["monitoring_at"], over["resolved_at"]) == ("2026-10-01T10:00:00.000Z", "2026-10-01T11:00:00.000Z")
    changes = [u["affected_components"] for u in over["incident_updates"]]
    code = {"code": hosting.public_key, "name": "Web hosting"}
    assert changes == [
        [{**code, "old_status": "degraded_performance", "new_status": "operational"}],
        [{**code, "old_status": "major_outage", "new_status": "degraded_performance"}],
        [{**code, "old_status": "operational", "new_status": "major_outage"}],
    ]
    assert [one["id"] for one in over["components"]] == [hosting.public_key]
    assert over["shortlink"] == f"http://localhost:8000/status/incidents/{over['id']}/"


@pytest.mark.parametrize(
    ("levels", "impact", "expected"),
    [
        ([], "none", ("none", "All Systems Operational")),
        (["degraded"], "none", ("minor", "Partially Degraded Service")),
        (["partial"], "minor", ("major", "Partial System Outage")),
        (["major"], "major", ("major", "Partial System Outage")),
        (["major", "major"], "major", ("critical", "Major Service Outage")),
        (["degraded"], "critical", ("critical", "Major Service Outage")),
    ],
)
def test_the_roll_up_is_the_worst_of_services_and_incidents(copy, databases, hosting, levels, impact, expected):
    affected = dict(zip((databases, hosting), levels, strict=False))
    if affected:
        incident = make_public_incident(*affected, impact=impact)
        tell(incident, IncidentStatus.IDENTIFIED, "Found.", affected)
    assert tuple(document("status.json")["status"].values()) == expected


def test_the_roll_up_knows_maintenance(copy, databases, hosting):
    make_maintenance(databases, starts_at=clock.now() - timedelta(hours=1), status="verifying")
    assert document("status.json")["status"] == {
        "indicator": "maintenance", "description": "Service Under Maintenance",
    }  # fmt: skip
    assert document("components.json")["components"][1]["status"] == "under_maintenance"


def test_only_the_newest_50_incidents_are_listed(copy, databases, monkeypatch):
    monkeypatch.setattr(statuspage, "NEWEST", 2)
    for day in (1, 2, 3):
        make_public_incident(make_public_service(), title=f"No. {day}", started_at=utc(2026, 11, day))
    assert [one["name"] for one in document("incidents.json")["incidents"]] == ["No. 3", "No. 2"]
    assert len(document("incidents/unresolved.json")["incidents"]) == 3
