from datetime import timedelta
from uuid import uuid4

import pytest

from comms.actions import publishing
from comms.choices import IncidentStatus, TimelineKind
from comms.models import Delivery, IncidentUpdate, Message, UpdateDraft
from customers import clock
from customers.choices import Severity
from customers.policies.roles import COMMUNICATIONS_LEAD
from tests.factories import make_component, make_incident, make_user, publish
from tests.portal.room.conftest import fields_of


def room(incident) -> str:
    return f"/room/{incident.pk}/"


def words_of(response) -> str:
    return " ".join(response.content.decode().split())


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
    incident.facts.workaround, incident.facts.symptoms = "Use the replica.", "theirs"
    incident.facts.save()
    publish(incident, IncidentStatus.IDENTIFIED, author=other)

    response = client.post(f"{room(incident)}{step}/", mine)

    assert response.status_code == 409
    assert "Otto Other published update 2 (identified) while you wrote" in words_of(response)
    assert response.context["overtaken"].both == [("Symptoms", "theirs")]
    writing = response.context["writing"]
    assert [writing.say["note_business"].value(), writing.facts["symptoms"].value()] == ["My words", "mine"]
    assert writing.facts["workaround"].value() == "Use the replica."  # he did not touch it, so it is not taken back
    incident.facts.refresh_from_db()
    assert (incident.facts.workaround, incident.facts.symptoms) == ("Use the replica.", "theirs")
    assert not UpdateDraft.objects.exists()
    again = client.post(f"{room(incident)}publish/", fields_of(response, status="identified"))
    assert again.status_code == 302  # having seen it, he may
    assert UpdateDraft.objects.get().facts["workaround"] == "Use the replica."
    assert UpdateDraft.objects.get().facts["symptoms"] == "mine"


def test_two_people_write_their_parts_and_neither_is_lost(as_user, lead, incident):
    other = make_component("pg-2")
    client = as_user(lead)
    mine = fields_of(client.get(room(incident)), symptoms="mine", severity="1")
    theirs = fields_of(client.get(room(incident)), workaround="theirs", title="Better", users_affected_low="5")
    theirs |= {"users_affected_high": "9", f"level_{other.pk}": "partial", "detected_at": "2026-01-02T03:04"}

    client.post(f"{room(incident)}save/", theirs)
    page = client.post(f"{room(incident)}save/", mine)
    client.post(f"{room(incident)}save/", fields_of(page, workaround=""))

    incident.refresh_from_db()
    incident.facts.refresh_from_db()
    assert (incident.title, incident.severity) == ("Better", 1)
    assert incident.detected_at.isoformat() == "2026-01-02T03:04:00+00:00"
    facts = incident.facts
    assert (facts.symptoms, facts.workaround, facts.users_affected_low, facts.users_affected_high) == (
        "mine",
        "",  # seen and taken back by the last
        5,
        9,
    )
    assert {impact.component.name: impact.level for impact in incident.impacts.all()} == {
        "pg-1": "major",
        "pg-2": "partial",
    }


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


def test_reason_is_not_kept_where_no_second_person_is_needed(as_user, lead, incident):
    client = as_user(lead)

    client.post(f"{room(incident)}publish/", fields_of(client.get(room(incident)), override_reason="Alone"))

    assert UpdateDraft.objects.get().override_reason == ""
    assert not incident.timeline.filter(kind=TimelineKind.OVERRIDE).exists()


def test_severity_raised_in_the_form_itself_needs_the_second_person(as_user, lead, incident):
    client = as_user(lead)

    client.post(f"{room(incident)}publish/", fields_of(client.get(room(incident)), severity="3"))

    assert UpdateDraft.objects.get().publish_at is None


def test_errors_are_listed_with_links_to_their_fields(as_user, lead, incident):
    client = as_user(lead)
    page = client.get(room(incident))
    assert not page.context["writing"].resolves()

    response = client.post(f"{room(incident)}save/", fields_of(page, title="", prevention="x" * 5001))

    assert '<a href="#id_title">Title</a>' in words_of(response)
    assert [field.name for field in response.context["writing"].marked()] == ["title", "prevention"]
    assert response.context["writing"].resolves()  # its part of the form is open, so that the mark can be seen
