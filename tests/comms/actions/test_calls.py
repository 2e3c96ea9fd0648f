"""Call tasks: raised for whom nothing reaches in writing, results noted by people (E8)."""

import pytest

from comms.actions import calls
from comms.choices import CallReason, CallResult
from comms.models import CallTask, Incident
from customers import clock
from customers.models import ContactPoint
from tests.factories import make_account, make_component, make_contact, make_incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def component():
    return make_component()


@pytest.fixture
def incident(component) -> Incident:
    return make_incident(component)


def entries(incident: Incident) -> list[tuple[str, object]]:
    return list(incident.timeline.filter(kind="call").order_by("pk").values_list("text", "actor"))


def test_raise_for_tasks_affected_accounts_without_a_way_once(component, incident):
    silent = make_account("Silent", uses=(component,))
    down = make_account("Down", uses=(component,))
    make_contact(down, email="a@down.example").points.update(depends_on=component)
    suppressed = make_account("Suppressed", uses=(component,))
    make_contact(suppressed).points.update(suppressed_at=clock.now())
    make_contact(make_account("Reached", uses=(component,)))
    make_account("Not affected")

    assert calls.raise_for(incident, now=clock.now()) == 3
    assert calls.raise_for(incident, now=clock.now()) == 0

    assert set(CallTask.objects.values_list("account", "reason", "result")) == {
        (silent.pk, CallReason.NO_CONTACT, ""),
        (down.pk, CallReason.MAILBOX_DOWN, ""),
        (suppressed.pk, CallReason.NO_CONTACT, ""),
    }
    assert entries(incident) == [("3 affected accounts cannot be reached in writing: call them.", None)]


def test_raise_for_leaves_out_who_has_another_way_than_the_broken_mailbox(component, incident):
    contact = make_contact(make_account(uses=(component,)))
    contact.points.update(depends_on=component)
    ContactPoint.objects.create(contact=contact, kind="sms", address="+4915112345678")
    assert calls.raise_for(incident, now=clock.now()) == 0
    assert entries(incident) == []


def test_note_result_keeps_who_when_and_what_and_the_timeline_keeps_both(component, incident, lead, support):
    make_account("Jensen & Co", uses=(component,))
    calls.raise_for(incident, now=clock.now())
    task = CallTask.objects.get()

    calls.note_result(call_id=task.pk, result=CallResult.NOT_REACHED, note="", actor=lead)
    noted = calls.note_result(call_id=task.pk, result=CallResult.REACHED, note="He\nknows\x00", actor=support)

    task.refresh_from_db()
    assert (task.result, task.note, task.called_by, task.called_at) == ("reached", "He knows", support, noted.called_at)
    assert entries(incident)[1:] == [
        ("Call to Jensen & Co: not reached.", lead.pk),
        ("Call to Jensen & Co: reached. He knows", support.pk),
    ]


def test_a_result_does_not_make_the_task_rise_again(component, incident, lead):
    make_account(uses=(component,))
    calls.raise_for(incident, now=clock.now())
    calls.note_result(call_id=CallTask.objects.get().pk, result=CallResult.REACHED, note="", actor=lead)
    assert calls.raise_for(incident, now=clock.now()) == 0
    assert CallTask.objects.get().result == "reached"
