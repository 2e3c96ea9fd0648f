"""A draft waits for its approval and its undo window (D5, D6)."""

from datetime import timedelta
from uuid import uuid4

import pytest

from comms.actions import publishing
from comms.actions.publishing import CannotPublish
from comms.choices import DeliveryState, IncidentStatus, TimelineKind, Variant
from comms.models import Delivery, Incident, Template, UpdateDraft
from comms.policies.lifecycle import IllegalTransition
from comms.rendering.messages import Text
from customers.choices import Severity, Track, TransportKind
from customers.models import Company, ContactPoint
from tests.comms.support import told
from tests.factories import BOTH, make_account, make_component, make_contact, make_incident, make_user, publish

pytestmark = pytest.mark.django_db


def incident_of(severity: Severity):
    component = make_component()
    make_contact(make_account(uses=(component,)), Track.BUSINESS, email="biz@customer.example")
    return make_incident(component, severity=severity)


def schedule(incident, author, status=IncidentStatus.INVESTIGATING, *, texts=None, **fields) -> UpdateDraft:
    incident.refresh_from_db()
    return publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=incident.sequence,
        request_id=fields.pop("request_id", uuid4()),
        status=status,
        texts=BOTH if texts is None else texts,
        author=author,
        undo_seconds=fields.pop("undo_seconds", 0),
        **fields,
    )


def test_schedule_update_below_severity_3_leaves_after_the_undo_window(lead):
    incident = incident_of(Severity.TWO)
    draft = schedule(incident, lead, undo_seconds=30)

    assert draft.publish_at == draft.created_at + timedelta(seconds=30)
    assert publishing.publish_due() == 0
    assert not incident.updates.exists()
    UpdateDraft.objects.update(publish_at=draft.created_at)  # the window is over
    assert publishing.publish_due() == 1
    update = incident.updates.get()
    assert (update.author, update.approver, update.request_id) == (lead, None, draft.request_id)
    assert told(update) == [("biz@customer.example", "business")]
    assert publishing.publish_due() == 0


def test_publish_due_keeps_words_times_and_facts_as_their_author_left_them(lead):
    incident = incident_of(Severity.TWO)
    early = incident.opened_at + timedelta(minutes=20)
    texts = {
        Variant.TECHNICAL: Text(note="Rebuilding – 2 of 3"),
        Variant.BUSINESS: Text(note="Wir arbeiten daran.", next_update_at=early),
    }
    draft = schedule(incident, lead, texts=texts)
    incident.facts.symptoms = "written after the draft"
    incident.facts.save()

    publishing.publish_due()

    update = incident.updates.get()
    assert update.facts == draft.facts
    assert update.facts["symptoms"] == "p95 of writes is 4 s"
    assert "Wir arbeiten daran." in update.messages.get(variant="business").text
    assert "Rebuilding – 2 of 3" in update.messages.get(variant="technical").text
    assert incident.promises.unanswered().get(track=Track.BUSINESS).due_at == early


@pytest.mark.parametrize("severity", [Severity.THREE, Severity.FOUR, Severity.FIVE])
def test_schedule_update_from_severity_3_on_waits_for_a_second_person(lead, commander, severity):
    incident = incident_of(severity)
    draft = schedule(incident, lead, undo_seconds=0)
    assert draft.publish_at is None
    assert publishing.publish_due() == 0

    with pytest.raises(CannotPublish, match="A second person approves: you wrote this update yourself"):
        publishing.approve_update(draft_id=draft.pk, approver=lead)
    publishing.approve_update(draft_id=draft.pk, approver=commander)

    assert publishing.publish_due() == 1
    assert incident.updates.get().approver == commander


def test_approve_update_twice_does_not_begin_the_undo_window_again(lead, commander):
    incident = incident_of(Severity.FOUR)
    draft = schedule(incident, lead, undo_seconds=600)
    first = publishing.approve_update(draft_id=draft.pk, approver=commander)

    with pytest.raises(CannotPublish, match="approved already"):
        publishing.approve_update(draft_id=draft.pk, approver=make_user())

    draft.refresh_from_db()
    assert (draft.approver, draft.publish_at) == (commander, first.publish_at)


def test_schedule_update_with_a_reason_needs_no_second_person_and_says_so(lead):
    incident = incident_of(Severity.FIVE)
    schedule(incident, lead, override_reason="  alone at night ")

    assert publishing.publish_due() == 1
    assert incident.updates.get().override_reason == "alone at night"
    entry = incident.timeline.get(kind=TimelineKind.OVERRIDE)
    assert (entry.actor, entry.text) == (lead, "Published without a second person: alone at night")


def test_schedule_update_twice_with_one_request_keeps_one_draft(lead):
    incident, request = incident_of(Severity.TWO), uuid4()
    first = schedule(incident, lead, request_id=request)
    again = schedule(incident, lead, IncidentStatus.IDENTIFIED, request_id=request)
    assert (again, UpdateDraft.objects.count(), again.status) == (first, 1, "investigating")


