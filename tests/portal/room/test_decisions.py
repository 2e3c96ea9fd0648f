from uuid import uuid4

import pytest

from comms.actions import publishing
from comms.choices import IncidentStatus, TimelineKind, Variant
from comms.models import Incident, IncidentUpdate, UpdateDraft
from comms.rendering.messages import Text
from customers.choices import Severity
from customers.models import Component
from customers.policies.roles import COMMANDER
from tests.factories import BOTH, make_incident, make_user
from tests.portal.room.conftest import fields_of


def waiting(incident: Incident, author, **fields) -> UpdateDraft:
    return publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=incident.sequence,
        request_id=uuid4(),
        status=IncidentStatus.INVESTIGATING,
        texts=fields.pop("texts", BOTH),
        author=author,
        undo_seconds=fields.pop("undo_seconds", 0),
        **fields,
    )


@pytest.fixture
def severe(component: Component) -> Incident:
    return make_incident(component, severity=Severity.THREE, classified=True)


def test_approve_by_a_second_person_lets_it_out(as_user, lead, commander, severe):
    draft = waiting(severe, lead)
    client = as_user(commander)
    page = client.get(f"/room/{severe.pk}/")
    assert b">Approve</button>" in page.content
    assert [pane.rendered is not None for pane in page.context["panes"]] == [True, True]

    response = client.post(f"/room/{severe.pk}/drafts/{draft.pk}/approve/")

    assert response.status_code == 302
    assert publishing.publish_due() == 1
    assert IncidentUpdate.objects.get().approver == commander


def test_approve_by_the_author_is_refused(as_user, severe):
    author = make_user(COMMANDER)
    draft = waiting(severe, author)
    client = as_user(author)
    assert b">Approve</button>" not in client.get(f"/room/{severe.pk}/").content

    response = client.post(f"/room/{severe.pk}/drafts/{draft.pk}/approve/", follow=True)

    assert "A second person approves: you wrote this update yourself." in response.content.decode()
    assert publishing.publish_due() == 0


def test_approve_needs_the_permission(as_user, lead, severe):
    draft = waiting(severe, make_user(COMMANDER))
    client = as_user(lead)
    assert b">Approve</button>" not in client.get(f"/room/{severe.pk}/").content

    assert client.post(f"/room/{severe.pk}/drafts/{draft.pk}/approve/").status_code == 404
    draft.refresh_from_db()
    assert draft.approver is None


def test_approve_finds_only_drafts_of_its_own_incident(as_user, lead, commander, severe, component):
    draft = waiting(severe, lead)
    other = make_incident(component)

    response = as_user(commander).post(f"/room/{other.pk}/drafts/{draft.pk}/approve/")

    assert response.status_code == 404


def test_withdraw_offers_the_words_again(as_user, lead, incident):
    texts = {Variant.TECHNICAL: Text(note="Disk full."), Variant.BUSINESS: Text(note="Sorry.")}
    draft = waiting(incident, lead, undo_seconds=60, texts=texts)
    client = as_user(lead)
    assert client.get(f"/room/{incident.pk}/").context["writing"] is None  # nothing is written beside a waiting draft

    client.post(f"/room/{incident.pk}/drafts/{draft.pk}/withdraw/")

    say = client.get(f"/room/{incident.pk}/").context["writing"].say
    assert (say["note_technical"].value(), say["note_business"].value()) == ("Disk full.", "Sorry.")
    assert publishing.publish_due() == 0


def test_withdraw_offers_the_confirmation_of_all_sms_again(as_user, lead, incident):
    draft = waiting(incident, lead, undo_seconds=60, sms_confirmed=True)
    client = as_user(lead)

    client.post(f"/room/{incident.pk}/drafts/{draft.pk}/withdraw/")

    page = client.get(f"/room/{incident.pk}/")
    assert page.context["writing"].say["sms_confirmed"].value() is True
    assert "Send all SMS, however many" in page.content.decode()  # in view, though there are none


def test_withdraw_too_late_says_so(as_user, lead, incident):
    draft = waiting(incident, lead)
    publishing.publish_due()

    response = as_user(lead).post(f"/room/{incident.pk}/drafts/{draft.pk}/withdraw/", follow=True)

    assert "it was published or withdrawn" in response.content.decode()
    assert IncidentUpdate.objects.count() == 1


def test_a_draft_that_the_clock_refused_shows_why(as_user, lead, incident):
    waiting(incident, lead)
    incident.impacts.all().delete()
    publishing.publish_due()

    page = as_user(lead).get(f"/room/{incident.pk}/").content.decode()

    assert "was refused and did not go out" in page
    assert "Choose at least one affected component" in page


def test_roles_are_saved(as_user, lead, commander, support, incident):
    response = as_user(lead).post(
        f"/room/{incident.pk}/roles/",
        {"commander": commander.pk, "communications_lead": lead.pk, "responder": support.pk},
    )

    incident.refresh_from_db()
    assert response.status_code == 302
    assert (incident.commander, incident.communications_lead, incident.responder) == (commander, lead, support)


def test_roles_of_one_person_need_a_reason(as_user, lead, incident):
    client = as_user(lead)
    both = {"communications_lead": lead.pk, "responder": lead.pk}

    refused = client.post(f"/room/{incident.pk}/roles/", both)
    accepted = client.post(f"/room/{incident.pk}/roles/", both | {"override_reason": "Alone tonight"})

    assert (refused.status_code, accepted.status_code) == (422, 302)
    assert "Whoever repairs does not send" in refused.content.decode()
    assert refused.context["roles"]["responder"].value() == str(lead.pk)
    assert [e.text for e in incident.timeline.filter(kind=TimelineKind.OVERRIDE)] == [
        "Lea Lead repairs and sends: Alone tonight"
    ]


def test_roles_take_no_customer(as_user, lead, incident):
    customer = make_user(staff=False)

    response = as_user(lead).post(f"/room/{incident.pk}/roles/", {"commander": customer.pk})

    incident.refresh_from_db()
    assert (response.status_code, incident.commander) == (422, None)


@pytest.mark.parametrize("address", ["save", "publish", "roles"])
def test_address_of_a_form_loaded_again_leads_back_to_the_room(as_user, lead, incident, address):
    response = as_user(lead).get(f"/room/{incident.pk}/{address}/")

    assert (response.status_code, response.url) == (302, f"/room/{incident.pk}/")


def test_form_of_the_page_can_be_posted_by_its_approver(as_user, commander, incident):
    client = as_user(commander)

    response = client.post(f"/room/{incident.pk}/publish/", fields_of(client.get(f"/room/{incident.pk}/")))

    assert response.status_code == 302
