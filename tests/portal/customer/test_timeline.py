"""What became public and when; nothing of our own notes."""

from datetime import timedelta

from comms.choices import ImpactLevel, IncidentStatus
from comms.models import IncidentImpact
from customers import clock
from customers.choices import Track
from portal import access
from portal.access import Viewer
from portal.customer.timeline import timeline_of
from portal.customer.touches import touches_of
from tests.factories import make_component, make_contact, make_incident, make_usage, publish


def told_to(contact, incident) -> list[tuple[str, str]]:
    viewer = Viewer(contact.user, (contact,))
    incident.refresh_from_db()
    messages = access.messages_for(viewer, incident)
    return [(event.words, event.tone) for event in timeline_of(incident, messages, touches_of(viewer, [incident]))]


def test_timeline_tells_detection_updates_and_the_end(business, databases):
    incident = make_incident(databases, detected_at=clock.now() - timedelta(hours=1))
    for status in ("investigating", "investigating", "identified", "resolved", "investigating"):
        publish(incident, IncidentStatus(status))

    assert told_to(business, incident) == [
        ("First detected", "error"),
        ("First message: investigating", "said"),
        ("Update 2", "said"),
        ("Update 3: now identified", "said"),
        ("Resolved", "ok"),
        ("Opened again: investigating", "error"),
    ]


def test_timeline_tells_what_is_restored_when_it_was_said(account, business, databases):
    hosting = make_component()
    make_usage(account, hosting, "www.northwind.example")
    incident = make_incident(databases, hosting)
    publish(incident)
    IncidentImpact.objects.filter(component=hosting).update(ended_at=clock.now())
    before = told_to(business, incident)
    IncidentImpact.objects.filter(component=databases).update(level=ImpactLevel.PARTIAL)
    publish(incident, IncidentStatus.MONITORING)

    assert before == [("First detected", "error"), ("First message: investigating", "said")]
    assert told_to(business, incident) == [
        *before,
        ("Update 2: now monitoring", "said"),
        ("Managed databases: partial outage", "warn"),
        (f"{hosting.service.name} is restored", "ok"),
    ]


def test_timeline_names_nothing_of_others_and_nothing_internal(account, business, databases, lead):
    foreign = make_component("foreign-marker")
    incident = make_incident(databases, foreign)
    incident.timeline.create(at=clock.now(), kind="changed", actor=lead, text="internal-marker")
    publish(incident)
    IncidentImpact.objects.filter(component=foreign).update(ended_at=clock.now())
    publish(incident)

    technical = make_contact(account, Track.TECHNICAL, login=True)
    for reader in (business, technical):
        words = " ".join(words for words, _tone in told_to(reader, incident))
        assert foreign.service.name not in words
        assert "marker" not in words
