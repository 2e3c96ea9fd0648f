"""Several posts at once, and none of them before the caller has written down that it leaves."""

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from comms.transports.base import Alarm, BeforePost, Item, Outcome, Rejected, Retry, Uncertain
from comms.transports.http.addresses import Target
from comms.transports.http.connection import Client
from comms.transports.http.messages import Answer, Lost, Refused, Request, Unreachable, Unsent
from comms.transports.http.settings import HttpSettings

ItemT = TypeVar("ItemT", bound=Item)


class Outbox(Generic[ItemT]):
    """Keeps the promises of `Transport`, for any item.

    `request` says what is posted for an item: ValueError is an Alarm, Refused a Rejected. `judge` says what an
    answer means. Both are called in threads. `before_data` is called in the caller's own thread, when the
    connections of its items stand. A host that could not be reached, or let its time run out, is not tried
    again in the same `send`: its other items are Retry with `relay_down`.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        request: Callable[[ItemT], Request],
        judge: Callable[[ItemT, Answer], Outcome],
    ) -> None:
        self._at_once = settings.at_once
        self._client = Client(settings)
        self._request = request
        self._judge = judge

    def send(self, items: Sequence[ItemT], *, before_data: BeforePost) -> Iterator[Outcome]:
        """See `Transport.send`. A generator: closed early, it waits for what is under way and tells nobody."""
        if not items:
            return
        with ThreadPoolExecutor(min(self._at_once, len(items)), thread_name_prefix="http") as threads:
            run = _Run(self._carry, items, threads)
            try:
                while run.waiting:
                    yield from run.take()
                    if run.fault is not None:
                        raise run.fault
                    if run.held:
                        before_data([ready.item for ready in run.held])
                        run.release()
            except Exception:
                yield from run.stop()
                raise
            finally:
                run.stop()

    def _carry(self, item: ItemT, run: "_Run[ItemT]") -> Outcome | None:
        """One item from its URL to its outcome; None if it was held back."""
        try:
            request = self._request(item)
            origin = Target.parse(request.url).origin
        except Refused as refused:
            return Rejected(item.delivery_id, item.attempt, None, str(refused))
        except ValueError as error:
            return Alarm(item.delivery_id, item.attempt, None, str(error))
        try:
            if origin in run.down:
                raise Unreachable(run.down[origin])
            with self._client.open(request.url) as connection:
                if not run.may_leave(item):
                    return None
                answer = connection.exchange(request)
        except (Refused, Unreachable, Unsent, Lost) as failure:
            if isinstance(failure, Unreachable) or (isinstance(failure, Lost) and failure.late):
                run.down[origin] = str(failure)
            return _without_answer(item, failure)
        return self._judge(item, answer)


def _without_answer(item: Item, failure: Refused | Unreachable | Unsent | Lost) -> Outcome:
    reason = str(failure)
    match failure:
        case Refused():
            return Rejected(item.delivery_id, item.attempt, None, reason)
        case Lost():
            return Uncertain(item.delivery_id, item.attempt, reason)
        case _:
            relay_down = isinstance(failure, Unreachable)
            return Retry(item.delivery_id, item.attempt, None, reason, relay_down)


@dataclass(frozen=True, slots=True)
class _Ready(Generic[ItemT]):
    """A thread with a connection, waiting for the word."""

    item: ItemT
    gate: "queue.SimpleQueue[bool]" = field(default_factory=queue.SimpleQueue)


class _Run(Generic[ItemT]):
    """One `send`: what its threads report to the caller's."""

    def __init__(
        self,
        carry: "Callable[[ItemT, _Run[ItemT]], Outcome | None]",
        items: Sequence[ItemT],
        threads: Executor,
    ) -> None:
        self.down: dict[str, str] = {}
        """Hosts that are not tried again, and why."""
        self.held: list[_Ready[ItemT]] = []
        self.fault: Exception | None = None
        self.waiting = len(items)
        """Items that have not come to an end."""
        self._carry = carry
        self._events: queue.SimpleQueue[_Ready[ItemT] | Outcome | Exception] = queue.SimpleQueue()
        self._futures = [threads.submit(self._work, item) for item in items]

    def take(self) -> list[Outcome]:
        """Wait until something has happened; returns outcomes and adds to `held`."""
        outcomes: list[Outcome] = []
        event = self._events.get()
        while True:
            if isinstance(event, _Ready):
                self.held.append(event)
            else:
                self.waiting -= 1
                if isinstance(event, Exception):
                    self.fault = event
                else:
                    outcomes.append(event)
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return outcomes

    def release(self) -> None:
        while self.held:
            self.held.pop().gate.put(True)

    def stop(self) -> list[Outcome]:
        """Let nothing more leave and wait for what has; returns its outcomes. Calling it again is harmless."""
        self.waiting -= sum(future.cancel() for future in self._futures)
        self._futures = []
        outcomes: list[Outcome] = []
        while self.waiting:
            while self.held:
                self.held.pop().gate.put(False)
                self.waiting -= 1
            if self.waiting:
                outcomes += self.take()
        return outcomes

    def may_leave(self, item: ItemT) -> bool:
        """Wait for the caller's word."""
        ready = _Ready(item)
        self._events.put(ready)
        return ready.gate.get()

    def _work(self, item: ItemT) -> None:
        try:
            outcome = self._carry(item, self)
        except Exception as fault:  # ours: it belongs to the caller, who would wait for ever
            self._events.put(fault)
        else:
            if outcome is not None:
                self._events.put(outcome)
