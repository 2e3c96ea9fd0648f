"""The third text of the room's form: preview, warnings, refusals that keep every word (F7, D5, K1)."""

from html import unescape

import pytest

from comms.actions import publishing
from comms.choices import IncidentStatus, Variant
from comms.models import PublicIncident, UpdateDraft
from comms.rendering.messages import Text
from customers.actions import subscribers
from customers.choices import TransportKind
from customers.models import Service
from tests.factories import BOTH, publish
from tests.portal.room.conftest import fields_of

PUBLIC = {**BOTH, Variant.PUBLIC: Text(title="Shops are slow", note="We look into it.")}


@pytest.fixture
def room(incident) -> str:
    return f"/room/{incident.pk}/"


def words_of(response) -> str:
    return unescape(" ".join(response.content.decode().split()))


def test_the_third_text_is_empty_and_nothing_becomes_public(as_user, lead, incident, room):
    client = as_user(lead)
    fields = fields_of(client.get(room), undo="0")
    assert (fields["public_title"], fields["public_text"]) == ("", "")
    client.post(f"{room}publish/", fields)
    assert publishing.publish_due() == 1
    assert not PublicIncident.objects.exists()


def test_preview_shows_text_services_subscribers_and_words_to_look_at(as_user, lead, incident, component, room):
    Service.objects.update(is_public=True, name="Databases")
    for n in range(2):
        subscribers.confirm(kind=TransportKind.EMAIL, address=f"jo{n}@public.example", service_keys=[])
    client = as_user(lead)
    fields = fields_of(client.get(room), public_title="Bakery is slow", public_text="PG-1 is slow.\n\nSorry.")

    response = client.post(f"{room}save/", fields)

    pane = response.context["preview"].public
    assert {service.name: level.value for service, level in pane.services.items()} == {"Databases": "major"}
    assert pane.subscribers == 2
    assert {(found.word, found.why) for found in pane.warnings} == {
        ("pg-1", "the name of a component"),
        ("Bakery", "the name of a customer"),
    }
    page = words_of(response)
    for words in ("2 subscribers", "<p>PG-1 is slow.</p>", "Look at these words again", "Major outage"):
        assert words in page


def test_harmless_words_are_not_warned_of(as_user, lead, incident, room):
    client = as_user(lead)
    fields = fields_of(client.get(room), public_title="Shops are slow", public_text="The xpg-1y is not a name of ours.")
    assert client.post(f"{room}save/", fields).context["preview"].public.warnings == []


def test_publishing_hands_over_all_three_texts(as_user, lead, incident, room):
    client = as_user(lead)
    fields = fields_of(client.get(room), undo="0", public_title="Shops are slow", public_text="We look into it.")
    client.post(f"{room}publish/", fields)
    assert UpdateDraft.objects.get().texts["public"] == {
        "note": "We look into it.",
        "next_update_at": None,
        "title": "Shops are slow",
    }
    waiting = client.get(room)
    assert waiting.context["preview"].public.text == Text(title="Shops are slow", note="We look into it.")
    publishing.publish_due()
    assert PublicIncident.objects.get().title == "Shops are slow"
    assert fields_of(client.get(room))["public_title"] == "Shops are slow"  # kept from the last public update


@pytest.mark.parametrize(
    ("title", "text", "why"),
    [
        ("", "We look into it.", "Give the public text a title"),
        ("Shops are slow", "", "A title alone is not published"),
    ],
)
def test_title_and_text_go_together(as_user, lead, incident, room, title, text, why):
    client = as_user(lead)
    response = client.post(
        f"{room}publish/", fields_of(client.get(room), public_title=title, public_text=text, note_business="Kept.")
    )
    assert response.status_code == 422
    page = words_of(response)
    assert why in page
    assert "Kept." in page
    assert not UpdateDraft.objects.exists()


def test_a_public_incident_cannot_go_on_without_its_public_text(as_user, lead, incident, room):
    publish(incident, texts=PUBLIC)
    client = as_user(lead)
    fields = fields_of(client.get(room), status="identified", note_business="Kept.")

    response = client.post(f"{room}publish/", fields)

    assert response.status_code == 422
    page = words_of(response)
    assert "The public page says “investigating” and would go on saying it" in page
    assert "Kept." in page
    fields = fields_of(client.get(room), status="identified", undo="0", public_text="We know the cause.")
    assert client.post(f"{room}publish/", fields).status_code == 302


def test_start_from_the_business_text_fills_the_field_and_sends_nothing(as_user, lead, incident, room):
    client = as_user(lead)
    fields = fields_of(
        client.get(room),
        fill_public="1",
        public_text="Typed before.",
        note_business="We are on it.",
        workaround="Wait.",
    )
    response = client.post(f"{room}save/", fields)
    text = response.context["writing"].say["public_text"].value()
    assert text.startswith("Typed before.\n\n")
    for words in ("We are on it.", "Your site may be slow.", "Wait."):
        assert words in text
    assert "p95 of writes" not in text  # of the technical track
    incident.facts.refresh_from_db()
    assert incident.facts.workaround == "Wait."
    assert not UpdateDraft.objects.exists()


def test_words_of_a_withdrawn_draft_come_back(as_user, lead, incident, room):
    client = as_user(lead)
    fields = fields_of(client.get(room), undo="60", public_title="Shops are slow", public_text="We look into it.")
    client.post(f"{room}publish/", fields)
    publishing.withdraw_update(draft_id=UpdateDraft.objects.get().pk, actor=lead)
    back = fields_of(client.get(room))
    assert (back["public_title"], back["public_text"]) == ("Shops are slow", "We look into it.")


def test_public_deliveries_are_a_bar_of_their_own(as_user, commander, incident, room):
    subscribers.confirm(kind=TransportKind.EMAIL, address="jo@public.example", service_keys=[])
    publish(incident, IncidentStatus.INVESTIGATING, texts=PUBLIC)
    client = as_user(commander)
    page = words_of(client.get(room))
    assert "Public status page: its subscribers" in page
    assert "jo@public.example" in words_of(client.get(f"{room}ledger/?state=any"))
    assert "Public, e-mail" in words_of(client.get(f"{room}ledger/"))
