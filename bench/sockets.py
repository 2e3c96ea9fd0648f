"""Live updates (P9): to thousands of websockets of one process, against `broadcast()` and channels_redis."""

import resource
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic

import psutil
from django.conf import settings
from django.db import transaction

from bench import data, options, report, rivals
from bench.broadcast import broadcaster
from bench.clients import Arrivals, Clients, Place, clients
from bench.database import fresh_database, run
from bench.report import Measure, Unmeasured, percentile
from bench.web import Web, signed_in_contacts, web_running
from comms.models import Incident
from customers.models import User

ROUNDS = 5
FEW, STEPS = 1_000, (5_000, 10_000)
FIRST = 100  # sockets before memory is looked at: what the first one loads is no socket's
CLIENT_PROCESSES = 2
ENOUGH, SPARE = 65_536, 500  # files that a process may open, and what it needs besides its sockets
SIDES = 3  # ours and the two references, whose sockets the clients hold together
LATE = 20.0  # seconds after which a frame counts as lost
GOAL_BROADCAST, GOAL_GROUP_SEND, GOAL_KB, GOAL_VISIBLE = 2.0, 1 / 8, 40.0, 1.0


@dataclass
class Round:
    """What the sockets of one place saw of one frame."""

    seconds: list[float]
    lost: int
    doubled: int


@dataclass
class Side:
    """One server, how it is told to send, and what came of it. `tell` returns when it began."""

    place: Place
    tell: Callable[[], float]
    connected: int = 0
    rounds: list[Round] = field(default_factory=list)

    def play(self, crowd: Clients) -> Arrivals:
        crowd.expect(self.place)
        began = self.tell()
        found = crowd.arrivals(self.place, LATE)
        lost = self.connected - len(found.times)
        self.rounds.append(Round([at - began for at in found.times], lost, found.doubled))
        return found

    def p99(self) -> float:
        """Milliseconds; of the rounds after the first, which warms up, the median."""
        return 1e3 * statistics.median(percentile(seen.seconds, 99) for seen in self.rounds[1:])

    def wrong(self) -> int:
        return sum(seen.lost + seen.doubled for seen in self.rounds)


class Portal:
    """Our side: an incident that all of the signed-in contacts read, and what publishes its updates."""

    def __init__(self, web: Web, contacts: int) -> None:
        self.place = Place("ours", web.port, settings.SITE_URL, resumes=True)
        self._process = psutil.Process(web.pid)
        self._incident: Incident = data.draft(data.component_for(contacts))
        self._author: User = data.author()
        self._updates = 0
        self.called_at = 0.0

    def publish(self) -> float:
        """The next update. Returns when its transaction began to commit, which is what sends the signal."""
        self.called_at = monotonic()
        with transaction.atomic():
            data.publish(self._incident, self._author, after=self._updates)
            began = monotonic()
        self._updates += 1
        return began

    def memory(self) -> int:
        """Bytes of the web process: its own, and its part of what it shares."""
        return int(self._process.memory_full_info().pss)


def measures(few: int, steps: Sequence[int], rounds: int) -> Iterator[Measure | Unmeasured]:
    possible = [step for step in steps if step <= _most()]
    yield from (_impossible(step) for step in steps if step not in possible)
    number = max([few, *possible])
    if rivals.redis_answers():
        rivals.environment()  # made before anything runs that it would disturb
    data.grow_to(number)
    cookies = signed_in_contacts(number)
    with clients(CLIENT_PROCESSES) as crowd, web_running() as web, ExitStack() as stack:
        portal = Portal(web, number)
        ours = Side(portal.place, portal.publish)
        _connect(crowd, ours, cookies[:FIRST])
        base = portal.memory()
        _connect(crowd, ours, cookies[:few])
        yield _visible(crowd, ours, portal, rounds)
        frame = ours.play(crowd).frame
        others = _references(stack, frame.decode())
        if not rivals.redis_answers():
            yield Unmeasured("against channels_redis", f"no Redis answers at {rivals.REDIS_URL}", "P9")
        for step in possible:
            _connect(crowd, ours, cookies[:step])
            grown = (portal.memory() - base) / (step - FIRST)
            for other in others:
                _connect(crowd, other, cookies[:step])
            yield from _compared(crowd, ours, others, rounds, {"sockets": step, "bytes": len(frame)})
            yield Measure(f"memory per socket, {step:,}", grown / 1e3, GOAL_KB, 1.0, "kB", 1, id="P9")


