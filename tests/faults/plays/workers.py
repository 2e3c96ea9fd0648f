"""Processes of the lanes that are killed while they send."""

import os
import signal
import time
from contextlib import suppress

import psutil

from comms.choices import Lane
from customers.choices import Track
from demo.sink.script import Script
from tests.factories import make_component
from tests.faults.checker import twice
from tests.faults.registry import Verdict, fault
from tests.faults.world import World
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
