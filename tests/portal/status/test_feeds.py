"""Atom and iCalendar that strict parsers accept whatever the texts hold."""

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from icalendar import Calendar

from comms.choices import IncidentStatus
from customers.models import Company
from tests.factories import make_maintenance, make_public_incident, tell, utc

A = "{http://www.w3.org/2005/Atom}"
# no NUL: PostgreSQL does not take it
NASTY = "a\x01b\x08\x0b\x1f\x7f\x85\ufffe\uffff \u2028 ]]> <script>alert(1)</script> &amp; \"'\r\n\U0001f600 é"


def entries(copy) -> list[ElementTree.Element]:
    return ElementTree.fromstring((copy.folder / "feed.atom").read_bytes()).findall(f"{A}entry")


def test_a_feed_without_incidents_is_whole(copy):
    copy.write()
    feed = ElementTree.fromstring((copy.folder / "feed.atom").read_bytes())
    assert [child.tag.removeprefix(A) for child in feed] == ["id", "title", "updated", "link", "link", "author"]


def test_an_incident_is_one_entry_that_changes(copy, databases):
    incident = make_public_incident(databases, title="Slow", started_at=utc(2026, 11, 20, 9))
    copy.write()
    (before,) = entries(copy)
    tell(incident, IncidentStatus.RESOLVED, "Over.", at=utc(2026, 11, 20, 10))
    copy.write()
    (after,) = entries(copy)
    assert after.findtext(f"{A}id") == before.findtext(f"{A}id")
    assert after.findtext(f"{A}id") == f"http://localhost:8000/status/incidents/{incident.key}/"
    assert (before.findtext(f"{A}title"), after.findtext(f"{A}title")) == ("Investigating: Slow", "Resolved: Slow")
    assert after.findtext(f"{A}published") == before.findtext(f"{A}published") == "2026-11-20T09:00:00.000Z"
    assert (before.findtext(f"{A}updated"), after.findtext(f"{A}updated")) == (
        "2026-11-20T09:00:00.000Z",
        "2026-11-20T10:00:00.000Z",
    )
    assert "<p>Over.</p>" in (after.findtext(f"{A}content") or "")


def test_whatever_a_text_holds_the_feed_parses_and_runs_nothing(copy, databases):
    Company.objects.update(name=f'Firm & "Sons" {NASTY}'[:80])
    make_public_incident(databases, title=NASTY, body=f"{NASTY}\n\n{NASTY}")
    copy.write()
    (entry,) = entries(copy)
    content = entry.findtext(f"{A}content") or ""
    assert "&lt;script&gt;" in content
    assert "<script" not in content
    assert "]]>" in (entry.findtext(f"{A}title") or "")
    assert "\U0001f600 é" in content
    assert not set("\x01\x08\x0b\x1f\ufffe\uffff") & set(content)


def test_every_page_stands_whatever_a_text_holds(copy, databases, visitor):
    incident = make_public_incident(databases, title=NASTY, body=NASTY)
    work = make_maintenance(databases, public_title=NASTY, public_text=NASTY)
    copy.write()
    for path in ("/status/", f"/status/incidents/{incident.key}/", f"/status/maintenance/{work.key}/"):
        answer = visitor.get(path)
        assert (answer.status_code, "<script>alert" in answer.content.decode()) == (200, False)
    body = visitor.get("/api/v2/incidents.json").json()["incidents"][0]["incident_updates"][0]["body"]
    assert "<script>" in body  # JSON is data: who shows it escapes it


@pytest.mark.parametrize("marker", ["<!--as-of-->", "<!--stale-->", "<!--notice-->", "{% now 'Y' %}"])
def test_a_text_cannot_forge_what_is_filled_in_at_serving(copy, databases, visitor, marker):
    make_public_incident(databases, title=f"x{marker}y", body=f"x{marker}y")
    copy.write()
    page = visitor.get("/status/").content.decode()
    assert page.count("As of ") == 1
    escaped = marker.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;")
    assert f"x{escaped}y" in page


def test_the_calendar_holds_each_maintenance_once_with_a_rising_sequence(copy, databases):
    work = make_maintenance(databases, public_title="Disks", starts_at=datetime(2027, 1, 2, 1, tzinfo=UTC))
    copy.write()
    (first,) = Calendar.from_ical((copy.folder / "maintenance.ics").read_bytes()).walk("VEVENT")
    work.updated_at = None
    work.public_title = f"Disks, {NASTY}"
    work.save()
    type(work).objects.filter(pk=work.pk).update(updated_at=work.announced_at.replace(year=2030))
    copy.write()
    (second,) = Calendar.from_ical((copy.folder / "maintenance.ics").read_bytes()).walk("VEVENT")
    assert first["UID"] == second["UID"]
    assert second["SEQUENCE"] > first["SEQUENCE"]
    assert (first.decoded("DTSTART"), first.decoded("DTEND")) == (
        datetime(2027, 1, 2, 1, tzinfo=UTC),
        datetime(2027, 1, 2, 3, tzinfo=UTC),
    )
    assert str(first["SUMMARY"]) == "Disks"
    assert str(second["SUMMARY"]).startswith("Disks, a")