def _raise_limit() -> None:
    """As many open files as this user may have, for this process and for all that it starts."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_files(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def _files() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)


def _most() -> int:
    """Sockets that a server can have, and that the clients can have to each server."""
    spare = _files() - SPARE
    return min(spare, spare * CLIENT_PROCESSES // SIDES)


def _impossible(step: int) -> Unmeasured:
    return Unmeasured(f"p99 to {step:,} sockets", f"a process here may open {_files():,} files (ulimit -Hn)", "P9")


def _connect(crowd: Clients, side: Side, cookies: Sequence[str]) -> None:
    """Until each of these people has a socket."""
    began = monotonic()
    crowd.connect(side.place, cookies[side.connected :])
    print(f"{len(cookies):,} sockets to {side.place.name}, {monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    side.connected = len(cookies)


def _visible(crowd: Clients, ours: Side, portal: Portal, rounds: int) -> Measure:
    """From the call that publishes, with its fan-out to all contacts, to the sockets' reading."""
    seen = []
    for _ in range(rounds + 1):
        times = ours.play(crowd).times
        seen.append(percentile([at - portal.called_at for at in times], 95))
    more = {"sockets": ours.connected, "wrong": ours.wrong()}
    name = f"p95 until {ours.connected:,} sockets see it"
    return Measure(name, statistics.median(seen[1:]), GOAL_VISIBLE, 1.0, "s", rounds, more, id="P9")


def _references(stack: ExitStack, frame: str) -> list[Side]:
    """Those that send the same bytes to as many; the second only where there is a Redis."""
    library = stack.enter_context(broadcaster())
    sides = [Side(library.place, lambda: library.send(frame))]
    if rivals.redis_answers():
        sides.append(stack.enter_context(_group_send(frame)))
    return sides


@contextmanager
def _group_send(frame: str) -> Iterator[Side]:
    python = rivals.environment()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(frame)
        file.flush()
        with rivals.running("group_send", python, frame=file.name) as peer:
            place = Place("channels_redis", int(peer.hear()), "http://localhost")

            def tell() -> float:
                peer.ask("send")
                return float(peer.hear())

            yield Side(place, tell)


def _compared(
    crowd: Clients, ours: Side, others: Sequence[Side], rounds: int, more: dict[str, object]
) -> Iterator[Measure]:
    """In turns, so that a slow moment of the machine meets all."""
    for side in (ours, *others):
        side.rounds.clear()
    for _ in range(rounds + 1):
        run("TRUNCATE django_q_ormq")  # nobody answers the doorbells here
        for side in (ours, *others):
            side.play(crowd)
    step, p99 = ours.connected, ours.p99()
    for other, goal in zip(others, (GOAL_BROADCAST, GOAL_GROUP_SEND), strict=False):
        also = {**more, "wrong": ours.wrong(), "wrong_of_reference": other.wrong()}
        name = f"p99 to {step:,} sockets / {other.place.name}"
        yield Measure(name, p99, other.p99(), goal, "ms", rounds, also, id="P9")
    wanted = step * len(ours.rounds)
    name = f"frames read once, {step:,} sockets"
    yield Measure(name, wanted - ours.wrong(), wanted, 1.0, "frames", rounds, more, at_least=True, id="P9")


def main() -> None:
    quick = options.parser("bench.sockets", __doc__).parse_args().quick
    _raise_limit()
    with fresh_database():
        report.say(measures(200, (500,), 2) if quick else measures(FEW, STEPS, ROUNDS))


if __name__ == "__main__":
    main()
