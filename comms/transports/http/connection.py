"""One connection for one post: to a vetted address, within one deadline, and no more of the answer than we want."""

import io
import socket
import ssl
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from types import TracebackType
from typing import Any, Self, cast

from comms.transports.http.addresses import Address, Guard, Target
from comms.transports.http.messages import Answer, Lost, Request, Unreachable, Unsent, seconds_to_wait
from comms.transports.http.settings import HttpSettings

RECORD = 16384
MAX_BODY = 64 * 1024
MAX_ANSWER = 2 * MAX_BODY + 64 * 1024  # with head, interim answers and the frames of chunks


class Client:
    """Opens connections by the rules of its settings. Safe to use from several threads."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._guard = Guard(settings)
        self._context = ssl.create_default_context(cafile=settings.ca_file)

    def open(self, url: str) -> "Connection":
        """Connect, with TLS where the URL says so; nothing of a request has left yet. Raises Refused, Unreachable."""
        ends = time.monotonic() + self._settings.deadline
        target = Target.parse(url)
        addresses = self._guard.addresses(target, self._settings.deadline)
        failure = ""
        for index, address in enumerate(addresses):
            left = ends - time.monotonic()
            if left <= 0:
                break
            try:  # one dead address of several must not use up the time of all
                sock = self._connect(target, address, left / (len(addresses) - index))
            except OSError as error:
                failure = str(error)
            else:
                return Connection(sock, target, self._settings, ends - time.monotonic())
        raise Unreachable(f"cannot connect to {target.host}: {failure or 'no time left'}")

    def _connect(self, target: Target, address: Address, seconds: float) -> socket.socket:
        ends = time.monotonic() + seconds
        sock = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            sock.settimeout(seconds)
            sock.connect(address.sockaddr)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.scheme == "https":
                sock.settimeout(max(ends - time.monotonic(), 0.001))
                return self._context.wrap_socket(sock, server_hostname=target.host)
        except BaseException:
            sock.close()
            raise
        return sock


class Connection:
    """Ready for one request. The receiver's time stands still until it is sent."""

    def __init__(self, sock: socket.socket, target: Target, settings: HttpSettings, seconds: float) -> None:
        self._sock = sock
        self._target = target
        self._settings = settings
        self._seconds = seconds
        self._ends = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    def exchange(self, request: Request) -> Answer:
        """Send the request and read its answer. Raises Unsent or Lost, by whether its end may have left."""
        self._ends = time.monotonic() + self._seconds
        data = request.encoded(self._target.path, self._target.authority, self._settings.user_agent)
        failure, unsent = self._write(data)
        try:  # a receiver may answer and close without having read everything
            return self._read()
        except (OSError, HTTPException, ValueError) as error:
            failure = failure or error
        late = isinstance(failure, TimeoutError)
        reason = f"no answer within {self._settings.deadline:g} s" if late else f"connection lost: {failure!r}"
        if unsent:
            raise Unsent(reason)
        raise Lost(reason, late=late)

    def _write(self, data: bytes) -> tuple[Exception | None, bool]:
        """What went wrong, and whether the end of `data` has certainly not left."""
        sent, unsent = 0, True
        try:
            while sent < len(data):
                piece = data[sent : sent + RECORD]
                self._sock.settimeout(self._left())
                unsent = sent + len(piece) < len(data)  # half a TLS record cannot be told from a whole one
                sent += self._sock.send(piece)
        except OSError as error:
            return error, unsent
        return None, False

    def _read(self) -> Answer:
        response = HTTPResponse(cast(socket.socket, _Stream(self._sock, self._left)), method="POST")
        response.begin()
        if response.status < 200:  # an interim answer that the library takes for the last one
            raise HTTPException(f"an answer that is none: {response.status}")
        body = bytearray()
        try:
            while len(body) < MAX_BODY and (piece := response.read1(MAX_BODY - len(body))):
                body += piece
        except (OSError, HTTPException, ValueError):
            pass  # the head has decided, whatever became of the body
        wait = response.headers.get("Retry-After")
        retry_after = None if wait is None else seconds_to_wait(wait, time.time())
        return Answer(response.status, response.reason, bytes(body), retry_after)

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Stream(io.RawIOBase):
    """What `http.client` reads from: every read counts against the deadline and the number of bytes."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock = sock
        self._left = left
        self._room = MAX_ANSWER

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._room <= 0:
            raise HTTPException("an answer without end")
        self._sock.settimeout(self._left())
        count = self._sock.recv_into(memoryview(buffer)[: self._room])
        self._room -= count
        return count
