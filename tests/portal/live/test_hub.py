import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from psycopg.sql import SQL, Identifier
from structlog.testing import capture_logs

from comms.choices import IncidentStatus, Variant
from comms.rendering.messages import Text
from customers.choices import Track
from customers.models import User
from portal.live.reader import QUEUE_MAX, SIGNED_OUT, SLOW
from tests.factories import make_account, make_component, make_contact, make_incident, make_user, publish
from tests.portal.live.conftest import DEADLINE, told

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("roles_after_flush"),
]
SECRET = "pg primary lost quorum"
PLAIN = "Payments are delayed"
NOTES = {Variant.TECHNICAL: Text(note=SECRET), Variant.BUSINESS: Text(note=PLAIN)}


def reader_of(account, track: Track = Track.BUSINESS) -> User:
    user = make_contact(account, track, login=True).user
    assert user is not None
    return user


def test_an_update_reaches_the_readers_of_affected_accounts_each_on_his_track(browser):
    ours, theirs = make_component(), make_component()
    account, other = make_account(uses=(ours,)), make_account(uses=(theirs,))
    technical = browser(reader_of(account, Track.TECHNICAL)).open()
    business = browser(reader_of(account, Track.BUSINESS)).open()
    stranger = browser(reader_of(other, Track.TECHNICAL)).open()
    staff = browser(make_user()).open()
    assert [b.resume() for b in (technical, business, stranger, staff)] == [[], [], [], []]

    first, second = make_incident(ours), make_incident(theirs)
    publish(first, texts=NOTES)
    publish(second, texts=NOTES)
    both = publish(make_incident(ours, theirs), texts=NOTES).incident  # after it nothing of the others can come

    seen = {b: [b.next(), b.next()] for b in (technical, business, stranger)}
    assert told(seen[technical]) == [(first.pk, "technical", 1), (both.pk, "technical", 1)]
    assert told(seen[business]) == [(first.pk, "business", 1), (both.pk, "business", 1)]
    assert told(seen[stranger]) == [(second.pk, "technical", 1), (both.pk, "technical", 1)]
    assert [SECRET in frame["html"] for b in seen for frame in seen[b]] == [True] * 2 + [False] * 2 + [True] * 2
    assert [PLAIN in frame["html"] for b in seen for frame in seen[b]] == [False] * 2 + [True] * 2 + [False] * 2
    assert staff.resume() == []


def test_a_frame_says_what_a_client_needs(browser):
    component = make_component()
    reader = browser(reader_of(make_account(uses=(component,)))).open()
    reader.resume()
    incident = make_incident(component, severity=2)
    publish(incident, IncidentStatus.IDENTIFIED)
    frame = reader.next()
    html = frame.pop("html")
    assert frame == {
        "type": "update",
        "incident": incident.pk,
        "variant": "business",
        "sequence": 1,
        "status": "identified",
        "severity": 2,
    }
    assert "<time datetime=" in html


def test_resume_gives_what_was_missed_in_order_and_open_incidents_not_named(browser):
    component, elsewhere = make_component(), make_component()
    user = reader_of(make_account(uses=(component,)))
    make_account(uses=(elsewhere,))
    incident, unnamed, foreign = (make_incident(c) for c in (component, component, elsewhere))
    draft = make_incident(component)
    first = browser(user).open()
    assert first.resume() == []
    publish(incident)
    assert first.take(1) == [(incident.pk, "business", 1)]
    first.socket.close()

    for status in (IncidentStatus.IDENTIFIED, IncidentStatus.MONITORING, IncidentStatus.RESOLVED):
        publish(incident, status)
    publish(unnamed)
    publish(foreign)
    again = browser(user).open()
    missed = told(again.resume({incident: ("business", 1), foreign: ("business", 0), draft: ("business", 0)}))

    assert [told for told in missed if told[0] == incident.pk] == [(incident.pk, "business", n) for n in (2, 3, 4)]
    assert [told for told in missed if told[0] != incident.pk] == [(unnamed.pk, "business", 1)]
    # it may say so again at any time, also with less or with more than there is
    assert told(again.resume({incident: ("business", 3), unnamed: ("business", 1)})) == [(incident.pk, "business", 4)]
    assert told(again.resume({incident: ("technical", 4), unnamed: ("business", 1)})) == [
        (incident.pk, "business", n) for n in (1, 2, 3, 4)
    ]
    assert told(again.resume({unnamed: ("business", 9)})) == [(unnamed.pk, "business", 1)]


def test_nothing_comes_before_the_client_has_said_what_it_has(browser):
    component = make_component()
    account = make_account(uses=(component,))
    silent, other = browser(reader_of(account)).open(), browser(reader_of(account)).open()
    other.resume()
    incident = make_incident(component)
    publish(incident)
    assert other.take(1) == [(incident.pk, "business", 1)]
    publish(incident)
    assert other.take(1) == [(incident.pk, "business", 2)]
    assert told(silent.resume({incident: ("business", 1)})) == [(incident.pk, "business", 2)]


def test_after_a_change_of_track_the_next_update_brings_the_new_track_from_its_beginning(browser):
    component = make_component()
    contact = make_contact(make_account(uses=(component,)), Track.BUSINESS, login=True)
    incident = make_incident(component)
    publish(incident, texts=NOTES)
    reader = browser(contact.user).open()
    assert told(reader.resume()) == [(incident.pk, "business", 1)]

    contact.effective_track = Track.TECHNICAL
    contact.save()
    publish(incident, texts={Variant.TECHNICAL: Text(note=SECRET)})

    frames = [reader.next(), reader.next()]
    assert told(frames) == [(incident.pk, "technical", 1), (incident.pk, "technical", 2)]
    assert [SECRET in frame["html"] for frame in frames] == [True, True]


