"""From a resolved address to a connection that takes mail: greeting, EHLO, STARTTLS, AUTH."""

import base64
import queue
import socket
import ssl
import threading
from collections.abc import Generator

from comms.transports.smtp.settings import SmtpSettings
from comms.transports.smtp.wire import Address, Broken, Reply, Wire

Dialogue = Generator[bytes, Reply, None]  # says a line, is given its reply


def resolve(host: str, port: int, timeout: float) -> list[Address]:
    """The relay's addresses; raises Broken if there are none within `timeout` seconds."""
    answers: queue.SimpleQueue[list[Address] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.put(error)
        else:
            answers.put([Address(family, sockaddr) for family, _, _, _, sockaddr in found])

    # getaddrinfo has no time-out of its own: a resolver that is away would hold the worker.
    threading.Thread(target=ask, name="smtp-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise Broken(f"{host} was not resolved within {timeout:g} s") from None
    if isinstance(answer, Exception):
        raise Broken(f"{host} cannot be resolved: {answer}") from answer
    return answer


class Session:
    """A connection on its way to `ready`. Every failure is Broken: reason to retry, never to drop a mail."""

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext | None, address: Address) -> None:
        self.extensions: dict[str, str] = {}
        self.ready = False
        self.wire = Wire(address)
        self._settings = settings
        self._context = context
        self._dialogue: Dialogue | None = None

    def turn(self) -> None:
        """Go as far as the server has answered."""
        if not self.wire.usable():
            return
        if self._dialogue is None:
            self._dialogue = self._talk()
            next(self._dialogue)  # up to waiting for the greeting
        for reply in self.wire.replies():
            if self.ready:
                raise reply.broken("a reply to nothing")
            try:
                self.wire.queue(self._dialogue.send(reply))
            except StopIteration:
                self.ready = True
        self.wire.flush()
        if self.wire.lost:
            raise Broken(self.wire.lost)

    def _talk(self) -> Dialogue:
        if self._settings.security == "tls":
            self._start_tls()
        greeting = yield b""
        _expect(220, greeting, "greeting")
        yield from self._say_hello()
        if self._settings.security == "starttls":
            if "STARTTLS" not in self.extensions:
                raise Broken("the server does not offer STARTTLS")
            _expect(220, (yield b"STARTTLS\r\n"), "STARTTLS")
            self._start_tls()
            yield from self._say_hello()  # what was said in the clear proves nothing (RFC 3207, 4.2)
        if self._settings.username:
            yield from self._log_in()

    def _start_tls(self) -> None:
        assert self._context is not None  # noqa: S101
        self.wire.start_tls(self._context, self._settings.host)

    def _say_hello(self) -> Dialogue:
        reply = yield f"EHLO {self._settings.local_hostname}\r\n".encode("ascii")
        _expect(250, reply, "EHLO")
        offers = (line.decode("ascii", "replace").upper().partition(" ") for line in reply.lines[1:])
        self.extensions = {keyword: parameters for keyword, _, parameters in offers}

    def _log_in(self) -> Dialogue:
        username, password = self._settings.username.encode(), self._settings.password.encode()
        offered = self.extensions.get("AUTH", "").split()
        if "PLAIN" in offered:
            secret = base64.b64encode(b"\0" + username + b"\0" + password)
            reply = yield b"AUTH PLAIN " + secret + b"\r\n"
        elif "LOGIN" in offered:
            _expect(334, (yield b"AUTH LOGIN\r\n"), "AUTH")
            _expect(334, (yield base64.b64encode(username) + b"\r\n"), "AUTH")
            reply = yield base64.b64encode(password) + b"\r\n"
        else:
            raise Broken("the server offers neither AUTH PLAIN nor AUTH LOGIN")
        _expect(235, reply, "AUTH")


def _expect(code: int, reply: Reply, step: str) -> None:
    if reply.code != code:
        raise reply.broken(step)
