"""What live updates are measured against: the `websockets` library's own server, and its `broadcast()`."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.clients import Place


class Broadcaster:
    """The server's other end."""

    def __init__(self, place: Place, line: Connection) -> None:
        self.place = place
        self._line = line

    def send(self, frame: str) -> float:
        """To all who are connected. Returns when it began, by time.monotonic()."""
        self._line.send(frame)
        began: float = self._line.recv()
        return began


@contextmanager
def broadcaster() -> Iterator[Broadcaster]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Broadcaster(Place("websockets", ours.recv(), "http://localhost"), ours)
    finally:
        process.kill()
        process.join()


def _serve(line: Connection) -> None:
    with suppress(EOFError):
        asyncio.run(_broadcast_what_comes(line))


async def _broadcast_what_comes(line: Connection) -> None:
    loop, waiting = asyncio.get_running_loop(), asyncio.Event()

    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(stay, "127.0.0.1", 0, compression=None, backlog=2048) as server:
        line.send(next(iter(server.sockets)).getsockname()[1])
        loop.add_reader(line.fileno(), waiting.set)
        while True:
            await waiting.wait()
            frame = line.recv()
            began = time.monotonic()
            broadcast(server.connections, frame)
            line.send(began)
            waiting.clear()