def _log_out(browser, user):
    browser.http.logout()


def _deactivate(browser, user):
    User.objects.filter(pk=user.pk).update(is_active=False)


def _change_password(browser, user):
    user.set_password("another horse battery")
    user.save()


@pytest.mark.parametrize("end", [_log_out, _deactivate, _change_password])
def test_a_session_that_ends_closes_its_sockets_and_no_others(browser, settings, end):
    settings.SOCKET_REVALIDATE_SECONDS = 0.1
    component = make_component()
    account = make_account(uses=(component,))
    user = reader_of(account)
    leaving, again, staying = browser(user).open(), browser(user), browser(reader_of(account)).open()
    leaving.resume()
    staying.resume()
    end(leaving, user)
    assert leaving.to_the_end() == ([], SIGNED_OUT)

    incident = make_incident(component)
    publish(incident)
    assert staying.take(1) == [(incident.pk, "business", 1)]
    if end is _log_out:  # his other browser is still signed in
        assert told(again.open().resume()) == [(incident.pk, "business", 1)]


@contextmanager
def cut_off(condition: LiteralString) -> Iterator[None]:
    """End the connections that meet the condition, and let nobody connect until the block ends."""
    name = connection.settings_dict["NAME"]
    parameters = connection.get_connection_params()
    server = {key: parameters[key] for key in ("host", "port", "user", "password") if key in parameters}
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as outside:
        try:
            outside.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
            ended = outside.execute(
                SQL("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = %s AND ")
                + SQL(condition),
                [name],
            ).fetchall()
            assert (True,) in ended
            yield
        finally:
            outside.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(Identifier(name)))


def test_what_is_published_while_the_listener_is_cut_off_arrives(browser):
    component = make_component()
    reader = browser(reader_of(make_account(uses=(component,)))).open()
    reader.resume()
    first, second = make_incident(component), make_incident(component)
    publish(first)
    assert reader.take(1) == [(first.pk, "business", 1)]

    with cut_off("application_name = 'live'"):
        publish(first)
        publish(second)

    assert sorted(reader.take(2)) == [(first.pk, "business", 2), (second.pk, "business", 1)]
    publish(first)  # and it listens again
    assert reader.take(1) == [(first.pk, "business", 3)]


def test_a_resume_while_the_database_is_away_is_answered_when_it_is_back(browser):
    component = make_component()
    account = make_account(uses=(component,))
    first, second = browser(reader_of(account)).open(), browser(reader_of(account)).open()
    first.resume()
    incident = make_incident(component)
    publish(incident)
    assert first.take(1) == [(incident.pk, "business", 1)]

    connection.ensure_connection()
    own = connection.connection.info.backend_pid
    with capture_logs() as logs, cut_off(f"pid <> {own}"):
        publish(incident)
        second.send('{"resume": {}}')
        deadline = time.monotonic() + DEADLINE
        while not any(entry["event"] == "the database does not answer" for entry in logs):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    assert second.take(2) == [(incident.pk, "business", 1), (incident.pk, "business", 2)]
    assert second.next() == {"type": "ready"}
    assert first.take(1) == [(incident.pk, "business", 2)]


def test_a_client_that_does_not_read_is_dropped_and_catches_up(browser):
    component = make_component()
    account = make_account(uses=(component,))
    user = reader_of(account)
    incident = make_incident(component)
    quick, slow = browser(reader_of(account)).open(), browser(user).open(slow=True)
    quick.resume()
    slow.resume()
    wordy = {Variant.BUSINESS: Text(note="delayed " * 2000), Variant.TECHNICAL: Text()}
    updates = QUEUE_MAX + 30  # 16 kB each: more than the queue and all buffers hold
    for _ in range(updates):
        publish(incident, texts=wordy)

    assert quick.take(updates) == [(incident.pk, "business", n + 1) for n in range(updates)]
    frames, code = slow.to_the_end()
    taken = told(frames)
    assert code == SLOW
    assert len(taken) < updates
    assert taken == [(incident.pk, "business", n + 1) for n in range(len(taken))]
    rest = browser(user).open().resume({incident: ("business", len(taken))})
    assert told(rest) == [(incident.pk, "business", n) for n in range(len(taken) + 1, updates + 1)]


def test_the_queries_of_an_update_do_not_grow_with_the_sockets(browser, settings):
    settings.SOCKET_REVALIDATE_SECONDS = 3600
    queries: list[str] = []

    def count(execute, sql, params, many, context):
        if threading.current_thread().name.startswith("live"):
            queries.append(sql)
        return execute(sql, params, many, context)

    def watch(connection, **kwargs):
        connection.execute_wrappers.append(count)

    connection_created.connect(watch)
    try:
        component = make_component()
        account = make_account(uses=(component,))
        incident = make_incident(component)
        browsers, counts = [], []
        for number in (1, 3):
            while len(browsers) < number:
                browsers.append(browser(reader_of(account)).open())
                browsers[-1].resume()
            # After an incident's first update nothing is left to do of what was announced before it.
            for update in (publish(incident), publish(make_incident(component))):
                assert {one.take(1)[0][0] for one in browsers} == {update.incident_id}
            queries.clear()
            publish(incident)
            for one in browsers:
                one.next()
            counts.append(len(queries))
    finally:
        connection_created.disconnect(watch)
    assert counts == [4, 4]  # the incident, the time, who reads it, its new messages
