"""Who is told: the affected accounts' contacts, each on his track, whoever was told also the end (B5, C11)."""

from datetime import timedelta

import pytest

from comms import audience
from comms.actions import incidents
from comms.choices import ImpactLevel, IncidentStatus, Variant
from comms.models import Template
from customers import clock
from customers.actions.accounts import set_contact_track
from customers.choices import Language, Severity, Track, TrackSource
from customers.models import Contact, ContactPoint
from tests.comms.support import told
from tests.factories import (
    make_account,
    make_component,
    make_contact,
    make_incident,
    make_usage,
    make_user,
    publish,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def component():
    return make_component()


def reader(component, address: str, track: Track = Track.BUSINESS, **usage) -> Contact:
    """The one contact of an account that uses the component."""
    account = make_account()
    make_usage(account, component, "shop.example", **usage)
    return make_contact(account, track, email=address)


def test_technical_text_goes_to_technical_contacts_and_business_text_to_everybody_else(component):
    reader(component, "tech@a.example", Track.TECHNICAL)
    reader(component, "biz@b.example", Track.BUSINESS)
    untagged = Contact.objects.create(
        account=make_account(uses=(component,)), external_id="new", name="New", email="new@c.example"
    )
    ContactPoint.objects.create(contact=untagged, address="new@c.example")
    assert (untagged.effective_track, untagged.effective_source) == (Track.BUSINESS, TrackSource.DEFAULT)

    assert told(publish(make_incident(component))) == [
        ("biz@b.example", "business"),
        ("new@c.example", "business"),
        ("tech@a.example", "technical"),
    ]


def test_nobody_of_an_unaffected_account_and_no_colleague_is_told(component):
    reader(component, "biz@a.example")
    reader(make_component(), "other@b.example", Track.TECHNICAL)
    reader(make_component(service=component.service), "neighbour@c.example")
    make_contact(make_account(), email="without-usage@d.example")
    make_user()
    assert told(publish(make_incident(component))) == [("biz@a.example", "business")]


def test_a_suppressed_address_is_left_out_and_the_persons_other_one_is_not(component):
    contact = reader(component, "gone@a.example")
    ContactPoint.objects.create(contact=contact, address="works@a.example")
    ContactPoint.objects.filter(address="gone@a.example").update(suppressed_at=clock.now())
    assert told(publish(make_incident(component))) == [("works@a.example", "business")]


def test_usage_counts_on_every_day_of_the_incident(component):
    incident = make_incident(component, detected_at=clock.now() - 3 * DAY)
    first, today = incident.detected_at.date(), clock.now().date()
    reader(component, "ended-before@a.example", ends_on=first - DAY)
    reader(component, "ended-on-the-first-day@b.example", ends_on=first)
    reader(component, "started-today@c.example", since=today)
    reader(component, "starts-tomorrow@d.example", since=today + DAY)
    assert told(publish(incident)) == [
        ("ended-on-the-first-day@b.example", "business"),
        ("started-today@c.example", "business"),
    ]


def test_whoever_was_told_is_told_the_end_though_his_component_recovered_and_his_usage_ended(component):
    other = make_component()
    reader(component, "stays@a.example")
    recovered = reader(other, "recovered@b.example", Track.TECHNICAL)
    left = reader(component, "left@c.example")
    incident = make_incident(component, other, detected_at=clock.now() - 2 * DAY, severity=Severity.FOUR)
    first = told(publish(incident))
    assert len(first) == 3

    left.account.usages.update(ends_on=clock.now().date() - DAY)
    recovered.account.usages.update(ends_on=clock.now().date() - DAY)
    incidents.describe(
        incident_id=incident.pk,
        actor=make_user(),
        title=incident.title,
        severity=Severity.ONE,
        detected_at=incident.detected_at,
        impacts={component: ImpactLevel.DEGRADED},
        facts={},
    )

    assert told(publish(incident, IncidentStatus.MONITORING)) == first
    assert told(publish(incident, IncidentStatus.RESOLVED)) == first


def test_a_component_forgotten_before_publishing_concerns_nobody(component):
    other = make_component()
    reader(other, "never@a.example")
    incident = make_incident(component, other)
    incident.impacts.filter(component=other).delete()
    assert told(publish(incident)) == []


def test_a_new_track_counts_from_the_next_message_on(component):
    contact = reader(component, "jo@a.example", Track.BUSINESS)
    incident = make_incident(component)
    first = publish(incident)
    set_contact_track(contact_id=contact.pk, track=Track.TECHNICAL, reason="asked for it", actor=make_user())
    second = publish(incident, IncidentStatus.IDENTIFIED)
    assert told(first) == [("jo@a.example", "business")]
    assert told(second) == [("jo@a.example", "technical")]


def test_a_reopened_incident_tells_nobody_twice(component):
    reader(component, "jo@a.example")
    incident = make_incident(component)
    for status in (IncidentStatus.INVESTIGATING, IncidentStatus.RESOLVED, IncidentStatus.INVESTIGATING):
        assert told(publish(incident, status)) == [("jo@a.example", "business")]
    assert audience.usage_of(incident, clock.now()).distinct().count() == 1


def test_each_reader_gets_one_language_and_the_default_where_there_is_no_text_in_his(component):
    german = Template.objects.get(stage="acknowledge", variant="business")
    german.pk, german.language, german.subject = None, Language.GERMAN, "{company}: {services} {status}"
    german.save()
    account = make_account(uses=(component,), language=Language.GERMAN)
    make_contact(account, email="de-by-account@a.example")
    make_contact(account, email="en@a.example", language=Language.ENGLISH)
    make_contact(make_account(uses=(component,)), email="de@b.example", language=Language.GERMAN)
    make_contact(account, Track.TECHNICAL, email="tech@a.example")  # there is no German technical text

    update = publish(make_incident(component))

    got = {
        message.language: sorted(message.deliveries.values_list("contact_point__address", flat=True))
        for message in update.messages.filter(variant=Variant.BUSINESS)
    }
    assert got == {"de": ["de-by-account@a.example", "de@b.example"], "en": ["en@a.example"]}
    technical = update.messages.get(variant=Variant.TECHNICAL)
    assert (technical.language, technical.deliveries.count()) == ("en", 1)


@pytest.mark.parametrize("readers", [1, 3, 50])
def test_of_message_asks_as_often_whatever_the_number_of_readers(component, readers, django_assert_num_queries):
    account = make_account(uses=(component,))
    for _ in range(readers):
        make_contact(account)
    message = publish(make_incident(component)).messages.get(variant=Variant.BUSINESS)
    # components, the severity told, what was said before, the languages that others cover, and the readers
    with django_assert_num_queries(5):
        assert len(audience.of_message(message)) == readers
