"""Sending with a ledger row per recipient: against others (P4), the bare sender (P5), the line (P6); its CPU (P7)."""

import re
import smtplib
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from bench import cpu, data, options, report, rivals
from bench.database import empty_ledger, fresh_database, number
from bench.mailroom import LateMails, Postbox, lane_running, postbox
from bench.report import Measure, Unmeasured, medians
from bench.rivals import PeerEnded
from comms import enqueue, fanout, ledger
from comms.actions import deliveries
from comms.actions.deliveries.pipes import smtp_settings
from comms.actions.deliveries.writing import Writer
from comms.choices import Lane
from comms.models import Message
from comms.models.delivery import UNFINISHED
from comms.rendering.mail import frame
from comms.rendering.marks import split
from comms.transports.base import Accepted, Envelope
from comms.transports.smtp.transport import SmtpTransport
from customers import clock
from customers.models import Company
from demo.sink.script import Script

ROUNDS = 5
MAILS, QUICK = 10_000, 1_000
DELAY, FAR_CONNECTIONS = 0.002, 8  # P6: seconds by which the sink's replies are late
CPU_LIMIT = 0.15  # P7: seconds per 1,000 mails


@dataclass(frozen=True)
class Rival:
    """A peer, how many mails a round asks of it, and how many times as fast we mean to be."""

    name: str
    label: str
    goal: float
    mails: int = 2_000
    redis: bool = False


RIVALS = [
    Rival("send_messages", "Django, one connection", 5),
    Rival("post_office", "django-post_office", 6),
    Rival("mailer", "django-mailer", 6),
    Rival("celery_redis", "Celery + Redis", 6, redis=True),
    Rival("q2", "django-q2, task a mail", 25, mails=400),
    Rival("rq_pattern", "Status-Page's pattern", 100, mails=100, redis=True),
]


class Office:
    """An update whose mails are waiting: `refill` before each round, then `pump` sends them."""

    def __init__(self, mails: int, rounds: int, box: Postbox) -> None:
        self.mails, self.rounds, self.box = mails, rounds, box
        self.messages = data.messages_without_deliveries(data.draft(data.component_for(mails)))

    def refill(self) -> None:
        self._queue()
        self.box.expect(self.mails)

    def _queue(self) -> None:
        empty_ledger()
        for message in self.messages:
            fanout.fan_out(message, now=clock.now())

    def pump(self) -> None:
        """In this process, to the last recorded outcome."""
        while not_sent():
            deliveries.pump(Lane.CRITICAL)
        self.box.arrival()
        self.check()

    def by_lane(self) -> None:
        """From the doorbell to the last recorded outcome."""
        enqueue.deliveries(Lane.CRITICAL)
        self.box.arrival()
        while not_sent():
            time.sleep(0.01)
        self.check()

    def check(self) -> None:
        accepted = number("SELECT count(*) FROM comms_delivery WHERE state = 'accepted' AND attempts = 1")
        if accepted != self.mails:
            raise AssertionError(f"{accepted} mails accepted at once, not {self.mails}")

    def envelopes(self) -> list[Envelope]:
        """All mails, built beforehand."""
        self._queue()
        rows = ledger.claim(Lane.CRITICAL, now=clock.now(), limit=self.mails)
        writer = Writer(rows)
        return [item for item in writer.items(writer.groups())[0] if isinstance(item, Envelope)]

    def expect(self) -> None:
        self.box.expect(self.mails)

    def bare(self, envelopes: Sequence[Envelope]) -> None:
        """The transport alone, with no row for any of them."""
        with SmtpTransport(smtp_settings()) as transport:
            outcomes = list(transport.send(envelopes, before_data=lambda coming: None))
        if not all(isinstance(outcome, Accepted) for outcome in outcomes):
            raise AssertionError("the bare sender lost some")
        self.box.arrival()


def not_sent() -> int:
    return number(
        "SELECT count(*) FROM comms_delivery WHERE finished_at IS NULL AND state = ANY(%s)",
        [str(state) for state in UNFINISHED],
    )


def measures(mails: int, rounds: int, chosen: Sequence[Rival]) -> Iterator[Measure | Unmeasured]:
    data.grow_to(mails)
    with postbox(Script(delay=DELAY)) as box, sending_to(box, FAR_CONNECTIONS):
        yield _far_away(Office(mails, rounds, box))
    with postbox() as box, sending_to(box):
        office = Office(mails, rounds, box)
        yield from _against_bare(office)
        yield from _by_lane(office)
        yield from _against_rivals(office, chosen)


def sending_to(box: Postbox, connections: int | None = None) -> AbstractContextManager[None]:
    return override_settings(
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=box.port,
        SMTP_SECURITY="none",
        SMTP_USER="",
        SMTP_CONNECTIONS=connections or settings.SMTP_CONNECTIONS,
    )


