"""The static copy: written after every change, at least each minute, and only what has changed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from comms.choices import IncidentStatus, MaintenanceStatus
from comms.models import PublicIncident
from customers.models import Service
from portal.status import copy as copies
from portal.status.copy import BATCH, Copy
from tests.factories import make_component, make_incident, make_maintenance, make_public_incident, tell
from tests.isolation.markers import markers_in


def files(copy: Copy) -> dict[str, tuple[int, int]]:
    """Every file with what changes when it is replaced."""
    found = [path for path in copy.folder.rglob("*") if path.is_file()]
    return {str(p.relative_to(copy.folder)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in found}


def replaced(before: dict[str, tuple[int, int]], copy: Copy) -> set[str]:
    return {name for name, was in files(copy).items() if before.get(name) != was}


def archive(number: int) -> None:
    """So many incidents of years, each over; without their updates, which is enough for a list."""
    began = datetime(2020, 1, 1, tzinfo=UTC)
    incident = make_incident(make_component())
    for n in range(number):
        incident.pk = None
        incident.source_key = f"archive-{n}"
        incident.save(force_insert=True)
        at = began + timedelta(days=n)
        PublicIncident.objects.create(
            incident=incident, title=f"Long ago {n}", status=IncidentStatus.RESOLVED, impact="minor", started_at=at,
            resolved_at=at, updated_at=at,
        )  # fmt: skip


def test_tick_writes_every_change_at_once_and_nothing_without_one(copy, databases):
    assert copy.tick() is True
    assert copy.tick() is False
    incident = make_public_incident(databases, title="Databases are slow")
    assert copy.tick() is True
    assert "Databases are slow" in (copy.folder / "index.html").read_text()
    page = copy.folder / "incidents" / f"{incident.key}.html"
    tell(incident, IncidentStatus.RESOLVED, "All is well again.")
    copy.tick()
    assert "All is well again." in page.read_text()
    assert copy.tick() is False


def test_tick_says_again_that_it_is_true_without_a_change(copy, databases, settings):
    settings.TIME_SCALE = 1e9
    copy.tick()
    before, as_of = files(copy), json.loads((copy.folder / "as-of.json").read_text())["as_of"]
    assert copy.tick() is True
    assert json.loads((copy.folder / "as-of.json").read_text())["as_of"] > as_of
    assert replaced(before, copy) <= {"as-of.json", "index.html", "seen.json"}


def test_a_change_rewrites_what_shows_it_and_leaves_the_archive(copy, databases):
    old = make_public_incident(databases, started_at=datetime(2025, 1, 2, tzinfo=UTC))
    tell(old, IncidentStatus.RESOLVED, "Over.", at=datetime(2025, 1, 2, 1, tzinfo=UTC))
    new = make_public_incident(databases)
    copy.write()
    before = files(copy)
    tell(new, IncidentStatus.IDENTIFIED, "Found.", {databases: "major"})
    copy.write()
    month = f"history/{new.started_at:%Y-%m}.html"
    changed = replaced(before, copy)
    assert {"index.html", "history.html", "feed.atom", f"incidents/{new.key}.html", month} <= changed
    assert not changed & {f"incidents/{old.key}.html", "history/2025-01.html", "maintenance.ics", "missing.html"}


def test_a_new_process_makes_nothing_of_the_archive_again(copy, databases):
    make_public_incident(databases)
    copy.write()
    before = files(copy)
    Copy(copy.folder).write()
    assert not {name for name in replaced(before, copy) if "/" in name and not name.startswith("api/")}


def test_a_service_with_another_name_changes_every_page(copy, databases):
    incident = make_public_incident(databases)
    copy.write()
    Service.objects.filter(pk=databases.pk).update(name="Databases as a service")
    copy.write()
    page = (copy.folder / "incidents" / f"{incident.key}.html").read_text()
    assert ("Databases as a service" in page, "Managed databases" in page) == (True, False)


def test_a_long_archive_is_made_in_pieces_and_what_is_open_first(copy, databases):
    archive(BATCH + 20)
    now = make_public_incident(databases)
    copy.tick()
    made = set(files(copy))
    assert f"incidents/{now.key}.html" in made
    assert len([name for name in made if "/" in name and not name.startswith("api/")]) == BATCH
    while copy.tick():
        pass
    assert len([name for name in files(copy) if name.startswith("incidents/")]) == BATCH + 21


def test_what_is_gone_from_the_database_is_gone_from_the_copy(copy, databases):
    work = make_maintenance(databases)
    copy.write()
    assert (copy.folder / "maintenance" / f"{work.key}.html").exists()
    work.status = MaintenanceStatus.CANCELLED
    work.save()
    copy.write()
    assert not (copy.folder / "maintenance" / f"{work.key}.html").exists()
    assert work.key not in (copy.folder / "maintenance.ics").read_text()


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(copy, monkeypatch):
    copy.write()
    before = (copy.folder / "index.html").read_bytes()

    def fails(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(copies.os, "replace", fails)
        with pytest.raises(OSError, match="disk full"):
            copy._put("index.html", "half")
    assert (copy.folder / "index.html").read_bytes() == before
    assert list(copy.folder.rglob("*.new")) == []


def test_damaged_notes_of_its_own_are_made_anew(copy, databases):
    make_public_incident(databases)
    copy.write()
    for name in ("versions.json", "seen.json", "as-of.json"):
        (copy.folder / name).write_text("{")
    Copy(copy.folder).write()
    assert Client().get("/status/").status_code == 200


def test_nothing_private_is_in_any_file(copy, databases):
    """The private rows behind what is public are full of markers."""
    component = databases.components.first()
    type(component).objects.filter(pk=component.pk).update(name="mkx-tech-component", cluster="mkx-tech-cluster")
    Service.objects.filter(pk=databases.pk).update(description="mkx-int-description", external_id="mkx-int-id")
    incident = make_public_incident(databases)
    type(incident.incident).objects.filter(pk=incident.incident_id).update(title="mkx-tech-title")
    private = {"title": "mkx-tech-work", "technical_text": "mkx-tech-text", "business_text": "mkx-biz-text",
               "business_title": "mkx-biz-title"}  # fmt: skip
    make_maintenance(databases, **private)
    make_maintenance(databases, public_title="", public_text="", **private)
    make_incident(component, title="mkx-draft-title")
    copy.write()
    written = {str(p): p.read_text() for p in Path(copy.folder).rglob("*") if p.is_file()}
    assert len(written) > 15
    assert {name: markers_in(text) for name, text in written.items() if markers_in(text)} == {}
