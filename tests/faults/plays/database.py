"""PostgreSQL: restarted, stopped, away, restored from a backup."""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import psycopg
from django.db import connection
from django_q.models import OrmQ

from comms.actions import installation, publishing
from comms.choices import IncidentStatus
from comms.models import Delivery, IncidentUpdate, Installation
from comms.models.delivery import UNFINISHED
from customers import clock
from customers.models import User
from tests.factories import make_component
from tests.faults.backup import copy_of, pointed_at, restore
from tests.faults.browsing import Browser
from tests.faults.checker import twice
from tests.faults.registry import Verdict, fault
from tests.faults.world import World
from tests.instances import Instance

SLOW = 0.01  # seconds by which each reply of the sink is late, so that the fault meets workers that send
CONNECTIONS = 4  # of one worker
HELD_WITHIN = 30.0  # seconds that a slow machine may need to start
LISTENING = 50.0  # seconds, scaled, in which nothing may leave


def postmaster(world: World) -> int:
    assert world.server is not None
    process = world.server._process
    assert process is not None
    return process.pid


def immediately(world: World, away: float) -> None:
    """As a crash: no checkpoint, clients are cut; it recovers at the next start."""
    assert world.server is not None
    os.kill(postmaster(world), signal.SIGQUIT)
    restart(world, away)


def in_order(world: World, away: float) -> None:
    os.kill(postmaster(world), signal.SIGINT)
    restart(world, away)


def restart(world: World, away: float) -> None:
    assert world.server is not None
    process = world.server._process
    assert process is not None
    process.wait(60)
    world.server.stop()  # only clears up: it has ended
    connection.close()
    time.sleep(away)
    world.server.start()


def terminate_all(world: World, away: float) -> None:
    assert world.server is not None
    with psycopg.connect(world.server.url, autocommit=True) as session:
        session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    connection.close()


@fault("R5", "PostgreSQL restarts at once, stops 8 s, cuts all", own_server=True)
def r5(world: World) -> Verdict:
    """Each in the middle of a fan-out; processes may not be replaced, they reconnect."""
    instance = world.running()
    breaks: list[tuple[Callable[[World, float], None], float]] = [
        (immediately, 0.0),
        (in_order, world.scaled(80)),
        (terminate_all, 0.0),
    ]
    ended, words = 0.0, []
    for n, (break_it, away) in enumerate(breaks):
        people = world.people(300, component=(component := make_component(f"broken-{n}")))
        world.sink.script.delay = SLOW
        before = world.sink.count
        world.publish(world.incident(component), people)
        world.wait(lambda before=before: world.sink.count > before + 60)  # type: ignore[misc]
        first_ones = {name: instance.first(name) for name in ("web", "clocks")}
        break_it(world, away)
        ended = time.monotonic()
        world.sink.script.delay = 0
        world.wait(lambda: healthy(instance))
        world.settle()
        for name, first in first_ones.items():
            if instance.first(name) != first:
                words.append(f"{break_it.__name__}: {name} did not survive")
    verdict = world.judge(since=ended)
    verdict.broken += words
    allowed = max(verdict.uncertain, CONNECTIONS)
    verdict.must(verdict.duplicated <= allowed, f"{allowed} duplicates were allowed: those that are uncertain")
    unmarked = set(twice(world.mails)) - world.uncertain_addresses()
    verdict.must(not unmarked, f"{len(unmarked)} came twice and are not marked uncertain")
    return verdict


def healthy(instance: Instance) -> bool:
    with suppress(OSError):
        return b"ok" in instance.get("/healthz")
    return False


