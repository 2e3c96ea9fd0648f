"""Promises: due times of the table (C2), kept or late to the second, missed and made good (C3)."""

from datetime import timedelta

import pytest
from django.db import connection

from comms.actions import incidents, promises
from comms.choices import IncidentStatus, PromiseKind, PromiseState, TimelineKind, Variant
from comms.models import CadenceRule, Promise, PromiseWarning
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Severity, Track
from tests.comms.support import age, promise_of
from tests.factories import make_component, make_incident, make_user, publish

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
TABLE = {  # C2: severity: (technical first, technical every, business first, business every)
    1: (30, 120, 45, 180),
    2: (30, 120, 45, 180),
    3: (15, 60, 15, 60),
    4: (15, 60, 15, 60),
    5: (0, 30, 0, 60),
}
CELLS = [
    (severity, track, row[2 * n], row[2 * n + 1])
    for severity, row in TABLE.items()
    for n, track in enumerate((Track.TECHNICAL, Track.BUSINESS))
]


@pytest.fixture
def incident(db):
    return make_incident(make_component())


@pytest.mark.parametrize(("severity", "track", "first", "every"), CELLS)
def test_first_and_next_promise_of_the_whole_table(severity, track, first, every):
    incident = make_incident(make_component(), severity=Severity(severity))
    made = promise_of(incident, track)
    assert (made.kind, made.due_at, made.grace) == ("first", incident.detected_at + first * MINUTE, 5 * MINUTE)

    update = publish(incident)

    following = promise_of(incident, track)
    assert (following.kind, following.made_at) == ("next", update.published_at)
    assert following.due_at == update.published_at + every * MINUTE


def test_first_promise_counts_from_detection_and_may_be_late_at_birth():
    detected = clock.now() - timedelta(hours=2)
    incident = make_incident(make_component(), detected_at=detected)
    assert promise_of(incident, Track.TECHNICAL).due_at == detected + 30 * MINUTE

    publish(incident)

    promise = incident.promises.get(track=Track.TECHNICAL, kind=PromiseKind.FIRST)
    assert promise.state == PromiseState.LATE
    assert promise.lateness >= 90 * 60


@pytest.mark.parametrize(
    ("seconds_after_due", "expected"),
    [
        (-600, (PromiseState.KEPT, 0)),
        (0, (PromiseState.KEPT, 0)),
        (300, (PromiseState.KEPT, 0)),  # exactly at due + grace
        (301, (PromiseState.LATE, 301)),  # one second later; lateness counts from what was promised
    ],
)
def test_answer_and_renew_judges_to_the_second(incident, seconds_after_due, expected):
    update = publish(incident)
    promise = promise_of(incident, Track.TECHNICAL)

    now = promise.due_at + timedelta(seconds=seconds_after_due)
    promises.answer_and_renew(incident, update, {Track.TECHNICAL: None}, now=now)

    promise.refresh_from_db()
    assert (promise.state, promise.lateness) == expected
    assert (promise.answered_at, promise.answered_by) == (now, update)
    assert promise_of(incident, Track.BUSINESS).state == PromiseState.OPEN


def test_tick_misses_a_promise_after_its_grace_once_and_an_update_makes_it_late(incident):
    publish(incident)
    age(incident, timedelta(minutes=120 + 5, seconds=1))  # technical is over, business has 55 minutes left

    promises.tick()
    promises.tick()

    assert promise_of(incident, Track.TECHNICAL).state == PromiseState.MISSED
    assert promise_of(incident, Track.BUSINESS).state == PromiseState.OPEN
    entry = incident.timeline.get(kind=TimelineKind.PROMISE_MISSED)
    assert entry.text.startswith("Missed: next update on the technical track by ")
    missed = promise_of(incident, Track.TECHNICAL)

    update = publish(incident, texts={Variant.TECHNICAL: Text(note="still working")})

    missed.refresh_from_db()
    exact = (update.published_at - missed.due_at).total_seconds()
    assert missed.state == PromiseState.LATE
    assert missed.lateness == int(exact) + (exact % 1 > 0)
    assert missed.lateness >= 301


def test_tick_within_the_grace_judges_nothing(incident):
    publish(incident)
    age(incident, timedelta(minutes=124))
    promises.tick()
    assert promise_of(incident, Track.TECHNICAL).state == PromiseState.OPEN
    assert not PromiseWarning.objects.exists()


def test_tick_after_resolution_judges_and_warns_of_nothing(incident):
    publish(incident)
    publish(incident, IncidentStatus.RESOLVED)
    Promise.objects.update(due_at=clock.now() - timedelta(days=1))
    before = list(Promise.objects.order_by("pk").values())
    promises.tick()
    assert list(Promise.objects.order_by("pk").values()) == before


def test_tick_goes_on_after_a_promise_that_raises():
    broken, healthy = (make_incident(make_component()) for _ in range(2))
    for incident in (broken, healthy):
        age(incident, timedelta(minutes=36))  # technical: due 6 minutes ago
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'bad row'; END $$;"
            "CREATE TRIGGER refuse BEFORE UPDATE ON comms_promise FOR EACH ROW"
            f" WHEN (NEW.incident_id = {broken.pk}) EXECUTE FUNCTION refuse()"
        )

    promises.tick()

    assert promise_of(healthy, Track.TECHNICAL).state == PromiseState.MISSED
    assert promise_of(broken, Track.TECHNICAL).state == PromiseState.OPEN


def describe(incident, **changes):
    values = {
        "title": incident.title,
        "severity": Severity(incident.severity),
        "detected_at": incident.detected_at,
        "impacts": {impact.component: impact.level_choice for impact in incident.impacts.filter(ended_at=None)},
        "facts": {},
    }
    return incidents.describe(incident_id=incident.pk, actor=make_user(), **values | changes)


def test_a_higher_severity_brings_the_first_promise_forward_and_a_lower_one_leaves_it(incident):
    for severity, technical, business in ((4, 15, 15), (1, 15, 15), (5, 0, 0), (2, 0, 0)):
        describe(incident, severity=Severity(severity))
        due = dict(incident.promises.unanswered().values_list("track", "due_at"))
        assert due == {
            "technical": incident.detected_at + technical * MINUTE,
            "business": incident.detected_at + business * MINUTE,
        }


def test_an_earlier_detection_brings_the_first_promise_forward_and_a_later_one_leaves_it(incident):
    opened = incident.detected_at
    for shift, expected in ((-20, opened - 20 * MINUTE), (-5, opened - 20 * MINUTE)):
        describe(incident, detected_at=opened + shift * MINUTE)
        assert promise_of(incident, Track.TECHNICAL).due_at == expected + 30 * MINUTE


def test_a_change_of_severity_leaves_a_promise_made_to_customers(incident):
    publish(incident)
    before = list(incident.promises.order_by("pk").values())
    describe(incident, severity=Severity.FIVE)
    describe(incident, severity=Severity.ONE)
    assert list(incident.promises.order_by("pk").values()) == before


def test_an_edited_table_changes_no_open_incident(incident):
    CadenceRule.objects.filter(severity=2).update(every=15, first_within=1)
    update = publish(incident)
    assert promise_of(incident, Track.TECHNICAL).due_at == update.published_at + 120 * MINUTE
    later = make_incident(make_component())
    assert promise_of(later, Track.TECHNICAL).due_at == later.detected_at + MINUTE
