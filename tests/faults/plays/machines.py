"""Several machines against one database: two sets of processes, as docs/scale.md has them."""

import json
import time
from datetime import timedelta

from comms.actions import installation
from comms.choices import Lane
from comms.models import Incident, IncidentUpdate
from customers.choices import Severity, Track
from customers.models import User
from customers.policies.roles import COMMUNICATIONS_LEAD
from demo.sink.script import Script
from tests.comms.support import age, free_port
from tests.factories import make_component, make_user
from tests.faults.browsing import Browser
from tests.faults.checker import Said, warning
from tests.faults.plays.live import has_all
from tests.faults.plays.live import judge as judge_sockets
from tests.faults.plays.publishing import in_order
from tests.faults.plays.workers import judge_kills, sender
from tests.faults.registry import Verdict, fault
from tests.faults.sockets import Sockets, readers
from tests.faults.world import World
from tests.instances import Instance

RELAY = 0.1  # seconds by which each reply of the relay is late: the fan-out lasts until both machines take part
PEOPLE, SOCKETS, PROMISES = 1000, 20, 5


@fault("M2", "two machines, one killed in the middle of a fan-out", ci=True)
def m2(world: World) -> Verdict:
    """Published at A and sent by both; A is gone, B ends everything and serves all; then A comes back."""
    lead, port = make_user(COMMUNICATIONS_LEAD, name="Ann Able"), free_port()
    people, incident = world.people(PEOPLE), world.incident(classified=True)
    watchers = world.silent_people(SOCKETS, world.component)
    a, b = machine(world, "a", port), machine(world, "b", 0)
    come_due(world, lead)
    sockets = watching(world, watchers, a, b)
    found = Verdict()
    world.sink.script = Script(delay=RELAY)
    publish_at(world, a, incident, lead, people)
    world.wait(lambda: world.sink.count >= 100 and connections(world, a) and connections(world, b))
    found.must(world.wait(lambda: has_all(sockets.clients, 1)), "not every socket saw the first update")
    allowed, helping = lose(world, a), connections(world, b)
    killed, before = time.monotonic(), world.sink.count
    found.must(bool(allowed and helping), "one of the two did not send: the fault was not played")
    found.must(before < len(people), "the fan-out was over before the kill: the fault was not played")
    sockets.each(sockets.clients, lambda client: client.move(b.port))
    world.sink.script = Script()
    world.settle()
    recovery = world.last_mail() - killed
    found.must(serves(b, watchers, incident), "the pages of B do not show the update")
    publish_at(world, b, incident, lead, people)
    world.settle()
    newest = IncidentUpdate.objects.latest("pk").pk
    world.wait(lambda: counted(world, "b") == newest)
    found.must(counted(world, "a") < newest == counted(world, "b"), "A had not counted less: its return was not played")
    a = machine(world, "a", port)
    publish_at(world, a, incident, lead, people)
    world.settle()
    found.must(world.wait(lambda: has_all(sockets.clients, 3)), "not every socket saw all updates")
    verdict = judge_kills(world, killed, allowed)
    verdict.recovery = recovery
    verdict.must(not installation.is_held(), "it is held, because one machine had counted less")
    verdict.must(in_order(incident, 3), "two clocks did not publish each update once")
    seen = judge_sockets(sockets, incident, 3)
    verdict.lost, verdict.out_of_order = verdict.lost + seen.lost, verdict.out_of_order + seen.out_of_order
    verdict.broken += [*found.broken, *seen.broken]
    verdict.notes.append(f"{before} of {len(people)} had left, {allowed} connections were open at A, {helping} at B")
    return verdict


def machine(world: World, name: str, port: int) -> Instance:
    """Its own port and its own file; tasks as long as in production, so that it is killed with mail in its hands."""
    return world.running(port=port, STATE_FILE=str(world.folder / name / "publications"), PUMP_SECONDS="20")


def counted(world: World, name: str) -> int:
    """The last update that a machine has counted."""
    return int(json.loads((world.folder / name / "publications").read_text())["published"])


def come_due(world: World, lead: User) -> None:
    """Promises with four minutes left, while the clocks of both watch them: whoever leads is reminded once of each."""
    for n in range(PROMISES):
        incident = world.incident(make_component(f"due-{n}"), severity=Severity.FOUR)
        world.book.expected |= {(lead.email, warning(incident.pk, track.value)) for track in Track}
        age(incident, timedelta(minutes=11))


def watching(world: World, watchers: dict[str, Track], *machines: Instance) -> Sockets:
    """Customers whose sockets are spread over the machines, all of them ready."""
    sockets: Sockets = world.enter(Sockets())
    for n, instance in enumerate(machines):
        readers(sockets, dict(list(watchers.items())[n :: len(machines)]), instance.port)
    world.wait(lambda: all(client.ready for client in sockets.clients))
    return sockets


def publish_at(world: World, instance: Instance, incident: Incident, lead: User, people: dict[str, Track]) -> None:
    """By the form of this machine's web process, as a person does; whichever clocks are faster publish it."""
    texts = {f"note_{variant.value}": text.note for variant, text in world.texts(incident).items()}
    number, browser = incident.sequence + 1, Browser(instance.port, lead)
    answer = browser.post(f"/room/{incident.pk}/publish/", browser.form(incident.pk, undo="0", **texts))
    assert answer.status == 302, f"publishing was answered with {answer.status}"
    world.expect(incident, number, people)
    assert world.wait(incident.updates.filter(number=number).exists), "no clocks published it"


def connections(world: World, instance: Instance) -> int:
    """How many connections to the relay its lane of urgent mail has."""
    found = sender(instance, Lane.CRITICAL, world.sink.port)
    return found[1] if found else 0


def lose(world: World, instance: Instance) -> int:
    """As when its power fails: no process of it gets to say anything. Returns how many connections were open."""
    gone = instance.processes()
    for process in gone:
        process.suspend()
    open_ones = connections(world, instance)
    for process in gone:
        process.kill()
    instance.kill()
    return open_ones


def serves(instance: Instance, watchers: dict[str, Track], incident: Incident) -> bool:
    """A reader of each track finds the update in his own words on this machine's page."""
    pages = []
    for address, track in list(watchers.items())[:2]:
        browser = Browser(instance.port, User.objects.get(email=address))
        pages.append((browser.get(f"/incidents/{incident.pk}/"), Said(incident.pk, 1, track.value)))
    return all(page.status == 200 and said.mark() in page.text for page, said in pages)
