"""The auditor finds what must exist and does not, and raises no alarm over what was changed since."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from comms.actions import auditor
from comms.actions.auditor import Audit, Auditor
from comms.choices import DeliveryState, ImpactLevel, IncidentStatus, Lane, Variant
from comms.models import Delivery, Incident, IncidentUpdate, Message
from customers import clock
from customers.choices import Severity, Track, TransportKind
from customers.models import Account, Contact, ContactPoint, Usage
from tests.factories import make_account, make_component, make_contact, make_incident, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def component():
    return make_component()


@pytest.fixture
def contact(component) -> Contact:
    """Somebody who has been there for a while."""
    account = make_account(uses=(component,))
    make_contact(account)
    contact = make_contact(account)
    an_hour_passes()
    return contact


def an_hour_passes() -> None:
    """The history so far is of an hour ago: it says when a transaction began, which here is the test's."""
    for model in (Contact, Account):
        model.pgh_event_model.objects.update(pgh_created_at=clock.now() - timedelta(hours=1))


@pytest.fixture
def update(component, contact) -> IncidentUpdate:
    return publish(make_incident(component))


def delivery(contact: Contact) -> Delivery:
    return Delivery.objects.get(contact_point__contact=contact)


def missing(found: Audit) -> list[tuple[str, int, str, int]]:
    return [(m.reference, m.update, m.variant, m.count) for m in found.missing]


def test_audit_of_what_is_complete_finds_nothing(update):
    assert auditor.audit() == Audit(judged=2, of=2, missing=[], unsaid=[], orphans=0, removed=0)


def test_audit_says_which_message_lacks_a_delivery_and_makes_none(update, contact):
    delivery(contact).delete()
    before = Delivery.objects.count()
    found = auditor.audit()
    assert missing(found) == [(update.incident.reference, 1, "business", 1)]
    assert not found.ok
    assert Delivery.objects.count() == before


def test_audit_finds_a_fan_out_that_was_lost_whole(update):
    Delivery.objects.all().delete()
    assert [m.count for m in auditor.audit().missing] == [2]


def test_audit_judges_no_older_update_than_of_a_day(update, contact, monkeypatch):
    delivery(contact).delete()
    monkeypatch.setattr(auditor, "WINDOW", timedelta(0))
    assert auditor.audit().of == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda contact: Contact.objects.filter(pk=contact.pk).update(effective_track=Track.TECHNICAL),
        lambda contact: Contact.objects.filter(pk=contact.pk).update(language="de"),
        lambda contact: Account.objects.filter(pk=contact.account_id).update(language="de"),
        lambda contact: contact.points.update(suppressed_at=clock.now()),
        lambda contact: contact.points.update(unsubscribed_at=clock.now()),
        lambda contact: contact.delete(),
    ],
    ids=["track", "language", "language of the account", "suppressed", "unsubscribed", "removed"],
)
def test_who_was_changed_since_is_no_alarm(update, contact, change):
    delivery(contact).delete()
    change(contact)
    assert auditor.audit().missing == []


def test_who_came_since_is_no_alarm(update, contact):
    make_contact(contact.account)  # a person
    ContactPoint.objects.create(contact=contact, kind=TransportKind.SMS, address="+4930123456")  # a channel of one
    assert auditor.audit().ok


def test_a_contact_who_was_retagged_still_has_his_old_delivery_and_is_no_alarm(update, contact):
    Contact.objects.filter(pk=contact.pk).update(effective_track=Track.TECHNICAL)
    assert auditor.audit().ok


def test_what_the_incident_became_since_is_no_alarm(component, contact):
    other = make_component()
    make_contact(make_account(uses=(other,)))
    careful = make_contact(contact.account, severity_threshold=Severity.FOUR)
    incident = make_incident(component)
    an_hour_passes()
    publish(incident)
    assert not Delivery.objects.filter(contact_point__contact=careful).exists()
    incident.impacts.create(component=other, level=ImpactLevel.MAJOR, started_at=clock.now())
    Incident.objects.filter(pk=incident.pk).update(severity=Severity.FOUR)
    assert auditor.audit().ok
    publish(incident, IncidentStatus.IDENTIFIED)
    assert auditor.audit().ok
    delivery(careful).delete()
    assert [m.update for m in auditor.audit().missing] == [2]


def test_an_address_that_failed_once_may_have_been_suppressed_then_and_is_no_alarm(component, contact):
    incident = make_incident(component)
    publish(incident)
    Delivery.objects.filter(contact_point__contact=contact).update(state=DeliveryState.FAILED)
    publish(incident)
    Delivery.objects.filter(contact_point__contact=contact).exclude(state=DeliveryState.FAILED).delete()
    assert auditor.audit().ok


def test_audit_counts_orphans_and_keeps_proof_of_the_removed_apart(update, contact):
    message = Message.objects.filter(variant=Variant.BUSINESS).get()
    point = contact.points.get()
    now = clock.now()
    Delivery.objects.create(message_id=message.pk + 10**6, contact_point=point, lane=Lane.CRITICAL, due_at=now)
    found = auditor.audit()
    assert (found.orphans, found.removed, found.ok) == (1, 0, False)
    Delivery.objects.filter(message_id=message.pk + 10**6).delete()
    contact.delete()
    found = auditor.audit()
    assert (found.orphans, found.removed, found.ok) == (0, 1, True)


def test_audit_names_an_update_that_has_no_message(component):
    incident = make_incident(component)
    update = IncidentUpdate.objects.create(
        incident=incident,
        number=1,
        request_id="00000000-0000-4000-8000-000000000001",
        status=IncidentStatus.INVESTIGATING,
        severity=2,
        title="x",
        affected={},
        facts={},
        author=publish(make_incident(component)).author,
        published_at=clock.now(),
    )
    assert list(auditor.audit().unsaid) == [f"{update.incident.reference}, update 1"]


def test_audit_without_time_judges_one_and_goes_on_where_it_stopped(update, contact):
    delivery(contact).delete()
    first, second = auditor.audit(budget=0), auditor.audit(budget=0, skip=1)
    assert (first.judged, second.judged, first.of) == (1, 1, 2)
    assert sorted(len(found.missing) for found in (first, second)) == [0, 1]


def test_tick_logs_a_finding_once_and_audits_once_a_minute(update, contact, monkeypatch):
    delivery(contact).delete()
    with capture_logs() as logged:
        clocks = Auditor()
        clocks.tick()
        assert events(logged) == [("error", "deliveries are missing that must exist", 1)]
        Delivery.objects.all().delete()
        clocks.tick()
        assert len(logged) == 1  # within the minute
        monkeypatch.setattr(auditor, "EVERY_SECONDS", 0.0)
        again = Auditor()
        again.tick()
        again.tick()
        assert [entry[2] for entry in events(logged)] == [1, 2]


def events(logged) -> list[tuple[str, str, int]]:
    return [(entry["log_level"], entry["event"], entry["rows"]) for entry in logged]


def test_usage_that_ended_before_is_no_alarm(component, contact):
    gone = make_account(uses=(component,))
    make_contact(gone)
    Usage.objects.filter(account=gone).update(ends_on=clock.now().date() - timedelta(days=2))
    an_hour_passes()
    publish(make_incident(component))
    assert auditor.audit().ok
