"""Publishing: killed on its way, raced for, asked for twice."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, connections

from comms.actions import publishing
from comms.choices import IncidentStatus
from comms.models import Incident, UpdateDraft
from customers.models import User
from customers.policies.roles import COMMUNICATIONS_LEAD
from tests.comms.support import race
from tests.factories import make_component, make_user
from tests.faults.browsing import Browser
from tests.faults.publisher import publish
from tests.faults.registry import Verdict, fault
from tests.faults.world import World
from tests.instances import database_url

GRACE = 15.0  # seconds that a loaded machine may need on top of a bound
WITHIN = 15.0  # RELIABILITY: after the commit everything leaves within this
GATE = 4711  # an advisory lock: who comes to the point waits there
NAME = "faults-publisher"
POINTS = {
    "before the first write": "incident",
    "at the update": "comms_incidentupdate",
    "at the messages": "comms_message",
    "at the deliveries": "comms_delivery",
    "at the timeline": "comms_timelineentry",
    "at the doorbell": "django_q_ormq",
    "at the commit": "commit",
    "after the commit": "",
}
STOP = f"""
CREATE FUNCTION faults_stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NULL;
END $$
"""


def execute(statement: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def stopped_at(point: str, incident: Incident) -> Iterator[None]:
    """Whoever publishes comes as far as the point, and waits there until the block ends."""
    execute(f"SELECT pg_advisory_lock({GATE})")
    table = {"incident": "comms_incident", "commit": "comms_incidentupdate"}.get(point, point)
    event = "UPDATE" if point == "incident" else "INSERT"
    if table:
        kind = "CONSTRAINT TRIGGER" if point == "commit" else "TRIGGER"
        when = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW" if point == "commit" else "FOR EACH STATEMENT"
        order = "AFTER" if point == "commit" else "BEFORE"
        execute(f"CREATE {kind} faults_stop {order} {event} ON {table} {when} EXECUTE FUNCTION faults_stop()")
    try:
        yield
    finally:
        execute(f"SELECT pg_advisory_unlock({GATE})")
        if table:
            execute(f"DROP TRIGGER faults_stop ON {table}")


def waiting() -> bool:
    """Whether somebody stands at the gate."""
    return bool(execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted", [GATE]))


def connected() -> bool:
    return bool(execute("SELECT 1 FROM pg_stat_activity WHERE application_name = %s", [NAME]))


def kill_publisher(world: World, order: dict[str, Any], point: str) -> None:
    command = [sys.executable, "-m", "tests.faults.publisher", json.dumps(order)]
    environment = {**os.environ, "DATABASE_URL": database_url(NAME)}
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        if point:
            assert world.wait(waiting), f"nobody came to {point}"
        else:
            assert process.stdout.readline() == "done\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@fault("R11", "a publishing process killed at 8 points", ci=True)
def r11(world: World) -> Verdict:
    """All or nothing; then the same request once more, as a person does who got no answer."""
    execute(STOP)
    instance = world.running()
    words, slowest = [], 0.0
    for n, (name, point) in enumerate(POINTS.items()):
        component = make_component(f"point-{n}")
        people, incident = world.people(20, component=component), world.incident(component)
        notes = {variant.value: text.note for variant, text in world.texts(incident).items()}
        order = {"incident": incident.pk, "request_id": str(uuid4()), "author": world.lead.pk, "notes": notes}
        with stopped_at(point, incident):
            kill_publisher(world, order, point)
        assert world.wait(lambda: not connected()), "its connection does not end"
        world.expect(incident, 1, people)
        committed = incident.updates.exists()
        if committed != (point in ("commit", "")):
            words.append(f"{name}: {'there is' if committed else 'there is no'} update")
        released = time.monotonic()
        if not committed:
            got = sum(mail.rcpt_to[0] in people for mail in world.mails)
            if got:
                words.append(f"{name}: {got} mails of what was never published")
        publish(order)
        world.settle()
        slowest = max(slowest, world.last_mail() - released)
    slowest = max(slowest, kill_clocks(world, instance))
    verdict = world.judge()
    verdict.recovery = slowest
    verdict.broken += words
    verdict.must(slowest < WITHIN + GRACE, f"left {slowest:.0f} s after the commit")
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict


def kill_clocks(world: World, instance: Any) -> float:
    """The process that publishes after the undo window, killed among the deliveries. Seconds until all has left."""
    component = make_component("clocks")
    people, incident = world.people(20, component=component), world.incident(component)
    with stopped_at("comms_delivery", incident):
        publishing.schedule_update(
            incident_id=incident.pk,
            expected_sequence=0,
            request_id=uuid4(),
            status=IncidentStatus.INVESTIGATING,
            texts=world.texts(incident),
            author=world.lead,
            undo_seconds=0,
        )
        assert world.wait(waiting), "the clocks do not publish"
        clocks = instance.first("clocks")
        assert clocks is not None
        clocks.kill()
    killed = time.monotonic()
    world.expect(incident, 1, people)
    world.wait(incident.updates.exists)
    world.settle()
    return world.last_mail() - killed


def in_order(incident: Incident, number: int) -> bool:
    """The updates are numbered from 1 without gap."""
    return list(incident.updates.order_by("number").values_list("number", flat=True)) == list(range(1, number + 1))


@fault("R12", "two operators publish at once, 100 races", ci=True)
def r12(world: World) -> Verdict:
    people = world.people(4)
    instance = world.running()
    incident = world.incident()
    operators = [make_user(COMMUNICATIONS_LEAD, name=name) for name in ("Ann Able", "Ben Baker")]
    wrong = 0
    for n in range(1, 101):
        world.expect(incident, n, people)
        wrong += not one_wins(incident, operators, world)
    verdict = Verdict()
    desk = web_races(world, instance.port, operators)
    world.settle()
    verdict = world.judge()
    verdict.must(wrong == 0, f"{wrong} races without exactly one winner whom the other was told")
    verdict.must(in_order(incident, 100), "the sequence has a gap")
    verdict.broken += desk
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict


def one_wins(incident: Incident, operators: list[User], world: World) -> bool:
    texts = world.texts(incident)
    sequence = incident.sequence

    def call(author: User) -> Any:
        return publishing.publish_update(
            incident_id=incident.pk,
            expected_sequence=sequence,
            request_id=uuid4(),
            status=IncidentStatus.INVESTIGATING,
            texts=texts,
            author=author,
        )

    if sequence == 0:  # the first update has nobody before it
        call(operators[0])
        return True
    answers = race(*(lambda author=author: call(author) for author in operators))  # type: ignore[misc]
    won = [answer for answer in answers if not isinstance(answer, Exception)]
    lost = [answer for answer in answers if isinstance(answer, publishing.StaleSequence)]
    return len(won) == len(lost) == 1 and str(won[0].author) in str(lost[0])


def web_races(world: World, port: int, operators: list[User]) -> list[str]:
    """The same at the desk: both loaded the form, both press the button. Words for what did not hold."""
    component = make_component("desk")
    people, incident = world.people(4, component=component), world.incident(component, classified=True)
    world.publish(incident, people)
    words = []
    for n in range(2, 7):
        world.expect(incident, n, people)
        note = world.texts(incident)["technical"].note  # type: ignore[index]
        business = world.texts(incident)["business"].note  # type: ignore[index]
        browsers = [Browser(port, user) for user in operators]
        forms = [
            browser.form(incident.pk, undo="0", note_technical=note, note_business=f"{business} kept by {user}")
            for browser, user in zip(browsers, operators, strict=True)
        ]
        path = f"/room/{incident.pk}/publish/"
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(Browser.post, browsers, [path] * 2, forms))
        world.wait(lambda n=n: incident.updates.filter(number=n).exists())
        for answer, user in zip(answers, operators, strict=True):
            if answer.status != 302 and f"kept by {user}" not in answer.text:
                words.append(f"round {n}: {user} lost his text ({answer.status})")
        if sorted(answer.status == 302 for answer in answers) != [False, True]:
            words.append(f"round {n}: {[answer.status for answer in answers]}")
        loser = next((i for i, answer in enumerate(answers) if answer.status != 302), None)
        if loser is not None:  # again, now that the other's is out
            again = browsers[loser].post(path, forms[loser])
            told = str(operators[1 - loser]) in again.text and f"kept by {operators[loser]}" in again.text
            if again.status != 409 or not told:
                words.append(f"round {n}: the other was not told who was faster ({again.status})")
    if not in_order(incident, 6):
        words.append("the desk's sequence has a gap")
    return words


@fault("R13", "double click, resubmit, 20 parallel POSTs of one form", ci=True)
def r13(world: World) -> Verdict:
    people = world.people(4)
    instance = world.running()
    incident = world.incident(classified=True)
    browser = Browser(instance.port, make_user(COMMUNICATIONS_LEAD, name="Ann Able"))
    texts = {f"note_{variant.value}": text.note for variant, text in world.texts(incident).items()}
    form = browser.form(incident.pk, undo="0", **texts)
    path = f"/room/{incident.pk}/publish/"
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: browser.post(path, form), range(20)))
    world.expect(incident, 1, people)
    world.wait(incident.updates.exists)
    later = [browser.post(path, form) for _ in range(2)]  # double click, and back and once more
    connections.close_all()
    world.wait(lambda: not UpdateDraft.objects.filter(published_at=None, withdrawn_at=None).exists())
    world.settle()
    verdict = world.judge()
    statuses = {answer.status for answer in answers + later}
    verdict.must(statuses == {302}, f"answers {statuses}")
    verdict.must(in_order(incident, 1), f"{incident.updates.count()} updates")
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict
