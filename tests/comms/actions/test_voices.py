"""Customers' voices: one each, piling up to a draft for a person, joined, answered together (F4)."""

from datetime import timedelta
from uuid import uuid4

import pytest

from comms.actions import deliveries, voices
from comms.choices import IncidentSource, IncidentStatus, Lane, VoiceKind
from comms.models import Delivery, Incident, Voice
from customers import clock
from customers.choices import Tier
from customers.models import Account, Contact, Service
from demo.sink.server import Sink
from tests.comms.support import body, race
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def service() -> Service:
    return make_component("web-1").service


def customer(service: Service, tier: Tier | None = None, **fields) -> Contact:
    account = make_account(uses=tuple(service.components.all()))
    Account.objects.filter(pk=account.pk).update(tier=tier)
    account.refresh_from_db()
    return make_contact(account, **fields)


def report(service: Service, contact: Contact, words: str = "our shop is down", **fields) -> Voice:
    values = {"kind": VoiceKind.SOMETHING_ELSE, "service": service, "words": words, "request_id": uuid4()}
    return voices.say(contact=contact, **(values | fields))


def test_two_reports_are_no_incident_and_a_third_opens_one_draft_for_a_person(service):
    report(service, customer(service))
    report(service, customer(service))
    assert not Incident.objects.exists()

    report(service, customer(service))
    report(service, customer(service))

    incident = Incident.objects.get()
    assert (incident.source, incident.status, incident.published_at, incident.classified_at) == (
        IncidentSource.REPORTS,
        IncidentStatus.DRAFT,
        None,
        None,
    )
    assert [str(impact.component.service) for impact in incident.impacts.all()] == [str(service)]
    assert incident.voices.count() == 4
    assert not Delivery.objects.filter(message__update__isnull=False).exists()


def test_a_report_weighs_as_much_as_its_account_would_be_hit(service):
    report(service, customer(service, Tier.FOUR))
    assert not Incident.objects.exists()
    report(service, customer(service, Tier.THREE))
    assert Incident.objects.get().voices.count() == 2


def test_old_reports_and_those_of_other_services_do_not_count(service):
    for _ in range(2):
        report(service, customer(service))
    Voice.objects.update(said_at=clock.now() - 16 * MINUTE)
    other = make_component("mail-1").service
    report(other, customer(other))
    report(service, customer(service))
    assert not Incident.objects.exists()


def test_a_threshold_of_none_never_opens_anything(service):
    Service.objects.filter(pk=service.pk).update(report_threshold=0)
    for _ in range(5):
        report(service, customer(service))
    assert not Incident.objects.exists()


def test_questions_and_thanks_are_no_reports(service):
    incident = make_incident(service.components.get())
    for kind in (VoiceKind.QUESTION, VoiceKind.FIXED):
        for _ in range(3):
            report(service, customer(service), kind=kind, incident=incident)
    assert Incident.objects.count() == 1


def test_the_same_request_and_me_too_twice_are_one_voice(service):
    incident, contact = make_incident(service.components.get()), customer(service)
    request = uuid4()
    first = report(service, contact, request_id=request)
    assert report(service, contact, request_id=request) == first
    once = report(service, contact, kind=VoiceKind.ME_TOO, incident=incident)
    assert report(service, contact, kind=VoiceKind.ME_TOO, incident=incident) == once
    assert Voice.objects.count() == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_twenty_reports_at_once_open_one_draft_that_has_them_all(service):
    contacts = [customer(service) for _ in range(8)]
    results = race(*[lambda contact=contact: report(service, contact) for contact in contacts])
    assert [type(result) for result in results] == [Voice] * 8
    assert Incident.objects.get().voices.count() == 8


def test_declaring_an_incident_joins_who_reported_before(service):
    component = service.components.get()
    early = report(service, customer(service))
    elsewhere = make_component("mail-1").service
    other = report(elsewhere, customer(elsewhere))
    incident = make_incident(component)

    publish(incident)

    early.refresh_from_db()
    other.refresh_from_db()
    assert (early.incident, other.incident) == (incident, None)
    assert incident.timeline.filter(kind="reported").count() == 1


def test_somebody_who_reported_twice_is_joined_with_both(service):
    contact = customer(service)
    said = [report(service, contact, kind=VoiceKind.ME_TOO) for _ in range(2)]
    incident = make_incident(service.components.get())
    publish(incident)
    assert set(Voice.objects.values_list("pk", "kind", "incident")) == {
        (voice.pk, VoiceKind.SOMETHING_ELSE, incident.pk) for voice in said
    }


def test_answer_reaches_each_reporter_once_by_mail_and_nobody_else(service, sink):
    incident = make_incident(service.components.get())
    asked = [customer(service, email=f"c{n}@asked.example") for n in range(3)]
    customer(service, email="silent@other.example")
    said = [report(service, contact, incident=incident) for contact in asked]
    said.append(report(service, asked[0], kind=VoiceKind.QUESTION, incident=incident, words="until when?"))
    author = make_user("communications_lead", name="Lea Lead")

    written = voices.answer(voice_ids=[v.pk for v in said], words="We restore it now.\n\nSorry!", author=author)
    deliveries.pump(Lane.CRITICAL)
    deliveries.pump(Lane.NORMAL)

    mails = sink.wait_for(3)
    assert sorted(mail.rcpt_to[0] for mail in mails) == [contact.email for contact in asked]
    text = body(mails[0].message, "plain")
    assert "We restore it now.\n\nSorry!\n\nLea Lead\n" in text
    assert f"/incidents/{incident.pk}/" in text
    assert set(Voice.objects.values_list("answer", flat=True)) == {written.pk}


def test_answer_refuses_empty_words_a_second_answer_and_two_incidents_at_once(service):
    one = report(service, customer(service))
    author = make_user("communications_lead")
    with pytest.raises(voices.CannotAnswer, match="Write the answer"):
        voices.answer(voice_ids=[one.pk], words="  \n", author=author)
    voices.answer(voice_ids=[one.pk], words="Thank you.", author=author)
    with pytest.raises(voices.CannotAnswer, match="in the meantime"):
        voices.answer(voice_ids=[one.pk], words="Thanks again.", author=author)
    two = [report(service, customer(service), incident=make_incident(make_component())) for _ in range(2)]
    with pytest.raises(voices.CannotAnswer, match="one incident at a time"):
        voices.answer(voice_ids=[v.pk for v in two], words="Hello.", author=author)
    assert Voice.objects.exclude(answer=None).count() == 1


def test_customers_ahead_of_monitoring_are_measured(service):
    incident = make_incident(service.components.get())
    assert voices.ahead_of_us(incident) is None
    seen = incident.detected_at - 7 * MINUTE
    report(service, customer(service), incident=incident, seen_at=seen)
    report(service, customer(service), incident=incident, kind=VoiceKind.QUESTION, seen_at=seen - MINUTE)
    assert voices.ahead_of_us(incident) == 7 * MINUTE
    assert voices.counts_of(incident) == {VoiceKind.SOMETHING_ELSE: 1, VoiceKind.QUESTION: 1}
