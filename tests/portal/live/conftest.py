"""A real server in a thread, real sockets, committed data."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvicorn
from asgiref.sync import SyncToAsync
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from comms.models import Incident
from customers.models import User
from portal.asgi import application

DEADLINE = 30  # seconds after which a test gives up; nothing is judged by it


class Browser:
    """A signed-in browser with its cookie and, once it is connected, its socket."""

    def __init__(self, address: tuple[str, int], user: User | None, stack: ExitStack) -> None:
        self.http = Client()
        if user is not None:
            self.http.force_login(user)
        self._address, self._stack = address, stack
        self.socket: ClientConnection

    def open(self, *, origin: str = django_settings.SITE_URL, slow: bool = False) -> "Browser":
        """Connect; a slow one takes what its small buffers hold, and reads no more until somebody asks."""
        plain = socket.socket()
        if slow:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(self._address)
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in self.http.cookies.items())
        self.socket = self._stack.enter_context(
            connect(
                f"ws://{self._address[0]}:{self._address[1]}/live/",
                sock=plain,
                origin=origin,
                additional_headers={"Cookie": cookie} if cookie else {},
                compression=None,
                max_queue=1 if slow else 1000,
                close_timeout=1,
            )
        )
        return self

    def send(self, frame: str | bytes) -> None:
        self.socket.send(frame)

    def resume(self, have: dict[Incident, tuple[str, int]] | None = None) -> list[dict[str, Any]]:
        """Say what there is, and return the frames that come before `ready`."""
        shown = {
            str(incident.pk): {"variant": variant, "sequence": sequence}
            for incident, (variant, sequence) in (have or {}).items()
        }
        self.send(json.dumps({"resume": shown}))
        frames = []
        while (frame := self.next())["type"] != "ready":
            frames.append(frame)
        return frames

    def next(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout=DEADLINE))
        return frame

    def take(self, number: int) -> list[tuple[int, str, int]]:
        return told([self.next() for _ in range(number)])

    def to_the_end(self) -> tuple[list[dict[str, Any]], int | None]:
        """Read until the server closes: what came, and the close code."""
        frames = []
        try:
            while True:
                frames.append(self.next())
        except ConnectionClosed as closed:
            return frames, closed.rcvd.code if closed.rcvd else None


def told(frames: list[dict[str, Any]]) -> list[tuple[int, str, int]]:
    return [(frame["incident"], frame["variant"], frame["sequence"]) for frame in frames]


@pytest.fixture
def server(transactional_db) -> Iterator[tuple[str, int]]:
    """The address of a running server; its send buffers are small, so that a slow client is soon noticed."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # so that who connects before the server runs waits
    config = uvicorn.Config(
        application,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=5,
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()
    running.should_exit = True
    thread.join()
    # the thread in which channels loads sessions keeps its connection
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
def browser(server) -> Iterator[Callable[[User | None], Browser]]:
    """Makes browsers; their sockets are closed before the server is."""
    with ExitStack() as stack:
        yield lambda user: Browser(server, user, stack)
