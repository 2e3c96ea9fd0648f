"""Under load: a rolling restart in the middle of a fan-out, and bulk mail in the way of severity 5."""

import signal
import time

from django.db import connection

from comms.choices import Lane
from comms.models import Delivery
from customers.choices import Severity, Track
from customers.models import Company, Component
from demo.sink.script import Script
from tests.factories import make_component
from tests.faults.plays.live import judge as judge_sockets
from tests.faults.plays.live import say
from tests.faults.registry import Verdict, fault
from tests.faults.sockets import Sockets, readers
from tests.faults.world import LONG, World

SLOW = 0.2  # seconds by which each reply of the sink is late: the fan-out outlasts the patience of a stop
SOCKETS = 40


@fault("R28", "rolling restart with a migration during a fan-out", ci=True)
def r28(world: World) -> Verdict:
    """The new processes start beside the old ones, the table gets a column, the old ones are asked to end."""
    people = world.people(1000)
    old = world.running(PUMP_SECONDS="20")  # as it is in production: longer than a stop is patient
    sockets: Sockets = world.enter(Sockets())
    seen = world.incident(component := make_component("seen"))
    readers(sockets, world.silent_people(SOCKETS, component), old.port)
    world.wait(lambda: all(client.ready for client in sockets.clients))
    say(world, seen)
    world.sink.script = Script(delay=SLOW)
    world.publish(world.incident(), people)
    world.wait(lambda: world.sink.count >= 40)
    new = world.running(PUMP_SECONDS="20")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE comms_delivery ADD COLUMN of_next_version integer")
    sockets.each(sockets.clients, lambda client: client.move(new.port))
    world.wait(lambda: world.sink.count >= 80)
    code = old.end(signal.SIGTERM)
    ended, before = time.monotonic(), world.sink.count
    say(world, seen)
    back = world.wait(lambda: all(len(client.seen) >= 2 for client in sockets.clients))
    world.sink.script = Script()
    world.settle()
    verdict = world.judge(since=ended)
    shown = judge_sockets(sockets, seen, 2)
    verdict.lost += shown.lost
    verdict.duplicated += shown.duplicated
    verdict.out_of_order += shown.out_of_order
    verdict.must(before < len(people), "the fan-out was over before the restart: the fault was not played")
    verdict.must(code == 0, f"the old processes ended with {code}")
    verdict.must(back, "sockets did not come back by themselves")
    verdict.must(verdict.duplicated == 0, "something came twice")
    return verdict


ROUNDS, URGENT = 6, 50
RELAY = 0.01  # seconds by which each reply of the relay is late, as on a line to another city
NOISE = 0.1  # seconds that this machine's other work may cost


@fault("R23", "50,000 bulk mails queued, then severity 5", alone=True)
def r23(world: World) -> Verdict:
    """The same updates of severity 5 on an empty system, and while the bulk lane sends all the time."""
    world.sink.script = Script(delay=RELAY)
    Company.objects.update_or_create(
        defaults={"merge_up_to": 0}
    )  # the bulk would share mails, and be a fifth of itself
    instance = world.running()
    urgent = world.people(URGENT, component=(component := make_component("urgent")))
    empty = p99([took for _ in range(ROUNDS) for took in latencies(world, component, urgent)])
    number = round(50_000 / world.speed)
    crowd = world.people(1000)
    for _ in range(number // len(crowd)):
        world.publish(world.incident(), crowd, lane=Lane.BULK)
    queued = Delivery.objects.filter(lane=Lane.BULK)
    world.wait(lambda: queued.filter(state="accepted").exists())
    loaded = p99([took for _ in range(ROUNDS) for took in latencies(world, component, urgent)])
    left = queued.filter(state="queued").count()
    assert instance.first("lane bulk") is not None
    world.sink.script = Script()
    world.settle(patience=LONG * 2)
    verdict = world.judge()
    verdict.must(left > 0, "the bulk mail was out before the last round: the fault was not played")
    verdict.must(loaded <= empty * 1.2 + NOISE, "severity 5 waited for bulk mail")
    verdict.must(verdict.duplicated == 0, "something came twice")
    verdict.notes.append(f"{number} queued; p99 {loaded:.2f} s, on an empty system {empty:.2f} s")
    return verdict


def latencies(world: World, component: Component, urgent: dict[str, Track]) -> list[float]:
    """Seconds from publishing until each of its mails was received."""
    seen = len(world.sink.all)
    incident = world.incident(component, severity=Severity.FIVE)
    world.publish(incident, urgent)
    published = time.time()

    def mine() -> list[float]:
        return [mail.at.timestamp() - published for mail in world.sink.all[seen:] if mail.rcpt_to[0] in urgent]

    world.wait(lambda: len(mine()) >= len(urgent))
    return mine()


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
