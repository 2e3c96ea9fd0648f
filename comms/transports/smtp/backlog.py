"""The messages of one `send`: which wait, and that each gets exactly one outcome."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from comms.transports.base import Envelope, Outcome, Retry
from comms.transports.smtp.checks import refusal_anywhere, refusal_of
from comms.transports.smtp.wire import Broken

TRIES = 2  # connections that may break under a message before it waits for its next attempt


@dataclass(slots=True)
class Transaction:
    """One envelope on its way; everything but `breaks` begins anew on another connection."""

    envelope: Envelope
    breaks: int = 0
    mail_taken: bool = False
    rcpt_taken: bool = False
    refusal: Outcome | None = None
    named: bool = False
    """`before_data` was given it: it must not be started a second time."""
    dot: int | None = None
    """Position of its final dot on the wire, once queued."""


class Backlog:
    """Transactions wait here, are taken, come back unharmed or are settled."""

    def __init__(self, envelopes: Iterable[Envelope]) -> None:
        self._waiting: deque[Transaction] = deque()
        self._settled: list[Outcome] = []
        self.unsettled = 0
        """How many have no outcome yet."""
        for envelope in envelopes:
            self.unsettled += 1
            if refusal := refusal_anywhere(envelope):
                self.settle(refusal)
            else:
                self._waiting.append(Transaction(envelope))

    def __len__(self) -> int:
        return len(self._waiting)

    def settle(self, outcome: Outcome) -> None:
        self.unsettled -= 1
        self._settled.append(outcome)

    @property
    def unhanded(self) -> bool:
        """There are outcomes that the caller has not been given."""
        return bool(self._settled)

    def take_settled(self) -> list[Outcome]:
        settled, self._settled = self._settled, []
        return settled

    def take(self, extensions: Mapping[str, str]) -> Transaction | None:
        """The next one that a relay with these extensions can carry; those it cannot are settled."""
        while self._waiting:
            transaction = self._waiting.popleft()
            refusal = refusal_of(transaction.envelope, extensions)
            if refusal is None:
                return transaction
            self.settle(refusal)
        return None

    def give_back(self, transaction: Transaction) -> None:
        """It was certainly not started: another connection may have it, first of all."""
        self._waiting.appendleft(Transaction(transaction.envelope, transaction.breaks))

    def put_off(self, envelope: Envelope, broken: Broken, *, relay_down: bool = False) -> None:
        """Settle it as not accepted, to be tried again later."""
        self.settle(Retry(envelope.delivery_id, envelope.attempt, broken.code, broken.reason, relay_down))

    def put_off_all(self, broken: Broken) -> None:
        """No connection is left for those who wait."""
        while self._waiting:
            self.put_off(self._waiting.popleft().envelope, broken, relay_down=True)
