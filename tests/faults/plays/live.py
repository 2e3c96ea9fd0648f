"""The live signal: sockets cut, half open, slow, and the web process killed."""

import time
from collections import Counter

from comms.models import Incident
from customers.choices import Track
from tests.faults.checker import Said, out_of_order
from tests.faults.registry import Verdict, fault
from tests.faults.sockets import BUFFER, SMALL_BUFFER, Client, Sockets, readers
from tests.faults.world import World
from tests.instances import Instance

FEWER = 200  # sockets unless it is the long run: each is a handshake of one web process
SLOW_UPDATES = 300


def connected(
    world: World, instance: Instance, number: int, *, buffer: int = BUFFER
) -> tuple[Sockets, dict[str, Track]]:
    """So many readers whose sockets are ready."""
    people = world.silent_people(number, world.component)
    sockets: Sockets = world.enter(Sockets())
    readers(sockets, people, instance.port, buffer=buffer)
    world.wait(lambda: all(client.ready for client in sockets.clients))
    return sockets, people


def say(world: World, incident: Incident) -> None:
    world.publish(incident, {})


def judge(sockets: Sockets, incident: Incident, number: int) -> Verdict:
    """Each client was shown 1 to `number` of its own track: no more, no less, in order."""
    verdict = Verdict()
    for client in sockets.clients:
        expected = [Said(incident.pk, n, client.track.value) for n in range(1, number + 1)]
        counted = Counter(client.seen)
        verdict.lost += len(set(expected) - set(counted))
        verdict.misdirected += len(set(counted) - set(expected))
        verdict.duplicated += sum(counted.values()) - len(counted)
        verdict.out_of_order += out_of_order((client.address, said) for said in client.seen)
    verdict.must(verdict.duplicated == 0, "something was shown twice")
    return verdict


def has_all(clients: list[Client], number: int) -> bool:
    return all(len(client.seen) >= number for client in clients)


@fault("R16", "sockets cut for 60 s, half open, web process killed", ci=True)
def r16(world: World) -> Verdict:
    """Half are cut, a quarter fall silent, a quarter stay, while ten updates go out; then the web process dies."""
    instance = world.running()
    sockets, _ = connected(world, instance, 1000 if world.speed == 1 else FEWER)
    clients = sockets.clients
    cut, silent = clients[::2], clients[1::4]
    incident = world.incident()
    say(world, incident)
    world.wait(lambda: has_all(clients, 1))
    sockets.each(cut, Client.cut)
    sockets.each(silent, Client.fall_silent)
    began = time.monotonic()
    for n in range(10):
        say(world, incident)
        time.sleep(max(0.0, began + (n + 1) * world.scaled(6) - time.monotonic()))
    sockets.each([*cut, *silent], Client.come_back)
    sockets.forget(silent)
    back = time.monotonic()
    world.wait(lambda: has_all(clients, 11))
    recovery = time.monotonic() - back
    web = instance.first("web")
    assert web is not None
    web.kill()
    say(world, incident)
    killed = time.monotonic()
    world.wait(lambda: has_all(clients, 12))
    say(world, incident)
    world.wait(lambda: has_all(clients, 13))
    verdict = judge(sockets, incident, 13)
    verdict.recovery = recovery
    verdict.notes.append(f"{len(clients)} sockets; {time.monotonic() - killed:.1f} s after the kill all were equal")
    return verdict


@fault("R17", "300 updates to a client that does not read")
def r17(world: World) -> Verdict:
    instance = world.running()
    sockets, _ = connected(world, instance, 6, buffer=SMALL_BUFFER)
    slow = sockets.clients[:2]
    incident = world.incident()
    sockets.each(slow, Client.stop_reading)
    for _ in range(SLOW_UPDATES):
        say(world, incident)
    world.wait(lambda: has_all(sockets.clients[2:], SLOW_UPDATES))
    behind = min(len(client.seen) for client in slow)
    sockets.each(slow, Client.read_on)
    began = time.monotonic()
    world.wait(lambda: has_all(sockets.clients, SLOW_UPDATES))
    verdict = judge(sockets, incident, SLOW_UPDATES)
    verdict.recovery = time.monotonic() - began
    verdict.must(behind < SLOW_UPDATES, "the slow one was not slow: the fault was not played")
    return verdict
