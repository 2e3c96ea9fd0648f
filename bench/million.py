"""An update to 1,000,000 recipients, once: its chunks, the first mail, the pace, and the memory of who sends."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil
from django.test import override_settings

from bench import data, options, report
from bench.database import fresh_database, number
from bench.mailroom import Postbox, lane_running, postbox
from bench.report import Measure
from comms.choices import Lane
from comms.models import FanOutRange, Incident
from comms.models.delivery import UNFINISHED
from customers.models import Component, User

MAILS, QUICK, MINUTES = 1_000_000, 60_000, 8.0
WARM_UP = 10_000  # mails after which a process has its usual size
FLAT = 1.2
LIMIT_SECONDS = 1.0
MB = 1_000_000
STATES = [str(state) for state in UNFINISHED]


@dataclass
class Memory:
    """Of a process with its children (RSS: PSS falls and rises with what else runs here), sampled all the time."""

    name: str
    pid: int
    start: int = 0
    end: int = 0
    peak: int = field(default=0)

    def now(self) -> int:
        total = 0
        head = psutil.Process(self.pid)
        for process in [head, *head.children(recursive=True)] if self.pid != os.getpid() else [head]:
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        self.peak = max(self.peak, total)
        return total

    def measure(self) -> Measure:
        more = {"peak": round(self.peak / MB, 1), "memory": "RSS"}
        return Measure(f"memory, {self.name}", self.end / MB, self.start / MB, FLAT, "MB", 1, more)


def measures(mails: int, minutes: float) -> Iterator[Measure]:
    data.grow_to(mails)
    author = data.author()
    everybody, few = data.component_for(mails), data.component_for(min(WARM_UP, mails))
    with (
        postbox() as box,
        lane_running(Lane.CRITICAL, box.port) as sender,
        lane_running(Lane.NORMAL, box.port) as queuer,
    ):
        memories = [
            Memory("publisher", os.getpid()),
            Memory("critical lane", sender),
            Memory("normal lane", queuer),
        ]
        _warm_up(box, few, author)
        for memory in memories:
            memory.start = memory.now()
        with _sampled(memories):
            yield from _publish(box, everybody, author, mails, minutes)
        for memory in memories:
            memory.end = memory.now()
    yield from (memory.measure() for memory in memories)


def _warm_up(box: Postbox, component: Component, author: User) -> None:
    """Every process has done once what it will do, the queuing of a range, too."""
    box.expect(1)
    with override_settings(FANOUT_RANGE_ACCOUNTS=WARM_UP // data.CONTACTS_PER_ACCOUNT // 4):
        data.publish(data.draft(component), author)
    box.arrival()
    while _is_moving():
        time.sleep(0.1)


def _publish(box: Postbox, component: Component, author: User, mails: int, minutes: float) -> Iterator[Measure]:
    incident = data.draft(component)
    box.expect(1)
    began = time.monotonic()
    data.publish(incident, author)
    committed = time.monotonic()
    first = box.arrival().first
    queued_after = _until_sent(committed, committed + minutes * 60)
    sent, seconds = _sent(incident), time.monotonic() - first
    chunks = {
        "chunks": 1 + FanOutRange.objects.filter(update__incident=incident).count(),
        "publishing_returned": round(committed - began, 2),
        "all_queued_after": queued_after,
    }
    yield Measure(f"first mail of {mails:,}", first - committed, LIMIT_SECONDS, 1.0, "s", 1, chunks, id="P8")
    pace = {"mails_per_second": round(sent / seconds), "seconds": round(seconds), "minutes_at_most": minutes}
    yield Measure(f"sent of {mails:,}", sent, mails, 1.0, "mails", 1, pace, at_least=True)


def _until_sent(committed: float, ends: float) -> float | None:
    """Wait for all mails, or until time is over. Seconds from the first chunk's commit until all were queued."""
    queued_after = None
    while time.monotonic() < ends:
        if queued_after is None and not FanOutRange.objects.filter(queued_at=None).exists():
            queued_after = round(time.monotonic() - committed, 1)
        if not _is_moving():
            break
        time.sleep(0.2)
    return queued_after


def _is_moving() -> bool:
    """Asked often: two look-ups in partial indexes."""
    rows = "EXISTS (SELECT FROM comms_delivery WHERE lane = 'critical' AND finished_at IS NULL AND state = ANY(%s))"
    ranges = "EXISTS (SELECT FROM comms_fanoutrange WHERE queued_at IS NULL)"
    return bool(number(f"SELECT ({rows} OR {ranges})::int", STATES))


def _sent(incident: Incident) -> int:
    return number(
        "SELECT count(*) FROM comms_delivery d JOIN comms_message m ON m.id = d.message_id"
        " WHERE m.incident_id = %s AND d.state = 'accepted'",
        incident.pk,
    )


@contextmanager
def _sampled(memories: list[Memory]) -> Iterator[None]:
    over = threading.Event()

    def sample() -> None:
        while not over.wait(2):
            for memory in memories:
                memory.now()

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> None:
    parser = options.parser("bench.million", __doc__)
    parser.add_argument("--mails", type=int, default=MAILS, help="contacts, all of whom are told")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="then it stops and says how many were sent")
    given = parser.parse_args()
    with fresh_database():
        report.say(measures(QUICK if given.quick else given.mails, given.minutes))


if __name__ == "__main__":
    main()
