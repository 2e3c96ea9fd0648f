"""Processes of the lanes that are killed while they send."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
from django_q.models import OrmQ
from django_q.tasks import async_task

from comms.choices import Lane
from comms.models import Delivery
from comms.models.delivery import UNFINISHED
from customers import clock
from customers.choices import Track
from customers.models import ContactPoint
from demo.sink.script import Fault as Sink
from demo.sink.script import Script
from tests.factories import make_component
from tests.faults.checker import twice
from tests.faults.registry import Verdict, fault
from tests.faults.world import LONG, World
from tests.instances import Instance

GRACE = 15.0  # seconds that a loaded machine may need on top of a bound
SLOW = 0.01  # seconds by which each reply of the sink is late, so that kills meet a worker that sends


def sender(instance: Instance, lane: Lane, port: int) -> tuple[psutil.Process, int] | None:
    """The process of a lane that has connections to the sink, and how many."""
    for process in instance.group(f"lane {lane.value}"):
        with suppress(psutil.Error):
            open_ones = [c for c in process.net_connections("tcp") if c.raddr and c.raddr.port == port]
            if open_ones:
                return process, len(open_ones)
    return None


def wait_for_sender(world: World, instance: Instance, lane: Lane) -> tuple[psutil.Process, int]:
    found: list[tuple[psutil.Process, int]] = []

    def look() -> bool:
        found.extend(filter(None, [sender(instance, lane, world.sink.port)]))
        return bool(found)

    world.wait(look)
    return found[0]


def judge_kills(world: World, killed: float, allowed: int) -> Verdict:
    verdict = world.judge(since=killed)
    verdict.must(verdict.duplicated <= allowed, f"{allowed} duplicates were allowed: one per open connection")
    unmarked = set(twice(world.mails)) - world.uncertain_addresses()
    verdict.must(not unmarked, f"{len(unmarked)} came twice and are not marked uncertain")
    return verdict


@fault("R1", "SIGKILL a sending worker ten times, fan-out to 2,000", ci=True)
def r1(world: World) -> Verdict:
    people = world.people(2000)
    world.sink.script = Script(delay=SLOW)
    instance = world.running()
    world.publish(world.incident(), people)
    allowed, killed = 0, 0.0
    for n in range(10):
        world.wait(lambda n=n: world.sink.count >= 30 + n * 150)
        process, connections = wait_for_sender(world, instance, Lane.CRITICAL)
        process.kill()
        killed, allowed = time.monotonic(), allowed + connections
    world.settle()
    verdict = judge_kills(world, killed, allowed)
    verdict.notes.append(f"{allowed} connections were open")
    return verdict


@fault("R4", "SIGKILL a whole lane in the middle of a batch", ci=True)
def r4(world: World) -> Verdict:
    """Of the critical lane, while the bulk lane sends, too: that one goes on, and the killed one comes back."""
    second = make_component("db-2")
    people, others = world.people(600), world.people(300, component=second)
    world.sink.script = Script(delay=SLOW)
    instance = world.running()
    world.publish(world.incident(), people)
    world.publish(world.incident(second), others, lane=Lane.BULK)
    world.wait(lambda: came(world, people) >= 100 and came(world, others) >= 1)
    bulk = {process.pid for process in instance.group("lane bulk")}
    _, connections = wait_for_sender(world, instance, Lane.CRITICAL)
    first = instance.first("lane critical")
    assert first is not None
    os.killpg(first.pid, signal.SIGKILL)
    killed, before = time.monotonic(), came(world, people)
    world.wait(lambda: came(world, people) > before + connections)
    resumed = time.monotonic() - killed
    world.settle()
    verdict = judge_kills(world, killed, connections)
    verdict.must({process.pid for process in instance.group("lane bulk")} == bulk, "the bulk lane was touched")
    verdict.must(resumed < world.scaled(90) + GRACE, f"resumed after {resumed:.0f} s: later than the lease")
    return verdict


def came(world: World, people: dict[str, Track]) -> int:
    return sum(mail.rcpt_to[0] in people for mail in world.mails)


def queue_processes(instance: Instance, lane: Lane) -> list[psutil.Process]:
    """Of a lane's cluster: sentinel, then what it started in order: workers, monitor, pusher."""
    group = instance.group(f"lane {lane.value}")
    first = instance.first(f"lane {lane.value}")
    assert first is not None
    sentinel = next(process for process in group if process.ppid() == first.pid)
    return [sentinel, *sorted((p for p in group if p.ppid() == sentinel.pid), key=lambda p: p.pid)]


