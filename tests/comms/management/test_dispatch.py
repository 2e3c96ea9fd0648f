"""The clocks as a process of their own: what is due happens, once, whatever becomes of connections and doorbells."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django_q.models import OrmQ

from comms.actions import beats, publishing
from comms.choices import IncidentStatus, Lane, TimelineKind
from comms.models import Delivery, Incident, IncidentUpdate, Message, Promise, PromiseWarning, UpdateDraft
from customers import clock
from customers.choices import Track
from customers.models import Account, Contact
from tests.comms.support import promise_of
from tests.factories import BOTH, make_account, make_component, make_contact, make_incident, make_user, publish
from tests.instances import Command, until

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]
FIRST, SECOND = "clocks one", "clocks two"


def schedule(incident: Incident, *, undo_seconds: int = 0) -> UpdateDraft:
    return publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=incident.sequence,
        request_id=uuid4(),
        status=IncidentStatus.INVESTIGATING,
        texts=BOTH,
        author=make_user(),
        undo_seconds=undo_seconds,
    )


def connections_of(name: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", [name])
        return [pid for (pid,) in cursor.fetchall()]


def has_beaten_since(name: str, moment: object) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = %s AND query_start > %s)",
            [name, moment],
        )
        return bool(cursor.fetchone()[0])


def test_dispatch_publishes_after_the_undo_window_and_not_before(tmp_path: Path):
    component = make_component()
    waiting = schedule(make_incident(component), undo_seconds=3600)
    due = schedule(make_incident(component))
    with Command(tmp_path / "log", "dispatch", name=FIRST):
        until(due.incident.updates.exists, "the update that is due")
        now = clock.now()
        until(lambda: has_beaten_since(FIRST, now), "another beat")
        assert not waiting.incident.updates.exists()

        UpdateDraft.objects.filter(pk=waiting.pk).update(publish_at=now)
        until(waiting.incident.updates.exists, "the update whose window is over")


def test_dispatch_goes_on_after_its_connection_was_cut(tmp_path: Path):
    component = make_component()
    with Command(tmp_path / "log", "dispatch", name=FIRST) as dispatch:
        for _ in range(2):
            (pid,) = until(lambda: connections_of(FIRST), "its connection")
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
            draft = schedule(make_incident(component))
            until(draft.incident.updates.exists, "the update")
            assert pid not in connections_of(FIRST)
        assert dispatch.process.poll() is None
        dispatch.process.terminate()
        assert dispatch.process.wait(60) == 0


def test_two_dispatch_processes_publish_and_warn_once(tmp_path: Path):
    component = make_component()
    lead = make_user("communications lead")
    with (
        Command(tmp_path / "one", "dispatch", name=FIRST, PROMISE_WARNING_MINUTES="10"),
        Command(tmp_path / "two", "dispatch", name=SECOND, PROMISE_WARNING_MINUTES="10"),
    ):
        until(lambda: connections_of(FIRST) and connections_of(SECOND), "both clocks")
        incidents = [make_incident(component) for _ in range(5)]
        for incident in incidents:
            publish(incident)
            Incident.objects.filter(pk=incident.pk).update(communications_lead=lead)
        promises = [promise_of(incident, Track.BUSINESS) for incident in incidents]
        soon = clock.now() + timedelta(minutes=5)
        Promise.objects.filter(pk__in=[promise.pk for promise in promises]).update(due_at=soon)
        drafts = [schedule(make_incident(component)) for _ in range(5)]

        until(lambda: PromiseWarning.objects.filter(promise__in=promises).count() == 5, "the warnings")
        until(lambda: IncidentUpdate.objects.count() == 10, "the updates")
        for _ in range(2):
            now = clock.now()
            until(lambda now=now: has_beaten_since(FIRST, now) and has_beaten_since(SECOND, now), "more beats")

    assert [draft.incident.updates.count() for draft in drafts] == [1] * 5
    for promise in promises:
        assert [w.minutes_before for w in promise.warnings.all()] == [10]
        (message,) = Message.objects.filter(warning__promise=promise)
        assert [d.contact_point.user for d in message.deliveries.all()] == [lead]
        assert promise.incident.timeline.filter(kind=TimelineKind.PROMISE_WARNED).count() == 1


def test_dispatch_rings_again_for_a_doorbell_that_was_lost(tmp_path: Path):
    component = make_component()
    make_contact(make_account(uses=(component,)))
    publish(make_incident(component))
    OrmQ.objects.all().delete()
    with Command(tmp_path / "log", "dispatch", name=FIRST):
        until(lambda: OrmQ.objects.filter(key=Lane.CRITICAL).exists(), "the doorbell")
        now = clock.now()
        until(lambda: has_beaten_since(FIRST, now), "another beat")
    assert OrmQ.objects.filter(key=Lane.CRITICAL).count() == 1  # the other lanes were asked for a sign of life


def test_dispatch_rings_again_for_ranges_whose_doorbell_was_lost(tmp_path: Path, settings):
    settings.FANOUT_RANGE_ACCOUNTS = 1
    component = make_component()
    for _ in range(2):
        make_contact(make_account(uses=(component,)))
    publish(make_incident(component))
    for lane in Lane:
        beats.ran(lane.value)  # no lane is asked for a sign of life in the meantime
    OrmQ.objects.all().delete()
    with Command(tmp_path / "log", "dispatch", name=FIRST):
        until(lambda: "comms.tasks.fan_out" in [task.task["func"] for task in OrmQ.objects.all()], "the doorbell")
    assert publishing.fan_out_next()
    assert Delivery.objects.count() == 2


def test_dispatch_says_which_deliveries_are_missing_and_makes_none(tmp_path: Path):
    component = make_component()
    make_contact(make_account(uses=(component,)))
    for model in (Account, Contact):  # they have been there for a while
        model.pgh_event_model.objects.update(pgh_created_at=clock.now() - timedelta(hours=1))
    publish(make_incident(component))
    Delivery.objects.all().delete()
    with Command(tmp_path / "log", "dispatch", name=FIRST) as dispatch:
        until(lambda: "deliveries are missing that must exist" in dispatch.said(), "the auditor's word")
    assert not Delivery.objects.exists()
