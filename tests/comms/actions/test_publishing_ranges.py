"""A very large audience is queued in ranges: everybody once, whoever is killed, tagged anew or published meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction
from django_q.models import OrmQ

from comms.actions import auditor, deliveries, publishing
from comms.choices import ImpactLevel, IncidentStatus, Lane, TimelineKind, Variant
from comms.models import Delivery, FanOutRange, Incident, IncidentUpdate, Template
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Language, Severity, Track, Wants
from customers.models import Contact
from demo.sink.server import Sink
from tests.comms.support import race, told
from tests.factories import make_account, make_component, make_contact, make_incident, publish
from tests.instances import until

ACCOUNTS, SIZE = 7, 2  # four ranges, the last of one account


@pytest.fixture(autouse=True)
def _small_ranges(settings) -> None:
    settings.FANOUT_RANGE_ACCOUNTS = SIZE


@pytest.fixture
def component(db):
    return make_component()


@pytest.fixture
def everybody(component) -> dict[str, str]:
    """Address and track of two contacts an account."""
    make_contact(make_account(uses=(make_component(),)))  # not concerned
    people = {}
    for n in range(ACCOUNTS):
        account = make_account(uses=(component, component))
        for track in Track:
            people[make_contact(account, track, email=f"{track}{n}@a.example").email] = track.value
    return people


def drain() -> int:
    """All ranges that wait, one after the other."""
    count = 0
    while publishing.fan_out_next():
        count += 1
    return count


def notes(incident: Incident) -> list[str]:
    return list(incident.timeline.filter(kind=TimelineKind.PUBLISHED).order_by("pk").values_list("text", flat=True))


def doorbells() -> list[tuple[str, str]]:
    return [(task.key, task.task["func"]) for task in OrmQ.objects.order_by("pk")]


def test_an_audience_that_fits_into_one_range_is_queued_at_once(component, everybody, settings):
    settings.FANOUT_RANGE_ACCOUNTS = 2 * ACCOUNTS  # usage, of which each account has two
    update = publish(make_incident(component))
    assert dict(told(update)) == everybody
    assert not FanOutRange.objects.exists()
    assert doorbells() == [("critical", "comms.tasks.pump")]


def test_a_larger_one_is_queued_range_by_range_each_with_its_doorbells(component, everybody):
    incident = make_incident(component)
    update = publish(incident)
    assert len(told(update)) == 2 * SIZE
    assert doorbells() == [("normal", "comms.tasks.fan_out"), ("critical", "comms.tasks.pump")]
    assert notes(incident) == [
        "Update 1 published: investigating; 2 on the technical track, 2 on the business track; "
        "the rest, 3 of 4 ranges of accounts, is being queued"
    ]
    for queued, rings in ((8, 1), (12, 1), (14, 0)):
        OrmQ.objects.all().delete()
        assert publishing.fan_out_next()
        assert len(told(update)) == queued
        assert doorbells() == [("critical", "comms.tasks.pump"), *[("normal", "comms.tasks.fan_out")] * rings]
    assert not publishing.fan_out_next()

    assert dict(told(update)) == everybody
    assert notes(incident)[1:] == [
        "Update 1 is queued for its whole audience: 7 on the technical track, 7 on the business track"
    ]


def test_the_languages_of_both_tracks_are_told_apart_in_every_range(component, everybody):
    template = Template.objects.get(stage="acknowledge", variant=Variant.BUSINESS)
    template.pk, template.language = None, Language.GERMAN
    template.save()
    german = [f"{track}{n}@a.example" for n in (0, 3, 6) for track in Track]
    Contact.objects.filter(email__in=german).update(language=Language.GERMAN)
    update = publish(make_incident(component))
    drain()
    rows = Delivery.objects.filter(message__update=update, message__language="de")
    assert sorted(rows.values_list("contact_point__address", flat=True)) == [
        f"business{n}@a.example" for n in (0, 3, 6)
    ]
    assert dict(told(update)) == everybody
    assert auditor.audit().ok


def test_who_is_tagged_anew_between_ranges_gets_exactly_one_text(component, everybody):
    update = publish(make_incident(component))
    for n in range(ACCOUNTS):
        Contact.objects.filter(email=f"technical{n}@a.example").update(effective_track=Track.BUSINESS)
    drain()
    now_business = {f"technical{n}@a.example": "business" for n in range(SIZE, ACCOUNTS)}
    assert told(update) == sorted((everybody | now_business).items())


def test_who_moves_to_an_account_of_a_later_range_gets_his_text_once_and_the_others_theirs(component, everybody):
    update = publish(make_incident(component))
    moving = Contact.objects.get(email="business0@a.example")
    moving.account = Contact.objects.get(email="business6@a.example").account
    moving.save()
    drain()
    assert told(update) == sorted(everybody.items())


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_who_is_tagged_anew_while_it_is_written_gets_exactly_one_text(component, everybody):
    """The contacts change tracks all the time, in a connection of their own, while ranges are written."""
    incident = make_incident(component)

    def tag() -> None:
        for turn in range(60):
            track = list(Track)[turn % 2]
            Contact.objects.filter(email__in=everybody).update(effective_track=track)

    def say() -> None:
        for _ in range(4):
            publish(incident)
            drain()

    assert race(tag, say) == [None, None]
    for update in incident.updates.all():
        assert [address for address, _ in told(update)] == sorted(everybody)


def test_what_the_incident_becomes_meanwhile_belongs_to_the_next_update(component, everybody):
    incident = make_incident(component, severity=Severity.TWO)
    update = publish(incident)
    other = make_component()
    make_contact(make_account(uses=(other,)), email="newly@a.example")
    Contact.objects.filter(email="business6@a.example").update(severity_threshold=Severity.FOUR)
    incident.impacts.create(component=other, level=ImpactLevel.MAJOR, started_at=clock.now())
    Incident.objects.filter(pk=incident.pk).update(severity=Severity.FOUR)
    drain()
    del everybody["business6@a.example"]
    assert dict(told(update)) == everybody


def test_a_promise_is_kept_and_renewed_by_the_publishing_not_by_the_ranges(component, everybody):
    incident = make_incident(component)
    publish(incident)
    before = list(incident.promises.order_by("pk").values())
    drain()
    assert list(incident.promises.order_by("pk").values()) == before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_two_tasks_at_once_queue_everybody_once_and_say_so_once(component, everybody):
    incident = make_incident(component)
    update = publish(incident)
    race(drain, drain, drain)
    drain()  # a task finds nothing while the others hold the last ranges
    assert dict(told(update)) == everybody
    assert len(told(update)) == len(everybody)
    assert notes(incident)[1:] == [
        "Update 1 is queued for its whole audience: 7 on the technical track, 7 on the business track"
    ]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("roles_after_flush")
def test_a_task_that_is_killed_in_a_range_loses_nothing(component, everybody):
    update = publish(make_incident(component))
    assert publishing.fan_out_next()
    before = told(update)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            IncidentUpdate.objects.select_for_update(no_key=True).get(pk=update.pk)  # it stops with its rows written
            killed = pool.submit(_and_close(publishing.fan_out_next))
            until(_kill_who_waits, "the task to wait")
        with pytest.raises(OperationalError):
            killed.result(30)
    assert told(update) == before
    OrmQ.objects.all().delete()
    publishing.ring_for_ranges()
    assert doorbells() == [("normal", "comms.tasks.fan_out")]
    assert drain() == 2
    assert told(update) == sorted(everybody.items())


def _and_close(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        try:
            return call()
        finally:
            connection.close()

    return run


def _kill_who_waits() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees the activity of its first look
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


def test_ring_for_ranges_is_silent_where_none_waits_or_a_doorbell_does(component, everybody):
    publishing.ring_for_ranges()
    assert doorbells() == []
    publish(make_incident(component))
    before = doorbells()
    publishing.ring_for_ranges()
    assert doorbells() == before


def test_the_auditor_misses_nobody_of_a_range_that_waits_and_everybody_of_one_that_was_lost(component, everybody):
    for model in (Contact, Contact.account.field.related_model):
        model.pgh_event_model.objects.all().delete()  # they have been there for a while
    update = publish(make_incident(component))
    assert auditor.audit().missing == []
    drain()
    assert auditor.audit().missing == []
    Delivery.objects.filter(contact_point__address="business6@a.example").delete()
    assert [(m.update, m.variant, m.count) for m in auditor.audit().missing] == [(update.number, "business", 1)]


# A newer update while ranges of the older one wait


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", server.port
        yield server


def read(sink: Sink) -> dict[str, list[str]]:
    """Per address the words of the updates, in the order in which they came."""
    found: dict[str, list[str]] = {}
    for mail in sink.mails:
        (word,) = [word for word in ("alpha", "beta") if f"word-{word}" in mail.part("plain")]
        found.setdefault(mail.rcpt_to[0], []).append(word)
    return found


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("mails_between", [True, False])
def test_nobody_reads_the_older_update_after_the_newer_one(component, everybody, sink, before, mails_between):
    """`before` ranges of the older one were queued when the newer one was published."""
    incident = make_incident(component)
    publish(incident, texts=dict.fromkeys((Variant.TECHNICAL, Variant.BUSINESS), Text("word-alpha")))
    for _ in range(before):
        publishing.fan_out_next()
    if mails_between:
        deliveries.pump(Lane.CRITICAL)
    publish(incident, texts=dict.fromkeys((Variant.TECHNICAL, Variant.BUSINESS), Text("word-beta")))
    while publishing.fan_out_next():
        if mails_between:
            deliveries.pump(Lane.CRITICAL)
    deliveries.pump(Lane.CRITICAL)

    first = SIZE * (1 + before) if mails_between else 0
    got_both = {f"{track}{n}@a.example" for track in Track for n in range(min(first, ACCOUNTS))}
    assert read(sink) == {a: ["alpha", "beta"] if a in got_both else ["beta"] for a in everybody}


def test_who_gets_no_newer_text_still_gets_the_older_one(component, everybody, sink):
    """Those of a track that the newer one leaves out, and those who want changes only."""
    incident = make_incident(component)
    Contact.objects.filter(email="technical5@a.example").update(wants=Wants.CHANGES)
    Contact.objects.filter(email="technical6@a.example").update(wants=Wants.ENDS)
    publish(incident, texts=dict.fromkeys((Variant.TECHNICAL, Variant.BUSINESS), Text("word-alpha")))
    publish(incident, texts={Variant.TECHNICAL: Text("word-beta")})
    drain()
    deliveries.pump(Lane.CRITICAL)
    older = {f"business{n}@a.example" for n in range(ACCOUNTS)} | {"technical5@a.example", "technical6@a.example"}
    assert read(sink) == {a: ["alpha"] if a in older else ["beta"] for a in everybody}


def test_ranges_of_an_overtaken_update_come_last_but_those_of_other_incidents_in_turn(component, everybody):
    incident, other = make_incident(component), make_incident(component)
    publish(incident)
    unrelated = publish(other)
    newest = publish(incident, IncidentStatus.IDENTIFIED)
    order = []
    while (waiting := set(FanOutRange.objects.filter(queued_at=None))) and publishing.fan_out_next():
        (done,) = waiting - set(FanOutRange.objects.filter(queued_at=None))
        order.append((done.update.incident_id, done.update.number))
    assert order == [(other.pk, unrelated.number)] * 3 + [(incident.pk, newest.number)] * 3 + [(incident.pk, 1)] * 3
