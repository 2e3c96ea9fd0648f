"""The order in which things happen in one `send`: gather, hand out outcomes, ask, let the payloads go."""

import time
from collections.abc import Iterator

from comms.transports.base import BeforeData, Envelope, Outcome
from comms.transports.smtp.backlog import Backlog
from comms.transports.smtp.connection import Connection
from comms.transports.smtp.pool import Pool

MAX_GATHER = 0.005  # seconds; a round waits no longer than this for the connections that are not ready yet
MIN_GATHER = 0.0002  # a `before_data` quicker than this is not worth waiting for


class Rounds:
    """Each round takes the next message of every connection that is ready for it, in one `before_data`."""

    def __init__(self, pool: Pool, backlog: Backlog, before_data: BeforeData) -> None:
        self._pool = pool
        self._backlog = backlog
        self._before_data = before_data
        self._patience = 0.0
        self._failure: Exception | None = None

    def outcomes(self) -> Iterator[Outcome]:
        """Yield one outcome per envelope; raise what `before_data` raised, once nothing is in doubt."""
        self._pool.begin(self._backlog.unsettled)
        while self._backlog.unsettled and not (self._failure and not self._in_doubt()):
            if self._failure is None:
                self._find_work()
            self._gather()
            self._pool.end_overdue(self._backlog)
            # Before the next payloads leave: what is not handed out yet would be in doubt together with them.
            yield from self._hand_out()
            if self._failure is None:
                self._release_round()
        yield from self._hand_out()
        if self._failure is not None:
            self._pool.drop_all()
            raise self._failure

    def _find_work(self) -> None:
        self._pool.open(self._backlog)
        if all(connection.given_up for connection in self._pool.connections):
            self._backlog.put_off_all(self._pool.failure)

    def _gather(self) -> None:
        """Wait for something to happen; with payloads ready, only as long as the commit that this saves."""
        now = self._pool.clock.now
        limit = self._pool.next_limit()
        if self._held() or self._backlog.unhanded or limit is None:
            limit = now()
        self._pool.wait(limit - now(), self._backlog)
        until = now() + self._patience
        while self._held() and self._others_busy() and (left := until - now()) > 0:
            self._pool.wait(left, self._backlog)

    def _hand_out(self) -> Iterator[Outcome]:
        with self._pool.clock.stopped():
            yield from self._backlog.take_settled()

    def _release_round(self) -> None:
        held = self._held()
        if not held:
            return
        began = time.monotonic()
        try:
            with self._pool.clock.stopped():
                self._before_data(_name(held))
        except Exception as error:  # whatever it is: nothing leaves, and it is raised in the end
            self._failure = error
            for connection in held:
                self._pool.drop(connection)
            return
        spent = time.monotonic() - began
        self._patience = min(spent, MAX_GATHER) if spent > MIN_GATHER else 0.0
        self._pool.wait(0, self._backlog)  # a server that left during the call must not make its message uncertain
        for connection in held:
            if connection.pipeline is not None and connection.pipeline.held:
                connection.pipeline.release(self._backlog)
                self._pool.attend(connection, self._backlog)

    def _held(self) -> list[Connection]:
        return [c for c in self._pool.connections if c.pipeline is not None and c.pipeline.held]

    def _others_busy(self) -> bool:
        return any(c.pipeline is not None and c.pipeline.owed for c in self._pool.connections)

    def _in_doubt(self) -> bool:
        return any(c.pipeline is not None and c.pipeline.in_doubt for c in self._pool.connections)


def _name(held: list[Connection]) -> list[Envelope]:
    """The envelopes of a round; from here on each has its outcome from this connection and no other."""
    transactions = [c.pipeline.current for c in held if c.pipeline is not None and c.pipeline.current is not None]
    for transaction in transactions:
        transaction.named = True
    return [transaction.envelope for transaction in transactions]
