"""The one transaction: all of an update or nothing of it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django_q.models import OrmQ

from comms.actions.publishing import CannotPublish, StaleSequence
from comms.choices import IncidentStatus, Lane, PromiseState, TimelineKind, Variant
from comms.models import Delivery, Incident, IncidentImpact, IncidentUpdate, Message, Promise, Template, TimelineEntry
from comms.policies.lifecycle import IllegalTransition
from comms.rendering.messages import Text
from customers.choices import Language, Severity, Track
from tests.comms.support import told
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish

pytestmark = pytest.mark.django_db
WRITTEN = (Incident, IncidentUpdate, IncidentImpact, Message, Delivery, Promise, TimelineEntry, OrmQ)


def everything() -> dict[str, list[dict]]:
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in WRITTEN}


@pytest.fixture
def incident():
    component = make_component("pg-1", cluster="db-cluster-7")
    account = make_account(uses=(component,))
    make_contact(account, Track.TECHNICAL, email="tech@customer.example")
    make_contact(account, Track.BUSINESS, email="biz@customer.example")
    return make_incident(component)


def test_publish_update_writes_number_messages_deliveries_promises_and_doorbell(incident, lead):
    update = publish(incident, author=lead)

    incident.refresh_from_db()
    assert (update.number, incident.sequence, incident.status) == (1, 1, IncidentStatus.INVESTIGATING)
    assert incident.published_at == update.published_at
    assert told(update) == [("biz@customer.example", "business"), ("tech@customer.example", "technical")]
    assert list(update.messages.order_by("variant").values_list("variant", "sequence", "lane")) == [
        ("business", 1, "critical"),
        ("technical", 1, "critical"),
    ]
    assert sorted(incident.promises.values_list("track", "kind", "state")) == [
        ("business", "first", "kept"),
        ("business", "next", "open"),
        ("technical", "first", "kept"),
        ("technical", "next", "open"),
    ]
    entry = incident.timeline.get(kind=TimelineKind.PUBLISHED)
    assert (entry.actor, entry.at) == (lead, update.published_at)
    assert entry.text == "Update 1 published: investigating; 1 on the technical track, 1 on the business track"
    assert list(OrmQ.objects.values_list("key", flat=True)) == [Lane.CRITICAL.value]


@pytest.mark.parametrize(
    "table",
    [
        "comms_incidentupdate",
        "comms_message",
        "comms_delivery",
        "comms_promise",
        "comms_timelineentry",
        "django_q_ormq",
    ],
)
def test_publish_update_leaves_nothing_when_any_of_its_writes_fails(incident, table):
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;"
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    before = everything()

    with pytest.raises(DatabaseError, match="disk full"):
        publish(incident)

    assert everything() == before


def test_publish_update_leaves_nothing_when_a_text_cannot_be_rendered(incident):
    Template.objects.filter(variant=Variant.BUSINESS).delete()  # the technical track is rendered before
    before = everything()

    with pytest.raises(CannotPublish, match="no template for the stage acknowledge on the business track"):
        publish(incident)

    assert everything() == before


def test_publish_update_refuses_when_the_default_language_has_no_template(incident):
    Template.objects.filter(variant=Variant.BUSINESS).update(language=Language.GERMAN)
    before = everything()

    with pytest.raises(CannotPublish, match="no template"):
        publish(incident)  # its English reader would get nothing

    assert everything() == before


def test_publish_update_numbers_without_gap_after_a_refusal(incident):
    publish(incident)
    with pytest.raises(IllegalTransition):
        publish(incident, IncidentStatus.DRAFT)
    publish(incident, IncidentStatus.IDENTIFIED)
    publish(incident, IncidentStatus.RESOLVED)

    assert list(incident.updates.order_by("number").values_list("number", "status")) == [
        (1, "investigating"),
        (2, "identified"),
        (3, "resolved"),
    ]


def test_publish_update_with_a_known_request_changes_nothing(incident):
    request = uuid4()
    first = publish(incident, request_id=request)
    before = everything()

    again = publish(incident, IncidentStatus.IDENTIFIED, request_id=request, expected_sequence=0)

    assert again == first
    assert everything() == before


def test_publish_update_after_somebody_else_names_him_and_keeps_nothing(incident):
    publish(incident, author=make_user(name="Olga Operator"))
    before = everything()

    with pytest.raises(StaleSequence, match=r"Olga Operator published update 1 at .* your text is kept"):
        publish(incident, expected_sequence=0)

    assert everything() == before


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ([], IncidentStatus.DRAFT),
        ([IncidentStatus.IDENTIFIED], IncidentStatus.INVESTIGATING),
        ([IncidentStatus.MONITORING], IncidentStatus.INVESTIGATING),
        ([IncidentStatus.RESOLVED], IncidentStatus.MONITORING),
        ([IncidentStatus.RESOLVED], IncidentStatus.IDENTIFIED),
    ],
)
def test_publish_update_refuses_an_illegal_transition(incident, path, target):
    for status in path:
        publish(incident, status)
    before = everything()

    with pytest.raises(IllegalTransition):
        publish(incident, target)

    assert everything() == before


def test_publish_update_needs_an_affected_component_and_a_track(incident):
    with pytest.raises(CannotPublish, match="at least one track"):
        publish(incident, texts={})
    incident.impacts.all().delete()
    with pytest.raises(CannotPublish, match="at least one affected component"):
        publish(incident)


def test_publish_update_refuses_a_next_time_later_than_the_cadence(incident):
    late = incident.opened_at + timedelta(hours=4)
    texts = {Variant.TECHNICAL: Text(), Variant.BUSINESS: Text(next_update_at=late)}

    with pytest.raises(CannotPublish, match="but it is due by"):
        publish(incident, texts=texts)
    with pytest.raises(CannotPublish, match="this one goes out at"):
        publish(incident, texts=texts | {Variant.BUSINESS: Text(next_update_at=incident.detected_at)})


def test_publish_update_promises_the_authors_earlier_time(incident):
    early = incident.opened_at + timedelta(minutes=20)

    update = publish(incident, texts={Variant.TECHNICAL: Text(next_update_at=early), Variant.BUSINESS: Text()})

    due = dict(incident.promises.filter(state=PromiseState.OPEN).values_list("track", "due_at"))
    assert due == {"technical": early, "business": update.published_at + timedelta(minutes=180)}


def shared_changes(incident) -> list[dict]:
    facts = incident.facts.as_facts()
    return [
        facts | {"workaround": "Use the read replica."},
        facts | {"customer_action": "Restart your workers."},
        facts | {"expected_resolution": "2026-11-21T12:00:00+00:00"},
    ]


@pytest.mark.parametrize("n", range(3))
def test_publish_update_sends_what_concerns_everybody_to_both_tracks_only(incident, n):
    publish(incident)
    before = everything()

    with pytest.raises(CannotPublish, match="Both tracks must hear of this at once, because it changes: "):
        publish(incident, texts={Variant.TECHNICAL: Text()}, facts=shared_changes(incident)[n])

    assert everything() == before


def test_publish_update_of_a_changed_status_on_one_track_is_refused(incident):
    publish(incident)
    with pytest.raises(CannotPublish, match="because it changes: status"):
        publish(incident, IncidentStatus.IDENTIFIED, texts={Variant.BUSINESS: Text()})


def test_publish_update_on_one_track_leaves_the_other_tracks_promise_and_numbers_alone(incident):
    publish(incident)
    business = list(incident.promises.filter(track=Track.BUSINESS).order_by("pk").values())

    update = publish(incident, texts={Variant.TECHNICAL: Text(note="Replica rebuilt.")})

    assert told(update) == [("tech@customer.example", "technical")]
    assert list(incident.promises.filter(track=Track.BUSINESS).order_by("pk").values()) == business
    assert incident.promises.filter(track=Track.TECHNICAL).count() == 3
    both = publish(incident, IncidentStatus.IDENTIFIED)
    assert dict(both.messages.values_list("variant", "sequence")) == {"technical": 3, "business": 2}


def test_publish_update_resolved_ends_promises_and_intervals(incident):
    publish(incident)
    update = publish(incident, IncidentStatus.RESOLVED)

    incident.refresh_from_db()
    assert incident.resolved_at == update.published_at
    assert [impact.ended_at for impact in incident.impacts.all()] == [update.published_at]
    assert incident.promises.unanswered().count() == 0
    assert sorted(OrmQ.objects.values_list("key", flat=True)) == ["critical", "critical", "normal"]


def test_publish_update_reopens_with_new_promises_and_a_new_interval(incident):
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    reopened = publish(incident, IncidentStatus.INVESTIGATING)

    incident.refresh_from_db()
    assert (incident.resolved_at, incident.sequence, incident.is_open) == (None, 3, True)
    assert [i.ended_at is None for i in incident.impacts.order_by("started_at")] == [False, True]
    assert incident.impacts.get(ended_at=None).started_at == reopened.published_at
    assert sorted(incident.promises.unanswered().values_list("track", "due_at")) == [
        ("business", reopened.published_at + timedelta(minutes=180)),
        ("technical", reopened.published_at + timedelta(minutes=120)),
    ]
    assert len(told(reopened)) == 2


def counted_queries(django_assert_max_num_queries, recipients: int) -> int:
    component = make_component()
    account = make_account(uses=(component,))
    for n in range(recipients):
        make_contact(account, Track.TECHNICAL if n % 2 else Track.BUSINESS)
    incident, author = make_incident(component, severity=Severity.FIVE), make_user()
    with django_assert_max_num_queries(80) as queries:
        publish(incident, author=author)
    assert Delivery.objects.filter(message__incident=incident).count() == recipients
    return len(queries)


def test_publish_update_asks_as_much_of_the_database_for_50_readers_as_for_one(django_assert_max_num_queries):
    counts = {n: counted_queries(django_assert_max_num_queries, n) for n in (1, 3, 50)}
    assert len(set(counts.values())) == 1, counts