WITHIN = 60.0  # RELIABILITY: the last mail after publishing


def after_kills(world: World, instance: Instance, victims: Callable[[], list[psutil.Process]], rounds: int) -> Verdict:
    """Kill, wait until it is done, publish; each time all arrives, and none of the processes of before is left over."""
    people, slowest, orphans = world.people(20), 0.0, 0
    for _ in range(rounds):
        instance.wait_until_up()
        dead = victims()
        for process in dead:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        world.publish(world.incident(), people)
        published = time.monotonic()
        world.settle()
        slowest = max(slowest, world.last_mail() - published)
        world.wait(lambda: not lost_children(instance))
        orphans += len(lost_children(instance))
    verdict = world.judge()
    verdict.recovery = slowest
    verdict.must(slowest < WITHIN, f"the last mail came {slowest:.0f} s after publishing")
    verdict.must(not orphans, f"{orphans} orphans work on")
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict


def lost_children(instance: Instance) -> list[psutil.Process]:
    """Processes of the lane that no first process leads any more."""
    first = instance.first("lane critical")
    if first is None:
        return []
    lead = {first.pid, *(child.pid for child in first.children(recursive=True))}
    return [process for process in instance.group("lane critical") if process.pid not in lead]


@fault("R2", "SIGKILL idle workers, then publish", ci=True)
def r2(world: World) -> Verdict:
    instance = world.running()
    return after_kills(world, instance, lambda: [queue_processes(instance, Lane.CRITICAL)[1]], 2)


@fault("R3", "SIGKILL sentinel, worker, monitor, pusher, one each")
def r3(world: World) -> Verdict:
    instance = world.running()
    turns = iter(range(4))
    return after_kills(world, instance, lambda: [queue_processes(instance, Lane.CRITICAL)[next(turns)]], 4)


@fault("R21", "poison: raises, times out, exits, kills itself, bad data", ci=True)
def r21(world: World) -> Verdict:
    """Tasks that are not ours in the queue, a recipient on whom the worker dies each time, and unreadable data."""
    people = world.people(40)
    killer, unreadable, *_ = people
    ContactPoint.objects.filter(address=unreadable).update(address="no\r\naddress@customer.example")
    world.book.refused = {killer, unreadable}
    world.sink.script = Script(faults=[Sink("RCPT", "", then="hang", matching=f"<{killer}>")])
    instance = world.running()
    ring = {"cluster": Lane.CRITICAL.value}
    async_task("builtins.int", "no number", **ring)
    async_task("time.sleep", 3600, q_options={"timeout": 2, **ring})
    async_task("os._exit", 1, **ring)
    async_task("signal.raise_signal", int(signal.SIGKILL), **ring)
    OrmQ.objects.create(key=Lane.CRITICAL.value, payload="no task at all", lock=clock.now())
    incident = world.incident()
    update = world.publish(incident, people)
    poison = Delivery.objects.filter(message__update=update, contact_point__address=killer)
    deaths, began = 0, time.monotonic()
    while poison.filter(state__in=UNFINISHED).exists() and time.monotonic() - began < LONG:
        found = sender(instance, Lane.CRITICAL, world.sink.port)
        if found and hanging(world, killer, deaths):
            found[0].kill()
            deaths += 1
        time.sleep(0.05)
    bad = Delivery.objects.filter(message__update=update, contact_point__address__contains="\n")
    world.wait(lambda: not bad.filter(state__in=UNFINISHED).exists(), LONG)
    world.settle()
    verdict = world.judge()
    ends = [(row.state, row.reply) for row in [*poison, *bad]]
    verdict.must(all(state == "failed" and reply for state, reply in ends), f"ended as {ends}")
    verdict.must(verdict.duplicated <= verdict.uncertain, "more duplicates than uncertain ones")
    verdict.notes.append(f"{deaths} workers died on one row")
    return verdict


def hanging(world: World, address: str, deaths: int) -> bool:
    """The sink was told the address once more than workers died on it."""
    asked = sum(f"<{address}>".encode() in line.lower() for _, line in world.sink.transcript)
    return asked > deaths
