"""Websockets by the thousand in processes of their own: they read, note when, and answer pings; as little as that.

A client library would cost more than what is measured, on the same cores.
"""

import asyncio
import base64
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

HANDSHAKES = 50  # at a time and process
PATIENCE = 120.0  # seconds for a handshake, and for an answer of the processes
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10  # RFC 6455, 5.2
MASK = 0x80
RESUME, READY = b'{"resume": {}}', b'{"type":"ready"}'


class LostSocket(Exception):
    """A server turned a socket away or closed it."""


@dataclass(frozen=True)
class Place:
    """A server, the Origin that it expects, and whether it speaks as our own: asked to resume, it says when ready."""

    name: str
    port: int
    origin: str
    resumes: bool = False


@dataclass
class Arrivals:
    """When each socket had read its frame, by time.monotonic(); sockets that had it not are missing."""

    times: list[float] = field(default_factory=list)
    doubled: int = 0
    frame: bytes = b""


class Reader(asyncio.Protocol):
    """One socket."""

    __slots__ = ("_buffer", "_cookie", "_place", "_shaken", "_transport", "at", "frames", "last", "ready", "why")

    def __init__(self, place: Place, cookie: str, ready: asyncio.Future[None]) -> None:
        self._place, self._cookie = place, cookie
        self.ready = ready
        self.frames, self.at, self.last, self.why = 0, 0.0, b"", ""
        self._buffer, self._shaken = b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        words = [
            "GET /live/ HTTP/1.1",
            f"Host: localhost:{self._place.port}",
            f"Origin: {self._place.origin}",
            f"Cookie: {self._cookie}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        transport.write("\r\n".join([*words, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._shaken:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head:
                self._give_up(head.decode("latin-1"))
                return
            self._shaken, self._buffer = True, rest
            self._begin()
        while self._take_frame():
            pass

    def _begin(self) -> None:
        if self._place.resumes:
            self._send(TEXT, RESUME)
        else:
            self._be_ready()

    def _be_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def _take_frame(self) -> bool:
        found = _frame(self._buffer)
        if found is None:
            return False
        kind, payload, length = found
        self._buffer = self._buffer[length:]
        if kind == PING:
            self._send(PONG, payload)
        elif kind == CLOSE:
            self._give_up(f"closed: {payload!r}")
        elif payload == READY:
            self._be_ready()
        elif kind == TEXT:
            self.frames, self.last, self.at = self.frames + 1, payload, time.monotonic()
        return True

    def _send(self, kind: int, payload: bytes) -> None:
        """Short ones only; a mask of zeros leaves the payload as it is."""
        self._transport.write(bytes([0x80 | kind, MASK | len(payload)]) + bytes(4) + payload)

    def connection_lost(self, error: Exception | None) -> None:
        self._give_up(f"connection lost: {error}")

    def _give_up(self, why: str) -> None:
        self.why = self.why or why
        if not self.ready.done():
            self.ready.set_exception(LostSocket(why))


def _frame(buffer: bytes) -> tuple[int, bytes, int] | None:
    """Kind, payload and length with its head of the first frame (servers do not mask); None where it is not whole."""
    if len(buffer) < 2:
        return None
    size, start = buffer[1] & 0x7F, 2
    if size >= 126:
        start = 4 if size == 126 else 10
        size = int.from_bytes(buffer[2:start], "big")
    end = start + size
    return None if len(buffer) < end else (buffer[0] & 0x0F, buffer[start:end], end)


class Crowd:
    """All sockets of one process, which does what it is told, one thing after the other."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._readers: dict[str, list[Reader]] = {}

    async def connect(self, place: Place, cookies: Sequence[str]) -> None:
        gate = asyncio.Semaphore(HANDSHAKES)

        async def one(cookie: str) -> Reader:
            async with gate, asyncio.timeout(PATIENCE):
                loop = asyncio.get_running_loop()
                ready: asyncio.Future[None] = loop.create_future()
                _, reader = await loop.create_connection(
                    lambda: Reader(place, cookie, ready),
                    "127.0.0.1",
                    place.port,
                    local_addr=(self._source, 0),
                )
                await ready
                return reader

        self._readers.setdefault(place.name, []).extend(await asyncio.gather(*map(one, cookies)))

    async def expect(self, name: str) -> None:
        for reader in self._readers[name]:
            reader.frames = 0

    async def arrivals(self, name: str, patience: float) -> Arrivals:
        """When every socket has a frame, or patience is over. It looks seldom, so as not to disturb."""
        readers, deadline = self._readers[name], time.monotonic() + patience
        if gone := [reader.why for reader in readers if reader.why]:
            raise LostSocket(f"{len(gone)} of {len(readers)} sockets of {name}: {gone[0]}")
        while time.monotonic() < deadline and not all(reader.frames for reader in readers):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)  # a frame that comes twice may come now
        got = [reader for reader in readers if reader.frames]
        doubled = sum(reader.frames - 1 for reader in got)
        return Arrivals([reader.at for reader in got], doubled, got[0].last if got else b"")


class Clients:
    """All processes together."""

    def __init__(self, lines: Sequence[Connection]) -> None:
        self._lines = lines

    def connect(self, place: Place, cookies: Sequence[str]) -> None:
        """Returns when all are connected, and those of ours are ready. Raises LostSocket."""
        for number, line in enumerate(self._lines):
            line.send(("connect", place, cookies[number :: len(self._lines)]))
        self._answers()

    def expect(self, place: Place) -> None:
        """From now on each socket there is to get one frame."""
        self._ask("expect", place.name)

    def arrivals(self, place: Place, patience: float) -> Arrivals:
        found = Arrivals()
        for part in self._ask("arrivals", place.name, patience):
            found.times.extend(part.times)
            found.doubled += part.doubled
            found.frame = found.frame or part.frame
        return found

    def _ask(self, *order: object) -> list[Any]:
        for line in self._lines:
            line.send(order)
        return self._answers()

    def _answers(self) -> list[Any]:
        answers = [line.recv() for line in self._lines]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


@contextmanager
def clients(processes: int) -> Iterator[Clients]:
    """Each process speaks from an address of its own, so that no two share the ports there are."""
    context = multiprocessing.get_context("spawn")
    lines, started = [], []
    try:
        for number in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_obey, args=(theirs, f"127.0.0.{2 + number}"), daemon=True)
            process.start()
            theirs.close()  # so that one that died is noticed
            lines.append(ours)
            started.append(process)
        yield Clients(lines)
    finally:
        for process in started:
            process.kill()
            process.join()


def _obey(line: Connection, source: str) -> None:
    asyncio.run(_orders(line, Crowd(source)))


async def _orders(line: Connection, crowd: Crowd) -> None:
    loop, waiting = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(line.fileno(), waiting.set)
    while True:
        await waiting.wait()
        try:
            word, *arguments = line.recv()
        except EOFError:
            return
        try:
            answer = await getattr(crowd, word)(*arguments)
        except Exception as error:
            answer = error
        line.send(answer)
        if not line.poll():
            waiting.clear()
