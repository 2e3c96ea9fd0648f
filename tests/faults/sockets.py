"""Browsers' sockets by the hundred, in a thread of their own: what each was shown, in the order in which it came."""

import asyncio
import json
import socket as system
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from customers.choices import Track
from customers.models import User
from tests.faults.browsing import Browser
from tests.faults.checker import MARK, Said

BUFFER, SMALL_BUFFER = 65_536, 4096  # bytes that the system takes for a client who does not read
AGAIN = 0.2  # seconds between two tries to connect


class Client:
    """One reader of one track. It resumes from what it has, and comes back by itself while `wanted`."""

    def __init__(self, address: str, track: Track, port: int, cookie: str, buffer: int) -> None:
        self.address, self.track = address, track
        self.seen: list[Said] = []
        self.ready = False
        self.wanted = True
        self._have: dict[int, int] = {}
        self._port, self._cookie, self._buffer = port, cookie, buffer
        self._socket: ClientConnection | None = None
        self._abandoned: list[ClientConnection] = []
        self._reading = asyncio.Event()
        self._reading.set()

    async def live(self) -> None:
        while True:
            while not self.wanted:
                await asyncio.sleep(AGAIN)
            with suppress(OSError, WebSocketException, TimeoutError):
                await self._once()
            self.ready = False
            await asyncio.sleep(AGAIN)

    async def _once(self) -> None:
        plain = system.socket()
        plain.setsockopt(system.SOL_SOCKET, system.SO_RCVBUF, self._buffer)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self._port))
        socket = await connect(
            f"ws://127.0.0.1:{self._port}/live/",
            sock=plain,
            origin=settings.SITE_URL,  # type: ignore[arg-type]
            additional_headers={"Cookie": self._cookie},
            compression=None,
            ping_interval=None,
            max_queue=1,
            open_timeout=60,
            close_timeout=1,
        )
        self._socket = socket
        shown = {str(i): {"variant": self.track.value, "sequence": n} for i, n in self._have.items()}
        await socket.send(json.dumps({"resume": shown}))
        async for frame in socket:
            self._take(json.loads(frame))
            await self._reading.wait()

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "ready":
            self.ready = True
        elif frame["type"] == "update":
            found = {Said(int(i), int(n), variant) for i, n, variant in MARK.findall(frame["html"])}
            self.seen.append(found.pop() if len(found) == 1 else Said(0, 0, "unreadable"))
            self._have[int(frame["incident"])] = int(frame["sequence"])

    async def cut(self) -> None:
        """Gone without a word, until `come_back`."""
        self.wanted = self.ready = False
        if self._socket is not None:
            self._socket.transport.abort()

    async def fall_silent(self) -> None:
        """Half open: this side is gone, and the server is not told."""
        self.wanted = self.ready = False
        if self._socket is not None:
            self._socket.transport.pause_reading()
            self._abandoned.append(self._socket)

    async def move(self, port: int) -> None:
        """The next connection goes to another process, as a load balancer has it."""
        self._port = port

    async def come_back(self) -> None:
        self.wanted = True

    async def stop_reading(self) -> None:
        self._reading.clear()

    async def read_on(self) -> None:
        self._reading.set()


class Sockets:
    """Clients on a loop of their own; the methods are called from outside of it."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def add(self, browser: Browser, address: str, track: Track, *, buffer: int = BUFFER) -> Client:
        async def start() -> Client:
            client = Client(address, track, browser.port, browser.cookie, buffer)
            self._tasks.append(asyncio.create_task(client.live()))
            return client

        client = asyncio.run_coroutine_threadsafe(start(), self._loop).result()
        self.clients.append(client)
        return client

    def each(self, clients: Iterable[Client], do: Callable[[Client], Awaitable[None]]) -> None:
        async def all_of_them() -> None:
            for client in clients:
                await do(client)

        asyncio.run_coroutine_threadsafe(all_of_them(), self._loop).result(60)

    def forget(self, clients: Iterable[Client]) -> None:
        """Those that fell silent get a new loop of living: the old socket stays as it is, unread."""

        async def start(client: Client) -> None:
            self._tasks.append(asyncio.create_task(client.live()))

        self.each(clients, start)


def readers(sockets: Sockets, people: dict[str, Track], port: int, *, buffer: int = BUFFER) -> None:
    """A client for each of these people, who have logins."""
    users = {user.email: user for user in User.objects.filter(email__in=people)}
    for address, track in people.items():
        sockets.add(Browser(port, users[address]), address, track, buffer=buffer)