@fault("R6", "PostgreSQL away for 5 minutes", own_server=True)
def r6(world: World) -> Verdict:
    """Processes live, readiness is red, pages say so in words; what became due is done once when it is back."""
    assert world.server is not None
    instance = world.running()
    people, words = world.people(50, login=True), []
    browser = Browser(instance.port, User.objects.get(email=next(iter(people))))
    incident = world.incident()
    world.publish(incident, people)
    world.settle()
    alive = {name: instance.first(name) for name in ("web", "clocks")}
    incident.refresh_from_db()
    publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=incident.sequence,
        request_id=uuid4(),
        status=IncidentStatus.INVESTIGATING,
        texts=world.texts(incident),
        author=world.lead,
        undo_seconds=5,
    )
    world.expect(incident, 2, people)
    os.kill(postmaster(world), signal.SIGINT)
    process = world.server._process
    assert process is not None
    process.wait(60)
    world.server.stop()
    connection.close()
    gone = time.monotonic()
    if not world.wait(lambda: status(instance, "/readyz") == 503, 60):
        words.append(f"readiness is {status(instance, '/readyz')} without a database")
    if not healthy(instance):
        words.append("the process is called dead because the database is away")
    page = browser.get("/")
    if page.status not in (500, 503) or "not working right now" not in page.text:
        words.append(f"pages do not say what is wrong ({page.status})")
    time.sleep(max(0.0, world.scaled(300) - (time.monotonic() - gone)))
    for name, first in alive.items():
        if instance.first(name) != first:
            words.append(f"{name} did not live through it")
    world.server.start()
    back = time.monotonic()
    world.wait(lambda: incident.updates.filter(number=2).exists())
    world.settle()
    if not world.wait(lambda: status(instance, "/readyz") == 200, 90):
        words.append("readiness stays red")
    verdict = world.judge(since=back)
    verdict.broken += words
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict


def status(instance: Instance, path: str) -> int:
    line = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=60)
    try:
        line.request("GET", path, headers={"Host": "localhost"})
        return line.getresponse().status
    except OSError:
        return 0
    finally:
        line.close()


@fault("R29", "a backup restored: as a copy, and in its place", ci=True)
def r29(world: World) -> Verdict:
    """The backup holds mail that has left since, and its doorbell: nothing leaves until a person says so."""
    counter = world.folder / "publications"
    people = world.people(30)
    first = world.incident()
    with world.instance() as instance:  # from now on it knows its database
        instance.wait_until_up()
        world.publish(first, people)
        world.settle()
    world.publish(first, people)  # nothing runs: queued when the backup is made
    home = connection.settings_dict["NAME"]
    with copy_of(home) as backup:
        with world.instance() as instance:
            instance.wait_until_up()
            world.settle()
            world.publish(first, people)
            world.settle()
            newest = IncidentUpdate.objects.latest("pk").pk
            world.wait(lambda: counter.exists() and json.loads(counter.read_text())["published"] == newest)
        verdict = world.judge()
        with copy_of(backup) as copy, pointed_at(copy):
            silent(world, verdict, "a copy")
        connection.close()
        restore(backup, home)
    silent(world, verdict, "the same database, restored")
    released(world, verdict)
    return verdict


def silent(world: World, verdict: Verdict, name: str) -> None:
    """What starts on the connected database mails nobody, though there is mail and a doorbell for it."""
    before = world.sink.count
    queued = Delivery.objects.filter(state__in=UNFINISHED).count()
    verdict.must(queued > 0 and OrmQ.objects.exists(), f"{name} has nothing to send: the fault was not played")
    rung = OrmQ.objects.filter(pk__in=list(OrmQ.objects.values_list("pk", flat=True)))
    with world.command("qcluster", Q_CLUSTER_NAME="critical"):  # a lane of another machine, before the clocks run
        world.wait(lambda: not rung.filter(key="critical", lock__lte=clock.now()).exists(), HELD_WITHIN)
        time.sleep(world.scaled(LISTENING) / 2)
    with world.instance() as instance:
        instance.wait_until_up()
        world.wait(lambda: Installation.objects.filter(held_at__isnull=False).exists(), HELD_WITHIN)
        world.wait(lambda: not rung.filter(lock__lte=clock.now()).exists(), HELD_WITHIN)
        time.sleep(world.scaled(LISTENING))  # several more doorbells
        verdict.must(Installation.objects.filter(held_at__isnull=False).exists(), f"{name} is not held")
    mailed = world.sink.count - before
    verdict.misdirected += mailed
    verdict.must(mailed == 0, f"{name} mailed {mailed} before a person confirmed")


def released(world: World, verdict: Verdict) -> None:
    """A person says that it may send: then what it holds leaves."""
    before = world.sink.count
    waiting = Delivery.objects.filter(state__in=UNFINISHED).count()
    installation.release(actor=world.lead)
    with world.instance() as instance:
        instance.wait_until_up()
        world.settle()
    verdict.must(world.sink.count - before == waiting, "confirmed, and it still does not send")