def test_schedule_update_while_another_waits_is_refused(lead):
    incident = incident_of(Severity.TWO)
    schedule(incident, lead)
    with pytest.raises(CannotPublish, match="Another update of this incident is waiting"):
        schedule(incident, lead)


def test_schedule_update_refuses_at_once_what_cannot_go_out(lead):
    incident = incident_of(Severity.TWO)
    with pytest.raises(IllegalTransition):
        schedule(incident, lead, IncidentStatus.DRAFT)
    with pytest.raises(CannotPublish, match="Both tracks"):
        schedule(incident, lead, texts={Variant.BUSINESS: Text()})
    assert not UpdateDraft.objects.exists()


def test_withdraw_update_leaves_nothing_outside_and_makes_room_for_another(lead):
    incident = incident_of(Severity.TWO)
    draft = schedule(incident, lead)
    publishing.withdraw_update(draft_id=draft.pk, actor=lead)

    assert publishing.publish_due() == 0
    assert not Delivery.objects.exists()
    assert incident.timeline.filter(kind=TimelineKind.WITHDRAWN, actor=lead).count() == 1
    with pytest.raises(CannotPublish, match="no longer waits"):
        publishing.withdraw_update(draft_id=draft.pk, actor=lead)
    with pytest.raises(CannotPublish, match="no longer waits"):
        publishing.approve_update(draft_id=draft.pk, approver=make_user())
    assert schedule(incident, lead).published_at is None


def test_withdraw_update_after_publishing_is_too_late(lead):
    draft = schedule(incident_of(Severity.TWO), lead)
    publishing.publish_due()
    with pytest.raises(CannotPublish, match="no longer waits"):
        publishing.withdraw_update(draft_id=draft.pk, actor=lead)


def test_publish_due_refuses_what_has_become_impossible_keeps_the_text_and_says_why(lead):
    incident = incident_of(Severity.TWO)
    texts = {Variant.TECHNICAL: Text(note="kept words"), Variant.BUSINESS: Text()}
    draft = schedule(incident, lead, texts=texts)
    publish(incident, author=make_user(name="Olga Operator"))

    assert publishing.publish_due() == 0

    draft.refresh_from_db()
    assert draft.published_at is None
    assert draft.withdrawn_at is not None
    assert draft.refused_reason.startswith("Olga Operator published update 1 at ")
    assert draft.texts["technical"]["note"] == "kept words"
    assert incident.timeline.get(kind=TimelineKind.REFUSED).text == f"Update refused: {draft.refused_reason}"
    assert incident.updates.count() == 1


def test_publish_due_refuses_without_holding_up_the_others(lead):
    first, second = incident_of(Severity.TWO), incident_of(Severity.TWO)
    schedule(first, lead)
    schedule(second, lead)
    first.impacts.all().delete()

    assert publishing.publish_due() == 1
    assert second.updates.count() == 1


def test_publish_due_goes_on_after_a_draft_that_raises(lead):
    broken, healthy = incident_of(Severity.TWO), incident_of(Severity.TWO)
    draft = schedule(broken, lead)
    schedule(healthy, lead)
    UpdateDraft.objects.filter(pk=draft.pk).update(status="no such status")

    assert publishing.publish_due() == 1
    assert healthy.updates.count() == 1
    draft.refresh_from_db()
    assert (draft.published_at, draft.withdrawn_at) == (None, None)  # it waits; what is wrong with it may be mended


def test_publish_due_without_a_template_refuses_with_the_reason(lead):
    incident = incident_of(Severity.TWO)
    draft = schedule(incident, lead)
    Template.objects.all().delete()
    assert publishing.publish_due() == 0
    draft.refresh_from_db()
    assert draft.refused_reason.startswith("There is no template")


def test_publish_due_waits_for_a_second_person_when_the_severity_was_raised_meanwhile(lead, commander):
    incident = incident_of(Severity.TWO)
    draft = schedule(incident, lead)
    Incident.objects.update(severity=Severity.FOUR)

    assert publishing.publish_due() == 0
    draft.refresh_from_db()
    assert (draft.publish_at, draft.withdrawn_at, Delivery.objects.count()) == (None, None, 0)

    publishing.approve_update(draft_id=draft.pk, approver=commander)
    assert publishing.publish_due() == 1


@pytest.mark.parametrize(("confirmed", "leaving"), [(True, 3), (False, 1)])
def test_publish_due_sends_more_sms_than_the_limit_only_where_the_author_confirmed_it(lead, confirmed, leaving):
    component = make_component()
    for n in range(3):
        contact = make_contact(make_account(uses=(component,)), Track.BUSINESS)
        ContactPoint.objects.create(contact=contact, kind=TransportKind.SMS, address=f"+4930123456{n}")
    Company.objects.update(sms_limit=1)
    incident = make_incident(component)
    schedule(incident, lead, sms_confirmed=confirmed)

    assert publishing.publish_due() == 1

    sms = Delivery.objects.filter(message__incident=incident, kind=TransportKind.SMS)
    assert (sms.count(), sms.filter(state=DeliveryState.QUEUED).count()) == (3, leaving)
