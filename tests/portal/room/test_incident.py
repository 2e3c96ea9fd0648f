from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions import publishing
from comms.choices import IncidentStatus, TimelineKind, Variant
from comms.models import Delivery, Message, UpdateDraft
from comms.rendering.messages import Text
from customers.models import User
from customers.policies.roles import COMMUNICATIONS_LEAD
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish
from tests.portal.room.conftest import fields_of

BOTH_WITH_WORDS = {variant: Text(note="No change.") for variant in publishing.TRACKS}


def room(incident) -> str:
    return f"/room/{incident.pk}/"


def words_of(response) -> str:
    return " ".join(response.content.decode().split())


def test_room_shows_both_texts_with_their_recipients(as_user, lead, incident):
    response = as_user(lead).get(room(incident))

    panes = {pane.variant: pane for pane in response.context["panes"]}
    assert {v: (p.reached.contacts, p.reached.accounts) for v, p in panes.items()} == {
        Variant.TECHNICAL: (1, 1),
        Variant.BUSINESS: (1, 1),
    }
    assert "p95 of writes is 4 s" in panes[Variant.TECHNICAL].rendered.text
    assert "p95 of writes is 4 s" not in panes[Variant.BUSINESS].rendered.text
    assert "Your site may be slow." in panes[Variant.BUSINESS].rendered.text


def test_save_keeps_the_facts_and_sends_nothing(as_user, lead, incident):
    client = as_user(lead)
    fields = fields_of(
        client.get(room(incident)), title="Writes fail", severity="3", workaround="Read only.", note_business="Sorry!"
    )

    response = client.post(f"{room(incident)}save/", fields)

    incident.refresh_from_db()
    assert (response.status_code, incident.title, incident.severity) == (200, "Writes fail", 3)
    assert incident.facts.workaround == "Read only."
    assert response.context["panes"][1].rendered.text.count("Sorry!") == 1
    assert response.context["writing"].say["note_business"].value() == "Sorry!"
    assert not UpdateDraft.objects.exists()
    assert not Message.objects.exists()


def test_save_without_a_change_leaves_detection_to_the_second(as_user, lead, incident):
    before = incident.detected_at
    client = as_user(lead)

    client.post(f"{room(incident)}save/", fields_of(client.get(room(incident))))

    incident.refresh_from_db()
    assert incident.detected_at == before
    assert not incident.timeline.filter(kind=TimelineKind.CHANGED).exists()


def test_save_classifies_what_an_alert_opened(as_user, lead, component):
    incident = make_incident(component)
    assert incident.classified_at is None
    client = as_user(lead)
    page = client.get(room(incident))
    assert "Nobody has classified this yet" in words_of(page)

    client.post(f"{room(incident)}save/", fields_of(page))

    incident.refresh_from_db()
    assert incident.classified_at is not None


def test_times_are_typed_in_the_zone_of_the_reader(as_user, incident):
    client = as_user(make_user(COMMUNICATIONS_LEAD, timezone="Asia/Kolkata"))
    page = client.get(room(incident))
    assert "(Asia/Kolkata)" in words_of(page)

    client.post(f"{room(incident)}save/", fields_of(page, expected_resolution="2026-11-21T10:30"))

    incident.facts.refresh_from_db()
    assert incident.facts.expected_resolution.isoformat() == "2026-11-21T05:00:00+00:00"


def test_room_of_a_resolved_incident_settles_its_components_and_can_reopen(as_user, lead, incident):
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    before = list(incident.impacts.values("component", "level", "started_at", "ended_at"))
    client = as_user(lead)
    page = client.get(room(incident))
    assert [value for value, _ in page.context["writing"].say.fields["status"].widget.choices] == [
        "investigating",
        "resolved",
    ]

    client.post(f"{room(incident)}save/", fields_of(page, prevention="More disks."))

    incident.facts.refresh_from_db()
    assert incident.facts.prevention == "More disks."
    assert list(incident.impacts.values("component", "level", "started_at", "ended_at")) == before
    fields = fields_of(page, status="investigating", undo="0")
    assert client.post(f"{room(incident)}publish/", fields).status_code == 302


def test_progress_counts_deliveries_by_state(as_user, lead, incident):
    publish(make_incident(*[impact.component for impact in incident.impacts.all()]))  # its mails count elsewhere
    publish(incident)
    Delivery.objects.filter(message__variant="technical").update(state="accepted")
    Delivery.objects.filter(message__variant="business").update(state="failed")

    response = as_user(lead).get(f"{room(incident)}progress/?sequence=1")

    bars = {column.clock.track.value: [bar.label for bar in column.bars] for column in response.context["columns"]}
    assert bars == {"technical": ["1 accepted"], "business": ["1 failed"]}
    assert "Load the page again" not in words_of(response)
    assert "HX-Request" in response["Vary"]


def test_progress_tells_a_page_with_a_form_that_it_is_old(as_user, lead, incident):
    publish(incident)

    response = as_user(lead).get(f"{room(incident)}progress/?sequence=0")

    assert "Update 1 has been published since you loaded this page" in words_of(response)
    assert "HX-Refresh" not in response


def test_progress_reloads_a_page_whose_draft_has_left(as_user, lead, incident):
    client = as_user(lead)
    client.post(f"{room(incident)}publish/", fields_of(client.get(room(incident)), undo="0"))
    draft = UpdateDraft.objects.get()
    address = f"{room(incident)}progress/?sequence=0&draft={draft.pk}"
    assert "HX-Refresh" not in client.get(address)

    publishing.publish_due()

    assert client.get(address)["HX-Refresh"] == "true"


def test_room_queries_do_not_grow(as_user, lead, component):
    counts = []
    for n in (1, 3):
        incident = make_incident(component, title=f"Incident {n}", classified=True)
        for k in range(n):
            other = make_component(f"part-{n}-{k}")
            account = make_account(uses=(component, other))
            make_contact(account, "technical", login=True)
            make_user(COMMUNICATIONS_LEAD)
            publish(incident, author=make_user(COMMUNICATIONS_LEAD), texts=BOTH_WITH_WORDS)
        client = as_user(User.objects.get(pk=lead.pk))
        with CaptureQueriesContext(connection) as captured:
            assert client.get(room(incident)).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 35
