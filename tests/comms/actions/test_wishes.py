"""What contacts wish (A2, E7), the order of updates to one person, and who has to be called (A4d, E8)."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from comms.actions import deliveries
from comms.choices import CallReason, IncidentStatus, Lane, Variant
from comms.models import CallTask, Delivery
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Severity, Wants
from customers.models import Contact, ContactPoint
from demo.sink.server import Sink
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def component():
    return make_component()


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", server.port
        yield server


def reader(component, **wishes) -> Contact:
    return make_contact(make_account(uses=(component,), timezone="Europe/Berlin"), **wishes)


def told(contact: Contact) -> list[int]:
    """The numbers of the updates that were queued for a contact."""
    rows = Delivery.objects.filter(contact_point__contact=contact).order_by("message__update__number")
    return list(rows.values_list("message__update__number", flat=True))


@pytest.mark.parametrize(("threshold", "numbers"), [(Severity.ONE, [1]), (Severity.TWO, [1]), (Severity.THREE, [])])
def test_a_contact_hears_from_his_severity_on(component, threshold, numbers):
    contact = reader(component, severity_threshold=threshold)
    publish(make_incident(component, severity=Severity.TWO))
    assert told(contact) == numbers


def test_who_was_told_at_a_higher_severity_is_told_the_end_at_a_lower(component):
    contact = reader(component, severity_threshold=Severity.FOUR)
    incident = make_incident(component, severity=Severity.FOUR)
    publish(incident)
    incident.refresh_from_db()
    incident.severity = Severity.ONE
    incident.save()
    publish(incident, IncidentStatus.RESOLVED)
    assert told(contact) == [1, 2]


@pytest.mark.parametrize(
    ("wants", "numbers"), [(Wants.ALL, [1, 2, 3, 4]), (Wants.CHANGES, [1, 3, 4]), (Wants.ENDS, [1, 4])]
)
def test_a_contact_gets_all_updates_changes_only_or_start_and_end(component, wants, numbers):
    contact = reader(component, wants=wants)
    incident = make_incident(component)
    publish(incident)
    publish(incident)
    publish(incident, IncidentStatus.MONITORING)
    publish(incident, IncidentStatus.RESOLVED)
    assert told(contact) == numbers


def test_a_contact_who_chose_services_hears_of_them_only(component):
    other = make_component()
    both = make_account(uses=(component, other))
    chosen, not_chosen, without = make_contact(both), make_contact(both), make_contact(both)
    chosen.services.add(component.service)
    not_chosen.services.add(other.service)
    publish(make_incident(component))
    assert [told(contact) for contact in (chosen, not_chosen, without)] == [[1], [], [1]]


def sleeping_hours(zone: str) -> dict[str, time]:
    """Quiet hours that hold now: from an hour ago to in two hours, there."""
    here = clock.now().astimezone(ZoneInfo(zone))
    return {
        "quiet_from": (here - timedelta(hours=1)).time().replace(microsecond=0),
        "quiet_until": (here + timedelta(hours=2)).time().replace(microsecond=0),
    }


@pytest.mark.parametrize(("severity", "always", "waits"), [(2, False, True), (4, False, False), (4, True, True)])
def test_quiet_hours_hold_mail_back_until_their_end(component, severity, always, waits):
    contact = reader(component, quiet_always=always, **sleeping_hours("Europe/Berlin"))
    awake = reader(component)
    update = publish(make_incident(component, severity=severity))

    due = Delivery.objects.get(contact_point__contact=contact).due_at
    end = datetime.combine(
        due.astimezone(ZoneInfo("Europe/Berlin")).date(), contact.quiet_until, ZoneInfo("Europe/Berlin")
    )
    assert due == (end if waits else update.published_at)
    assert (due > update.published_at) == waits
    assert Delivery.objects.get(contact_point__contact=awake).due_at == update.published_at


def test_quiet_hours_that_are_over_hold_nothing_back(component):
    here = clock.now().astimezone(ZoneInfo("Europe/Berlin"))
    over = {
        "quiet_from": (here - timedelta(hours=3)).time().replace(microsecond=0),
        "quiet_until": (here - timedelta(hours=1)).time().replace(microsecond=0),
    }
    contact = reader(component, **over)
    update = publish(make_incident(component))
    assert Delivery.objects.get(contact_point__contact=contact).due_at == update.published_at


def test_after_quiet_hours_one_current_update_leaves_never_the_backlog(component, sink):
    reader(component, email="sleeper@a.example", **sleeping_hours("Europe/Berlin"))
    incident = make_incident(component)
    for status in (IncidentStatus.INVESTIGATING, IncidentStatus.IDENTIFIED, IncidentStatus.RESOLVED):
        publish(incident, status)
    deliveries.pump(Lane.CRITICAL)
    assert sink.mails == []

    Delivery.objects.update(due_at=clock.now())  # the night is over
    deliveries.pump(Lane.CRITICAL)

    (mail,) = sink.wait_for(1)
    assert "restored" in str(mail.header("Subject"))
    assert sorted(Delivery.objects.values_list("message__update__number", "state", "reply")) == [
        (1, "suppressed", "superseded by update 3"),
        (2, "suppressed", "superseded by update 3"),
        (3, "accepted", Delivery.objects.get(state="accepted").reply),
    ]


def test_an_update_on_one_track_does_not_supersede_the_other_tracks(component, sink):
    reader(component, email="b@a.example")
    incident = make_incident(component)
    publish(incident)
    publish(incident, texts={Variant.TECHNICAL: Text("more figures")})
    deliveries.pump(Lane.CRITICAL)
    assert [mail.rcpt_to for mail in sink.wait_for(1)] == [("b@a.example",)]


def test_an_account_without_a_way_becomes_a_call_task_once(component):
    unreachable = make_account("Silent Ltd", uses=(component,))
    reader(component)
    incident = make_incident(component)
    publish(incident)
    publish(incident)
    assert list(CallTask.objects.values_list("account", "reason", "result")) == [
        (unreachable.pk, CallReason.NO_CONTACT, "")
    ]
    assert incident.timeline.filter(kind="call").count() == 1


def test_a_mailbox_on_the_broken_server_is_not_written_to_and_another_way_is_used(component):
    contact = reader(component)
    mailbox = contact.points.get()
    mailbox.depends_on = component
    mailbox.save()
    sms = ContactPoint.objects.create(contact=contact, kind="sms", address="+4915112345678")
    only_mailbox = reader(component)
    only_mailbox.points.update(depends_on=component)

    publish(make_incident(component))

    assert list(Delivery.objects.values_list("contact_point", "kind")) == [(sms.pk, "sms")]
    assert list(CallTask.objects.values_list("account", "reason")) == [
        (only_mailbox.account_id, CallReason.MAILBOX_DOWN)
    ]
