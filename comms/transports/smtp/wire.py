"""A non-blocking socket that speaks SMTP replies, with or without TLS, and knows what may have left it."""

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, NamedTuple

READ_SIZE = 65536
TLS_RECORD = 16384
MAX_REPLY = 16 * 1024  # bytes of one reply; RFC 5321 promises 512 a line
MAX_TEXT = 500  # characters of a reply that are worth keeping

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Address(NamedTuple):
    """One result of getaddrinfo."""

    family: int
    sockaddr: tuple[Any, ...]


class Broken(Exception):
    """This connection is of no further use; `code` is the server's, if it was a reply that ended it."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply, its lines without code and line ends."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """One printable line, safe to store and show, cut at MAX_TEXT characters."""
        joined = b" ".join(self.lines).decode("utf-8", "replace")
        return UNPRINTABLE.sub(" ", joined).strip()[:MAX_TEXT]

    def broken(self, what: str) -> Broken:
        return Broken(f"{what}: {self.code} {self.text}", self.code)


class Wire:
    """The bytes of one connection. Losing it is not an exception here: `lost` says why, once all was read."""

    def __init__(self, address: Address) -> None:
        self.connected = False
        self.lost: str | None = None
        self.released = 0
        """Bytes written, counted from the start, that may have left this process; never too low."""
        self._sent = 0  # bytes that certainly have
        self._out = bytearray()
        self._in = bytearray()
        self._lines: list[bytes] = []
        self._tls: ssl.SSLSocket | None = None
        self._handshaking = False
        self._wants = 0  # what TLS waits for where that differs from the obvious
        self._sock = socket.socket(address.family, socket.SOCK_STREAM)
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self._sock.connect_ex(address.sockaddr)
        if code not in (0, errno.EINPROGRESS):
            self._sock.close()
            raise Broken(f"cannot connect: {os.strerror(code)}")

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def events(self) -> int:
        """What to wait for."""
        if not self.connected:
            return EVENT_WRITE
        if self._wants:
            return self._wants
        return EVENT_READ | EVENT_WRITE if self._out else EVENT_READ

    def usable(self) -> bool:
        """Carry connecting and the TLS handshake on; True once bytes can flow. Raises Broken if they fail."""
        if not self.connected:
            code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise Broken(f"cannot connect: {os.strerror(code)}")
            try:
                self._sock.getpeername()
            except OSError:
                return False  # woken too early
            self.connected = True
        if self._handshaking:
            self._shake_hands()
        return not self._handshaking

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Wrap the socket. Plaintext received behind the server's go-ahead is an attack (RFC 3207)."""
        if self._in or self._lines:
            raise Broken("plaintext received where TLS had to begin")
        self._tls = context.wrap_socket(self._sock, server_hostname=host, do_handshake_on_connect=False)
        self._sock = self._tls
        self._handshaking = True
        self._shake_hands()

    def _shake_hands(self) -> None:
        assert self._tls is not None  # noqa: S101
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._wants = EVENT_READ
        except ssl.SSLWantWriteError:
            self._wants = EVENT_WRITE
        except (OSError, ValueError) as error:
            raise Broken(f"TLS failed: {error}") from error
        else:
            self._handshaking = False
            self._wants = 0

    def queue(self, data: bytes) -> int:
        """Line bytes up for `flush`; returns the position right behind them, comparable with `released`."""
        self._out += data
        return self._sent + len(self._out)

    def flush(self) -> None:
        """Hand over what the socket takes now. On a lost connection nothing is handed over, or counted."""
        while self._out and self.lost is None and not self._handshaking:
            chunk = self._out if self._tls is None else self._out[:TLS_RECORD]
            if self._tls is not None:  # a record half written cannot be told from one written
                self.released = max(self.released, self._sent + len(chunk))
            try:
                sent = self._sock.send(chunk)
            except (BlockingIOError, ssl.SSLWantWriteError):
                return
            except ssl.SSLWantReadError:
                self._wants = EVENT_READ
                return
            except OSError as error:
                self.lost = f"connection lost: {error}"
                return
            del self._out[:sent]
            self._sent += sent
            self.released = max(self.released, self._sent)

    def replies(self) -> Iterator[Reply]:
        """Every reply that is complete by now. Raises Broken at bytes that are none."""
        more = True
        while more:
            more = self._receive()
            while (reply := self._next_reply()) is not None:
                yield reply
        if len(self._in) > MAX_REPLY:
            raise Broken("reply without end")

    def _receive(self) -> bool:
        """Read once; True if there may be more. What came before a connection was lost is still read."""
        if self._handshaking:
            return False
        self._wants = 0
        try:
            received = self._sock.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except ssl.SSLWantWriteError:
            self._wants = EVENT_WRITE
            return False
        except OSError as error:
            self.lost = self.lost or f"connection lost: {error}"
            return False
        if not received:
            self.lost = self.lost or "connection closed by the server"
            return False
        self._in += received
        # TLS may hold decrypted bytes that no selector reports; a failed write may have replies behind it.
        return len(received) == READ_SIZE or self._tls is not None or self.lost is not None

    def _next_reply(self) -> Reply | None:
        while (end := self._in.find(b"\n")) >= 0:
            line = bytes(self._in[:end]).rstrip(b"\r")
            del self._in[: end + 1]
            code = line[:3]
            if len(code) != 3 or not code.isdigit() or line[3:4] not in (b" ", b"-", b"") or code[0] not in b"2345":
                raise Broken(f"not an SMTP reply: {line[:80]!r}")
            self._lines.append(line)
            if any(code != other[:3] for other in self._lines) or sum(map(len, self._lines)) > MAX_REPLY:
                raise Broken("a reply that contradicts itself or has no end")
            if line[3:4] != b"-":
                lines = tuple(text[4:] for text in self._lines)
                self._lines = []
                return Reply(int(code), lines)
        return None

    def close(self) -> None:
        self._sock.close()
