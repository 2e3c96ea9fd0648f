"""More SMS than the company's limit leave only where the author confirmed them (E8)."""

from uuid import uuid4

import pytest

from comms.actions import publishing
from comms.choices import IncidentStatus, TimelineKind
from comms.models import Delivery, Incident, IncidentUpdate
from customers.choices import Severity, Track, TransportKind
from customers.models import Company, ContactPoint
from tests.factories import BOTH, make_account, make_component, make_contact, make_incident, make_user, publish

pytestmark = pytest.mark.django_db
REASON = "over the limit of 3 SMS an update, not confirmed"
VALUES = (100, 500, 300, 200, 400)


@pytest.fixture
def incident() -> Incident:
    """Five accounts of different value, each with a contact who has an SMS and a mail address."""
    component = make_component()
    for n, value in enumerate(VALUES):
        account = make_account(uses=(component,), contract_value=value)
        contact = make_contact(account, Track.TECHNICAL if n % 2 else Track.BUSINESS, email=f"c{value}@a.example")
        ContactPoint.objects.create(contact=contact, kind=TransportKind.SMS, address=f"+49{value}")
    Company.objects.update(sms_limit=3)
    return make_incident(component, severity=Severity.FIVE)


def sms() -> dict[str, tuple[str, str, bool]]:
    """Per number: state, reason, whether it is finished."""
    rows = Delivery.objects.filter(kind=TransportKind.SMS).values_list(
        "contact_point__address", "state", "reply", "finished_at"
    )
    return {address: (state, reply, finished is not None) for address, state, reply, finished in rows}


LEAVES, HELD = ("queued", "", False), ("suppressed", REASON, True)
LIMITED = {"+49500": LEAVES, "+49400": LEAVES, "+49300": LEAVES, "+49200": HELD, "+49100": HELD}


def last_note(incident: Incident) -> str:
    entry = incident.timeline.filter(kind=TimelineKind.PUBLISHED).order_by("pk").last()
    return entry.text if entry else ""


def mails() -> int:
    return Delivery.objects.filter(kind=TransportKind.EMAIL, state="queued").count()


def test_sms_over_the_limit_are_held_back_and_those_of_the_most_valuable_accounts_leave(incident):
    publish(incident)
    assert sms() == LIMITED
    assert mails() == 5
    assert last_note(incident).endswith("; 2 SMS held back, over the limit and not confirmed")


def test_sms_within_the_limit_or_confirmed_all_leave(incident):
    publish(incident, sms_confirmed=True)
    assert set(sms().values()) == {LEAVES}
    Company.objects.update(sms_limit=5)
    publish(incident, IncidentStatus.IDENTIFIED)
    assert set(sms().values()) == {LEAVES}
    assert "held back" not in last_note(incident)


def test_the_limit_counts_an_update_not_the_incident(incident):
    publish(incident)
    publish(incident, IncidentStatus.IDENTIFIED)
    assert Delivery.objects.filter(kind=TransportKind.SMS, state="queued").count() == 6


def by_ranges(incident: Incident, settings, *, confirmed: bool) -> IncidentUpdate:
    """Published as a person does, by a draft; none of its ranges but the first is queued."""
    settings.FANOUT_RANGE_ACCOUNTS = 2
    draft = publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=incident.sequence,
        request_id=uuid4(),
        status=IncidentStatus.INVESTIGATING,
        texts=BOTH,
        author=make_user(),
        undo_seconds=0,
        override_reason="a test",
        sms_confirmed=confirmed,
    )
    assert publishing.publish_due() == 1
    return IncidentUpdate.objects.get(request_id=draft.request_id)


def test_with_ranges_no_sms_leaves_before_all_are_counted(incident, settings):
    update = by_ranges(incident, settings, confirmed=False)
    assert mails() == 2
    waits = ("suppressed", "all SMS of this update are counted before the first of them leaves", False)
    assert sms() == {"+49100": waits, "+49500": waits}
    assert publishing.fan_out_next()
    assert set(sms().values()) == {waits}
    assert publishing.fan_out_next()
    assert sms() == LIMITED
    assert mails() == 5
    assert last_note(incident).endswith("; 2 SMS held back, over the limit and not confirmed")
    assert set(Delivery.objects.filter(kind=TransportKind.SMS).values_list("due_at", flat=True)) == {
        update.published_at
    }


def test_with_ranges_sms_within_the_limit_leave_in_the_end(incident, settings):
    Company.objects.update(sms_limit=5)
    by_ranges(incident, settings, confirmed=False)
    while publishing.fan_out_next():
        pass
    assert set(sms().values()) == {LEAVES}
    assert "held back" not in last_note(incident)


def test_with_ranges_confirmed_sms_leave_with_their_range(incident, settings):
    by_ranges(incident, settings, confirmed=True)
    assert sms() == {"+49100": LEAVES, "+49500": LEAVES}
    while publishing.fan_out_next():
        pass
    assert set(sms().values()) == {LEAVES}
    assert len(sms()) == 5


def test_who_sleeps_is_not_woken_by_an_sms_that_was_counted(incident, settings):
    Company.objects.update(sms_limit=5)
    contact = ContactPoint.objects.get(address="+49200").contact
    contact.quiet_from, contact.quiet_until, contact.quiet_always = "00:00", "23:59:59", True
    contact.save()
    update = by_ranges(incident, settings, confirmed=False)
    while publishing.fan_out_next():
        pass
    row = Delivery.objects.get(contact_point__address="+49200")
    assert (row.state, row.due_at > update.published_at) == ("queued", True)
