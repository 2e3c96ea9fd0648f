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


def test_me_too_again_with_further_words_is_a_further_report(service):
    incident, contact = make_incident(service.components.get()), customer(service)
    said = [(VoiceKind.ME_TOO, ""), (VoiceKind.ME_TOO, "and mail"), (VoiceKind.FIXED, ""), (VoiceKind.FIXED, "")]
    for kind, words in said:
        report(service, contact, kind=kind, incident=incident, words=words)
    assert set(Voice.objects.values_list("kind", "words")) == {
        (VoiceKind.ME_TOO, ""),
        (VoiceKind.SOMETHING_ELSE, "and mail"),
        (VoiceKind.FIXED, ""),
    }


def test_nobody_says_more_than_twenty_things_an_hour(service):
    contact = customer(service)
    incident = make_incident(service.components.get())
    said = [report(service, contact, incident=incident, words=f"{n}") for n in range(20)]
    with pytest.raises(voices.TooMany, match="20 things within an hour"):
        report(service, contact, incident=incident)
    assert report(service, contact, request_id=said[0].request_id) == said[0]
    report(service, customer(service), incident=incident)
    Voice.objects.filter(pk=said[0].pk).update(said_at=clock.now() - 61 * MINUTE)
    report(service, contact, incident=incident)
    assert Voice.objects.count() == 22


def test_reports_beside_a_published_incident_of_reports_wait_for_a_person(service):
    for _ in range(3):
        report(service, customer(service))
    incident = Incident.objects.get()
    publish(incident)
    late = [report(service, customer(service)) for _ in range(4)]
    assert Incident.objects.get() == incident
    assert set(Voice.objects.filter(pk__in=[v.pk for v in late]).values_list("incident", flat=True)) == {None}

    lead = make_user("communications_lead")
    second = voices.open_from_reports(service_id=service.pk, actor=lead)

    assert (second == incident, second.voices.count(), second.published_at) == (False, 4, None)


def test_a_person_opens_an_incident_from_the_reports_that_wait(service):
    lead, seen = make_user("communications_lead"), clock.now() - 30 * MINUTE
    Service.objects.filter(pk=service.pk).update(report_threshold=0)
    answered, long_ago, first, second = (report(service, customer(service), seen_at=seen) for _ in range(4))
    voices.answer(voice_ids=[answered.pk], words="It is your own router.", author=lead)
    Voice.objects.filter(pk=long_ago.pk).update(said_at=clock.now() - 25 * 60 * MINUTE)
    elsewhere = make_component().service
    report(elsewhere, customer(elsewhere))

    incident = voices.open_from_reports(service_id=service.pk, actor=lead)

    assert voices.open_from_reports(service_id=service.pk, actor=lead) == incident
    assert set(incident.voices.all()) == {first, second}
    assert (incident.status, incident.source, incident.detected_at) == (
        IncidentStatus.DRAFT,
        IncidentSource.REPORTS,
        seen,
    )
    assert [str(impact.component.service) for impact in incident.impacts.all()] == [str(service)]
    assert incident.timeline.get(kind="opened").actor == lead
    with pytest.raises(voices.NothingWaits):
        voices.open_from_reports(service_id=make_component().service.pk, actor=lead)


def test_a_slip_of_a_date_moves_the_detection_by_a_day_at_most(service):
    voice = report(service, customer(service, Tier.TWO), seen_at=clock.now() - timedelta(days=400))
    assert Incident.objects.get().detected_at == voice.said_at - timedelta(days=1)


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
    publish(incident)
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


def test_answer_names_no_incident_that_one_of_its_readers_cannot_see(service, sink):
    draft = make_incident(service.components.get())
    declared = make_incident(service.components.get())
    publish(declared)
    beside = make_component(service=service)
    asked = {draft: [customer(service)], declared: [customer(service), make_contact(make_account(uses=(beside,)))]}
    author = make_user("communications_lead")
    for incident, contacts in asked.items():
        said = [report(service, contact, incident=incident) for contact in contacts]
        voices.answer(voice_ids=[v.pk for v in said], words="We look into it.", author=author)
    deliveries.pump(Lane.NORMAL)

    for mail in sink.wait_for(3):
        assert mail.header("Subject") == "Our answer to your report"
        assert "INC-" not in body(mail.message, "plain") + body(mail.message, "html")
        assert "/incidents/" not in body(mail.message, "plain")
        assert "/report/" in body(mail.message, "plain")


def test_the_same_answer_again_is_the_one_that_was_written(service):
    said, author = report(service, customer(service)), make_user("communications_lead")
    first = voices.answer(voice_ids=[said.pk], words="Thank you.", author=author)
    assert voices.answer(voice_ids=[said.pk], words=" Thank you. ", author=author) == first
    with pytest.raises(voices.CannotAnswer):
        voices.answer(voice_ids=[said.pk], words="Thank you.", author=make_user("communications_lead"))


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