def _against_bare(office: Office) -> Iterator[Measure]:
    """P5, and P7 of the same rounds."""
    envelopes = office.envelopes()
    used: list[float] = []
    ours, alone = medians(
        office.rounds,
        (office.refill, cpu.noting(office.pump, used)),
        (office.expect, lambda: office.bare(envelopes)),
    )
    more = {"mails": office.mails, "connections": settings.SMTP_CONNECTIONS, "bytes": len(envelopes[0].payload)}
    pace = office.mails / ours, office.mails / alone
    yield Measure("pipeline / bare sender", *pace, 0.6, "mails/s", office.rounds, more, at_least=True, id="P5")
    yield _cpu("CPU per 1,000 mails", used, office)


def _by_lane(office: Office) -> Iterator[Measure]:
    """The real lane beside the pump in this process; P7 of the lane's whole group."""
    used: list[float] = []
    with lane_running(Lane.CRITICAL, office.box.port) as head:
        lane, pump = medians(
            office.rounds,
            (office.refill, cpu.noting(office.by_lane, used, head=head)),
            (office.refill, office.pump),
        )
    pace = office.mails / lane, office.mails / pump
    more = {"mails": office.mails}
    yield Measure("critical lane / pump", *pace, 0.6, "mails/s", office.rounds, more, at_least=True, id="P5")
    yield _cpu("CPU per 1,000 mails, lane", used, office)


def _cpu(name: str, used: list[float], office: Office) -> Measure:
    """P7: of the portal and of PostgreSQL's backends together."""
    spent = statistics.median(used[1:]) / office.mails * 1_000
    return Measure(name, spent, CPU_LIMIT, 1.0, "s", office.rounds, {"mails": office.mails}, id="P7")


def _against_rivals(office: Office, chosen: Sequence[Rival]) -> Iterator[Measure | Unmeasured]:
    """P4, each peer in turns with ours. One that does not do its work is no figure of ours."""
    python, redis = rivals.environment() if chosen else Path(), rivals.redis_answers()
    with letter_of(office.messages[0]) as letter:
        for rival in chosen:
            if rival.redis and not redis:
                yield Unmeasured(rival.label, f"no Redis answers at {rivals.REDIS_URL}", "P4")
                continue
            try:
                with rivals.running(rival.name, python, smtp_port=office.box.port, letter=letter) as peer:
                    yield _against(office, rival, peer)
            except (LateMails, PeerEnded, OSError) as error:
                yield Unmeasured(rival.label, str(error), "P4")


def _against(office: Office, rival: Rival, peer: rivals.Peer) -> Measure:
    box = office.box
    box.expect(20)
    peer.send(20)  # its workers are up when these have come
    box.arrival()

    def theirs() -> None:
        peer.send(rival.mails)
        box.arrival()

    ours, other = medians(office.rounds, (office.refill, office.pump), (lambda: box.expect(rival.mails), theirs))
    more = {"mails": office.mails, "mails_of_reference": rival.mails}
    pace = office.mails / ours, rival.mails / other
    return Measure(f"mails / {rival.label}", *pace, rival.goal, "mails/s", office.rounds, more, at_least=True, id="P4")


@contextmanager
def letter_of(message: Message) -> Iterator[Path]:
    """The mail's frame as Django templates, so that all send the same."""
    text, markup = (_template(body) for body in frame([message], Company.current()))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "letter.txt").write_text(text)
        (Path(folder) / "letter.html").write_text(markup)
        yield Path(folder)


def _template(body: str) -> str:
    """Marks become variables; those for times the same for all."""
    parts = split(body)
    parts[1::2] = [
        f"{{{{ {name} }}}}" if re.fullmatch(r"[a-z.0-9]+", name) else "Sat 21 Nov, 14:00 CET" for name in parts[1::2]
    ]
    return "".join(parts)


def _far_away(office: Office) -> Measure:
    """P6: pipelined, a mail costs a connection one round trip; the line's own is measured with NOOP."""
    trip = _round_trip(office.box.port)
    envelopes = office.envelopes()
    ours, alone = medians(office.rounds, (office.refill, office.pump), (office.expect, lambda: office.bare(envelopes)))
    limit = FAR_CONNECTIONS / trip
    more = {"connections": FAR_CONNECTIONS, "round_trip_ms": round(trip * 1e3, 2), "nominal_ms": DELAY * 1e3}
    more["bare_sender"] = round(office.mails / alone)  # what the line gives when nothing is recorded
    name = "relay 2 ms away / its limit"
    return Measure(name, office.mails / ours, limit, 0.7, "mails/s", office.rounds, more, at_least=True, id="P6")


def _round_trip(port: int) -> float:
    """Seconds, the median of many."""
    times = []
    with smtplib.SMTP("127.0.0.1", port) as line:
        for _ in range(100):
            began = time.perf_counter()
            line.noop()
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    parser = options.parser("bench.sending", __doc__)
    names = [rival.name for rival in RIVALS]
    parser.add_argument("--mails", type=int, default=MAILS)
    parser.add_argument("--peers", nargs="*", choices=names, default=names, help="only these; none: `--peers`")
    given = parser.parse_args()
    chosen = [rival for rival in RIVALS if rival.name in given.peers]
    with fresh_database():
        if given.quick:
            report.say(measures(QUICK, 1, [replace(rival, mails=rival.mails // 20) for rival in chosen]))
        else:
            report.say(measures(given.mails, ROUNDS, chosen))


if __name__ == "__main__":
    main()
