"""One hub per process: it hears of an update once, asks once who may read it, renders it once, and tells its sockets.

One task does all of it, an incident at a time, from what the database says. An announcement, a resume and a reconnect
differ only in which readers are looked at: so frames come in order and without gap, whatever happened before.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import structlog
from channels.db import DatabaseSyncToAsync
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections
from django.db.models import Q

from comms.choices import Variant
from comms.models import Incident
from portal import access
from portal.access import Eyes
from portal.live import sessions
from portal.live.fragments import Fragments
from portal.live.listener import listen
from portal.live.reader import RESTART, SIGNED_OUT, SLOW, Reader
from portal.live.resume import Have

log = structlog.get_logger(__name__)
SENDS_PER_TURN = 200  # then the loop may do something else
RETRY_SECONDS = 1.0

P = ParamSpec("P")
R = TypeVar("R")
Readings = dict[Eyes, tuple[Variant, str]]


class Hub:
    """Lives from its first reader until its loop ends. Its methods are called in that loop."""

    def __init__(self) -> None:
        self._readers: defaultdict[Eyes, set[Reader]] = defaultdict(set)
        self._deaf = False  # something may have been announced that nobody heard
        self._announced: dict[int, None] = {}  # incidents, in order
        self._resuming: set[Reader] = set()  # which incidents to look at for them is not yet known
        self._asked: defaultdict[int, set[Reader]] = defaultdict(set)  # incident -> who may miss something of it
        self._told: dict[int, int] = {}  # incident -> its sequence when all readers were told
        self._wake = asyncio.Event()
        self._fragments = Fragments()
        # A thread of its own: a rush of handshakes fills the one that other sync code of sockets shares.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")
        self._task = asyncio.create_task(self._run())

    @property
    def alive(self) -> bool:
        return not self._task.done()

    def join(self, reader: Reader) -> None:
        self._readers[reader.eyes].add(reader)

    def leave(self, reader: Reader) -> None:
        mine = self._readers[reader.eyes]
        mine.discard(reader)
        if not mine:
            del self._readers[reader.eyes]
        self._resuming.discard(reader)

    def catch_up(self, reader: Reader, have: Have) -> None:
        if reader in self._readers.get(reader.eyes, ()):
            reader.resume(have)
            self._resuming.add(reader)
            self._wake.set()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen(listening=self._listening, notified=self._notified))
                tasks.create_task(self._work())
                tasks.create_task(self._check_sessions())
        except Exception:
            log.exception("the hub stopped; its readers will come back to a new one")
            for reader in self._all():
                self._end(reader, RESTART)
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
            self._thread.shutdown(wait=False)

    def _listening(self) -> None:
        self._deaf = True
        self._wake.set()

    def _notified(self, payload: str) -> None:
        try:
            incident_id = int(json.loads(payload)["incident"])
        except (ValueError, TypeError, LookupError):
            log.warning("not an announcement", payload=payload[:200])
            return
        self._announced[incident_id] = None
        self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (step := self._next_step()) is not None:
                try:
                    await step
                except DatabaseError as error:
                    log.warning("the database does not answer", error=str(error))
                    self._begin_again()
                    await asyncio.sleep(RETRY_SECONDS * random.uniform(0.5, 1))  # noqa: S311  jitter

    def _next_step(self) -> Awaitable[None] | None:
        """What is new goes before what was missed."""
        if self._deaf:
            return self._find_unheard()
        if self._announced:
            return self._announce(next(iter(self._announced)))
        if self._resuming:
            return self._find_missing()
        if self._asked:
            return self._answer(next(iter(self._asked)))
        return None

    def _begin_again(self) -> None:
        """A step failed: what it would have told is in the database, and who has not been told is known."""
        self._deaf = True
        self._resuming.update(reader for reader in self._all() if reader.catching_up)
        self._asked.clear()

    async def _find_unheard(self) -> None:
        """Announce whatever the database holds beyond what all readers were told."""
        self._deaf = False
        known = set(self._told).union(*(reader.have or () for reader in self._all()))
        for incident_id, (sequence, _) in (await self._in_thread(_sequences, known)).items():
            if self._told.get(incident_id) != sequence:
                self._announced[incident_id] = None

    async def _announce(self, incident_id: int) -> None:
        del self._announced[incident_id]
        sequence, readings = await self._in_thread(self._look, incident_id, list(self._readers))
        readers = [reader for eyes in readings for reader in self._readers.get(eyes, ())]
        await self._forward(incident_id, readings, readers)
        self._told[incident_id] = sequence

    async def _find_missing(self) -> None:
        """Of those who resume: look at the incidents that they know and at all open ones. One query for all."""
        resuming, self._resuming = self._resuming, set()
        known = set[int]().union(*(reader.have or () for reader in resuming))
        sequences = await self._in_thread(_sequences, known)
        open_ids = {incident_id for incident_id, (_, is_open) in sequences.items() if is_open}
        for reader in resuming - self._resuming:  # who resumed once more in the meantime is looked at again
            incident_ids = open_ids | (sequences.keys() & (reader.have or {}).keys())
            reader.wait_for(incident_ids)
            for incident_id in incident_ids:
                self._asked[incident_id].add(reader)

    async def _answer(self, incident_id: int) -> None:
        readers = self._asked.pop(incident_id)
        _, readings = await self._in_thread(self._look, incident_id, {r.eyes for r in readers})
        await self._forward(incident_id, readings, [r for r in readers if r.eyes in readings])
        for reader in readers:
            reader.looked_at(incident_id)

    def _look(self, incident_id: int, eyes: Iterable[Eyes]) -> tuple[int, Readings]:
        """In the thread: the incident's sequence and who of these reads it how. Its fragments are fresh afterwards."""
        incident = Incident.objects.published().filter(pk=incident_id).first()
        if incident is None:
            return 0, {}
        readings = access.readings_through(incident, eyes)
        if readings:
            try:
                self._fragments.refresh(incident_id)
            except DatabaseError:
                raise
            except Exception:  # one that cannot be rendered must not silence the others
                log.exception("an incident cannot be shown live", incident=incident_id)
                return incident.sequence, {}
        return incident.sequence, readings

    async def _forward(self, incident_id: int, readings: Readings, readers: list[Reader]) -> None:
        frames = {reading: self._fragments.of(incident_id, *reading) for reading in set(readings.values())}
        for n, reader in enumerate(readers, 1):
            reading = readings[reader.eyes]
            if not reader.forward(incident_id, reading[0], frames[reading]):
                self._end(reader, SLOW)
            if n % SENDS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _check_sessions(self) -> None:
        """Within SOCKET_REVALIDATE_SECONDS of its log-out a socket is closed."""
        while True:
            await asyncio.sleep(settings.SOCKET_REVALIDATE_SECONDS)
            readers = self._all()
            try:
                alive = await self._in_thread(sessions.alive, {reader.holder for reader in readers})
            except DatabaseError as error:
                log.warning("sessions not checked", error=str(error))
                continue
            for reader in readers:
                if reader.holder not in alive:
                    self._end(reader, SIGNED_OUT)

    def _all(self) -> list[Reader]:
        return [reader for mine in self._readers.values() for reader in mine]

    def _end(self, reader: Reader, code: int) -> None:
        self.leave(reader)
        reader.end(code)

    async def _in_thread(self, query: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        call = DatabaseSyncToAsync(query, thread_sensitive=False, executor=self._thread)
        answer: R = await call(*args, **kwargs)
        return answer


def _sequences(known: Iterable[int]) -> dict[int, tuple[int, bool]]:
    """Published incidents that are open or among these: the number of the last update, and whether it is open."""
    concerned = Incident.objects.published().filter(Q(resolved_at=None) | Q(pk__in=list(known)))
    rows = concerned.values_list("pk", "sequence", "resolved_at")
    return {pk: (sequence, resolved_at is None) for pk, sequence, resolved_at in rows}


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()  # a process has one loop


def join(reader: Reader) -> None:
    """From now on the reader may resume; the first one starts the hub."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None or not hub.alive:
        hub = _hubs[loop] = Hub()
    hub.join(reader)


def leave(reader: Reader) -> None:
    """Its socket is closed; also right if the hub had let it go before."""
    reader.gone()
    _hubs[asyncio.get_running_loop()].leave(reader)


def catch_up(reader: Reader, have: Have) -> None:
    """Send the reader all that he may read and does not have, then that he is ready, then what comes."""
    _hubs[asyncio.get_running_loop()].catch_up(reader, have)
