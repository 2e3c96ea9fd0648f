"""Sending what the ledger holds: claim, commit, send, record. No transaction is open across the network."""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from comms import enqueue, ledger
from comms.actions import beats, installation
from comms.actions.deliveries import relays, settling, stopping
from comms.actions.deliveries.pipes import Pipes
from comms.actions.deliveries.writing import Forms, Writer
from comms.choices import Lane
from comms.ledger import Claimed, Settled
from comms.transports.base import Accepted, Item, Outcome, Retry
from customers import clock
from customers.choices import TransportKind
from customers.models import Company

log = structlog.get_logger(__name__)
CLAIM = 500
POSTS = (TransportKind.WEBHOOK, TransportKind.SLACK, TransportKind.TEAMS)  # each to a server of somebody else
CLAIM_POSTS = 16
KEEP_SECONDS = 0.1  # outcomes are written at least this often: more would become uncertain if all died at once


class _TimeIsOver(Exception):
    """Of this task: what has not left is given back, before the queue, or who stops us, kills the worker."""


def pump(lane: Lane) -> None:
    """Send what is due in a lane until nothing is left or the time of one task is over; then ring again."""
    if not installation.may_send():
        beats.ran(lane)  # the lane is well: nobody needs to start it again
        return
    ends = time.monotonic() + settings.PUMP_SECONDS
    forms: Forms = {}
    with Pipes() as pipes:
        while batch := _next_batch(lane):
            beats.ran(lane)
            by_kind: dict[TransportKind, list[Claimed]] = defaultdict(list)
            for row in batch:
                by_kind[TransportKind(row.kind)].append(row)
            for kind, rows in by_kind.items():
                _Sending(kind, lane, ends, forms).send(rows, pipes)
            if time.monotonic() >= ends or stopping.asked():
                enqueue.deliveries(lane)
                return


def _next_batch(lane: Lane) -> list[Claimed]:
    """Posts only when no mail is due, and few at once: a customer's slow server must not hold up mail (R32)."""
    resting = relays.resting()
    burst = timedelta(seconds=Company.current().merge_seconds) / settings.TIME_SCALE
    mail = ledger.claim(lane, now=clock.now(), limit=CLAIM, resting=[*resting, *POSTS], burst=burst)
    return mail or ledger.claim(lane, now=clock.now(), limit=CLAIM_POSTS, resting=resting)


def ring_for_due(now: datetime) -> None:
    """Doorbells that were lost, retries whose time has come, leases that ran out."""
    for lane in ledger.lanes_due(now - timedelta(seconds=1)):
        enqueue.deliveries_if_silent(lane)


class _Sending:
    """One batch of one kind: every row is settled, sent, refused or given back for later."""

    def __init__(self, kind: TransportKind, lane: Lane, ends: float, forms: Forms) -> None:
        self._kind, self._ends, self._forms = kind, ends, forms
        self._allowance = relays.Allowance(lane) if kind is TransportKind.EMAIL else None
        self._kept: list[Settled] = []
        self._troubled = kind is TransportKind.EMAIL and relays.is_troubled()
        self._began = False
        self._waiting: dict[int, Sequence[Claimed]] = {}

    def send(self, rows: Sequence[Claimed], pipes: Pipes) -> None:
        items, unwritable = self._written(self._sendable(rows))
        for row, error in unwritable:
            self._kept.append(settling.unwritable(row, error))
        written = time.monotonic()
        try:
            for outcome in pipes.of(self._kind).send(items, before_data=self._before_data):
                self._kept += settling.settled(self._waiting.pop(outcome.delivery_id), outcome)
                self._watch_relay(outcome)
                if time.monotonic() - written > KEEP_SECONDS:
                    self._write()
                    written = time.monotonic()
        except (ledger.LeaseLost, _TimeIsOver) as reason:
            back = [row for sharing in self._waiting.values() for row in sharing]
            log.warning("the rest of a batch is given back", reason=type(reason).__name__, rows=len(back))
            self._kept += [settling.given_back(row) for row in back]
        finally:
            self._write()

    def _written(self, rows: Sequence[Claimed]) -> tuple[list[Item], list[tuple[Claimed, Exception]]]:
        """The items to send; the rows that each of them settles are those under its lead in `_waiting`."""
        writer = Writer(rows, self._forms)
        for sharing in writer.groups():
            self._waiting[sharing[0].id] = sharing
            if len(sharing) > 1:
                ledger.bundle(sharing[0], sharing)
        items, unwritable = writer.items(self._waiting.values())
        for row, _ in unwritable:
            self._waiting.pop(row.id, None)
        return items, unwritable

    def _watch_relay(self, outcome: Outcome) -> None:
        """The first failure closes the relay for a while, the first mail that it takes opens it."""
        if self._kind is not TransportKind.EMAIL:
            return
        if isinstance(outcome, Retry) and outcome.relay_down:
            relays.trip(outcome.reply)
        elif isinstance(outcome, Accepted) and self._troubled:
            relays.recovered()
            self._troubled = False

    def _sendable(self, rows: Sequence[Claimed]) -> list[Claimed]:
        """Those that may leave now; the others are settled."""
        now = clock.now()
        late = [row.id for row in rows if row.follows]
        orders = ledger.order_of(late, ours=[row.id for row in rows], now=now) if late else {}
        sendable = []
        for row in rows:
            order = orders.get(row.id)
            reason = settling.out_of_order(row, order, now) if order else None
            if row.address is None or row.suppressed:
                reason = settling.unreachable(row)
            if reason is None:
                sendable.append(row)
            else:
                self._kept.append(reason)
        return sendable

    def _before_data(self, coming: Sequence[Item]) -> None:
        if self._began and time.monotonic() >= self._ends:  # the first always leaves, so that every task gets on
            raise _TimeIsOver
        if stopping.asked():
            raise _TimeIsOver
        self._began = True
        if self._allowance is not None and not self._allowance.take(len(coming), until=self._ends):
            raise _TimeIsOver
        rows = [row for item in coming for row in self._waiting[item.delivery_id]]
        ledger.mark_started([(row.id, row.attempt) for row in rows], settled=self._kept)
        self._kept.clear()

    def _write(self) -> None:
        ledger.record(self._kept)
        self._kept.clear()
