from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comms.actions import publishing
from comms.choices import IncidentStatus, TimelineKind, Variant
from comms.models import Delivery, IncidentUpdate, Message, UpdateDraft
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Severity
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
    assert {v: (p.contacts, p.accounts) for v, p in panes.items()} == {
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


def test_publish_hands_over_a_draft_with_the_authors_words(as_user, lead, incident):
    client = as_user(lead)
    fields = fields_of(client.get(room(incident)), status="identified", note_technical="Disk full.", undo="60")

    response = client.post(f"{room(incident)}publish/", fields)

    draft = UpdateDraft.objects.get()
    assert (response.status_code, response.url) == (302, room(incident))
    assert (draft.status, draft.author, draft.undo_seconds) == ("identified", lead, 60)
    assert draft.texts == {
        "technical": {"note": "Disk full.", "next_update_at": None},
        "business": {"note": "", "next_update_at": None},
    }
    assert draft.publish_at - draft.created_at == timedelta(seconds=60)
    assert "An update leaves in" in words_of(client.get(room(incident)))


def test_publish_twice_with_one_form_makes_one_update(as_user, lead, incident):
    client = as_user(lead)
    fields = fields_of(client.get(room(incident)), undo="0")

    first = client.post(f"{room(incident)}publish/", fields)
    publishing.publish_due()
    second = client.post(f"{room(incident)}publish/", fields)

    assert (first.status_code, second.status_code) == (302, 302)
    assert UpdateDraft.objects.count() == IncidentUpdate.objects.count() == 1
    assert Delivery.objects.count() == 2


def test_publish_cleans_a_title_of_line_ends(as_user, lead, incident):
    client = as_user(lead)
    fields = fields_of(client.get(room(incident)), title="Slow\r\nBcc: all@example.com\ue000", undo="0")

    client.post(f"{room(incident)}publish/", fields)
    publishing.publish_due()

    incident.refresh_from_db()
    assert incident.title == "Slow Bcc: all@example.com"
    assert [m.subject for m in Message.objects.all() if "\n" in m.subject or "\r" in m.subject] == []


@pytest.mark.parametrize("status", ["investigating", "draft", "nonsense"])
def test_publish_refuses_an_illegal_status_and_keeps_what_was_typed(as_user, lead, incident, status):
    publish(incident, IncidentStatus.IDENTIFIED)
    client = as_user(lead)
    fields = fields_of(client.get(room(incident)), status=status, note_business="Kept words", workaround="Kept too")

    response = client.post(f"{room(incident)}publish/", fields)

    assert response.status_code == 422
    assert response.context["writing"].say["note_business"].value() == "Kept words"
    assert response.context["writing"].facts["workaround"].value() == "Kept too"
    assert not UpdateDraft.objects.exists()


def test_publish_says_which_status_is_possible(as_user, lead, incident):
    publish(incident, IncidentStatus.IDENTIFIED)
    client = as_user(lead)

    response = client.post(f"{room(incident)}publish/", fields_of(client.get(room(incident)), status="investigating"))

    assert "cannot go to investigating" in response.context["refusal"]
    assert "It can go to: identified, monitoring, resolved." in words_of(response)


def test_publish_on_one_track_is_refused_when_everybody_must_hear(as_user, lead, incident):
    publish(incident)
    client = as_user(lead)
    fields = fields_of(client.get(room(incident)), tracks=["technical"], workaround="Use the replica.")

    response = client.post(f"{room(incident)}publish/", fields)

    assert response.status_code == 422
    assert response.context["refusal"] == ("Both tracks must hear of this at once, because it changes: workaround.")
    incident.facts.refresh_from_db()
    assert incident.facts.workaround == "Use the replica."
    assert not UpdateDraft.objects.exists()


def test_publish_on_one_track_alone_is_possible_when_nothing_shared_changes(as_user, lead, incident):
    publish(incident)
    client = as_user(lead)
    fields = fields_of(client.get(room(incident)), tracks=["technical"], metrics="p95 is 2 s")

    assert client.post(f"{room(incident)}publish/", fields).status_code == 302
    assert list(UpdateDraft.objects.get().texts) == ["technical"]


def test_publish_refuses_a_next_time_later_than_the_cadence(as_user, lead, incident):
    client = as_user(lead)
    late = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")

    response = client.post(f"{room(incident)}publish/", fields_of(client.get(room(incident)), next_technical=late))

    assert response.status_code == 422
    assert "it is due by" in response.context["refusal"]
    assert "it is due by" in response.context["panes"][0].problem


def test_publish_without_a_component_says_what_to_do(as_user, lead):
    make_component("pg-2")
    incident = make_incident(classified=True)
    client = as_user(lead)

    response = client.post(f"{room(incident)}publish/", fields_of(client.get(room(incident))))

    assert "Choose at least one affected component" in words_of(response)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "\ue000"),
        ("severity", "6"),
        ("detected_at", "yesterday"),
        ("detected_at", "2999-01-01T00:00"),
        ("percent_restored", "101"),
        ("percent_restored", "-1"),
        ("users_affected_low", "20"),
        ("dashboard_url", "javascript:alert(1)"),
        ("workaround", "x" * 5001),
        ("workaround", "a\x00b"),
        ("next_milestone", "x" * 201),
        ("tracks", []),
        ("undo", "999"),
        ("request_id", "7"),
        ("expected_sequence", ""),
    ],
)
@pytest.mark.parametrize("step", ["save", "publish"])
def test_bad_input_is_marked_and_changes_nothing(as_user, lead, incident, *, field, value, step):
    client = as_user(lead)
    fields = fields_of(client.get(room(incident)), symptoms="typed", **{field: value})

    response = client.post(f"{room(incident)}{step}/", fields)

    writing = response.context["writing"]
    errors = {**writing.describe.errors, **writing.facts.errors, **writing.say.errors}
    assert (response.status_code, len(errors)) == (422, 1)
    assert "Not saved and not sent" in words_of(response)
    incident.facts.refresh_from_db()
    assert incident.facts.symptoms == "p95 of writes is 4 s"
    assert writing.facts["symptoms"].value() == "typed"
    assert not UpdateDraft.objects.exists()


