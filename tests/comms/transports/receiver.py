"""A real HTTP receiver on a loopback socket that answers as its script says."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs

Behaviour = Callable[["Receiver", socket.socket], None]
PATIENCE = 20.0  # seconds after which a receiver gives up on a client that should long have left


@dataclass(frozen=True)
class Received:
    """One whole request."""

    line: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode())


def reply(code: int, body: bytes | str | object = b"", **headers: str) -> Behaviour:
    """Answer and close. Header names are written with underscores."""
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    content = body.encode() if isinstance(body, str) else body

    def behave(receiver: "Receiver", client: socket.socket) -> None:
        lines = [f"HTTP/1.1 {code} Reason", f"Content-Length: {len(content)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        client.sendall("\r\n".join([*lines, "", ""]).encode() + content)

    return behave


def raw(data: bytes) -> Behaviour:
    """Answer these bytes and close."""
    return lambda receiver, client: client.sendall(data)


def close(receiver: "Receiver", client: socket.socket) -> None:
    """Take the request and hang up."""


def hang(receiver: "Receiver", client: socket.socket) -> None:
    """Take the request and say nothing until the client has gone."""
    wait_for_the_end(client)


def drip(head: bytes, piece: bytes, end: bytes) -> Behaviour:
    """Send a piece every 50 ms for 20 s, then the end: no single read of the client ever waits long."""

    def behave(receiver: "Receiver", client: socket.socket) -> None:
        client.sendall(head)
        for _ in range(400):
            if receiver.over.wait(0.05):
                return
            client.sendall(piece)
        client.sendall(end)

    return behave


def wait_for_the_end(client: socket.socket) -> bytes:
    received = b""
    while piece := client.recv(65536):
        received += piece
    return received


class Receiver:
    """Serves each connection in a thread, with the next behaviour of the script; the last one repeats."""

    def __init__(self, *script: Behaviour, tls: ssl.SSLContext | None = None, reads: bool = True) -> None:
        self.requests: list[Received] = []
        self.unfinished: list[bytes] = []
        """What came on connections that ended before a whole request had arrived."""
        self.connections = 0
        self.faults: list[str] = []
        self.over = threading.Event()
        self._script = list(script) or [reply(200)]
        self._tls = tls
        self._reads = reads
        self._threads: list[threading.Thread] = []
        self._marks: dict[int, threading.Event] = {}
        self._marking = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.settle()
        self._acceptor.join()
        self._listener.close()

    def settle(self) -> None:
        """Wait until every connection made so far has ended: they are accepted in order, ours behind them."""
        accepted = threading.Event()
        with self._marking:
            mark = socket.create_connection(("127.0.0.1", self.port))
            self._marks[mark.getsockname()[1]] = accepted
        with mark:
            assert accepted.wait(PATIENCE)
        for thread in self._threads:
            thread.join()

    def url(self, path: str = "/hook", *, host: str = "localhost", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def allowed(self) -> frozenset[str]:
        return frozenset({f"localhost:{self.port}", f"127.0.0.1:{self.port}"})

    def _accept(self) -> None:
        while True:
            client, (_, port) = self._listener.accept()
            with self._marking:
                mark = self._marks.pop(port, None)
            if mark is not None:
                client.close()
                mark.set()
                if self.over.is_set():
                    return
                continue
            behaviour = self._script[min(self.connections, len(self._script) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client, behaviour))
            thread.start()
            self._threads.append(thread)

    def _serve(self, client: socket.socket, behaviour: Behaviour) -> None:
        client.settimeout(PATIENCE)
        try:
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            with client:
                if not self._reads or self._read(client):
                    behaviour(self, client)
        except OSError as fault:  # the client has left, or does not trust us
            self.faults.append(repr(fault))
        finally:
            client.close()

    def _read(self, client: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data or len(data) < _length(data):
            piece = client.recv(65536)
            if not piece:
                self.unfinished.append(data)
                return False
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = dict(entry.split(": ", 1) for entry in fields)
        self.requests.append(Received(line, {k.lower(): v for k, v in headers.items()}, body, data))
        return True


def _length(data: bytes) -> int:
    head, _, _ = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(head) + 4 + int(line.split(b":")[1])
    return len(head) + 4


def outcomes(transport: Any, items: Sequence[Any], before: Callable[[Any], None] = lambda _: None) -> Mapping[int, Any]:
    """Outcomes by delivery; fails unless there is exactly one for every item."""
    given = list(transport.send(items, before_data=before))
    assert sorted(o.delivery_id for o in given) == sorted(i.delivery_id for i in items)
    return {outcome.delivery_id: outcome for outcome in given}