def test_range_that_ends_below_its_beginning_is_refused(as_user, lead, incident):
    client = as_user(lead)
    fields = fields_of(client.get(room(incident)), users_affected_low="50", users_affected_high="20")

    response = client.post(f"{room(incident)}save/", fields)

    assert "swap the two numbers" in words_of(response)


@pytest.mark.parametrize("step", ["save", "publish"])
def test_who_comes_too_late_sees_who_published_and_overwrites_nothing(as_user, lead, incident, step):
    publish(incident)
    client = as_user(lead)
    mine = fields_of(client.get(room(incident)), note_business="My words", symptoms="mine")
    other = make_user(COMMUNICATIONS_LEAD, name="Otto Other")
    incident.facts.workaround = "Use the replica."
    incident.facts.save()
    publish(incident, IncidentStatus.IDENTIFIED, author=other)

    response = client.post(f"{room(incident)}{step}/", mine)

    assert response.status_code == 409
    assert "Otto Other published update 2 (identified) while you wrote" in words_of(response)
    assert response.context["overtaken"].facts == [("workaround and its limits", "Use the replica.")]
    assert response.context["writing"].say["note_business"].value() == "My words"
    incident.facts.refresh_from_db()
    assert (incident.facts.workaround, incident.facts.symptoms) == ("Use the replica.", "p95 of writes is 4 s")
    assert not UpdateDraft.objects.exists()
    again = client.post(f"{room(incident)}publish/", fields_of(response, status="identified"))
    assert again.status_code == 302  # having seen it, he may


def test_a_second_update_while_one_waits_is_refused_in_words(as_user, lead, incident):
    client = as_user(lead)
    page = client.get(room(incident))
    client.post(f"{room(incident)}publish/", fields_of(page, undo="60"))

    response = client.post(f"{room(incident)}publish/", fields_of(page, request_id=str(uuid4())))

    assert response.status_code == 422
    assert "Another update of this incident is waiting." in response.context["refusal"]


def test_severity_3_waits_for_a_second_person_unless_a_reason_is_given(as_user, lead, component):
    incident = make_incident(component, severity=Severity.THREE, classified=True)
    client = as_user(lead)
    page = client.get(room(incident))
    assert "Publish without a second person, because" in words_of(page)

    client.post(f"{room(incident)}publish/", fields_of(page, override_reason="Alone tonight"))

    draft = UpdateDraft.objects.get()
    assert (draft.override_reason, draft.publish_at is not None) == ("Alone tonight", True)
    assert incident.timeline.filter(kind=TimelineKind.OVERRIDE).count() == 1


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
    assert counts[0] == counts[1] <= 32
