"""The sink itself: a thread with an event loop, its mails, and what tests wait for."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.sink.mail import Mail
from demo.sink.script import Script
from demo.sink.smtp import SmtpServer
from demo.sink.web import WebServer

KEPT = 5000  # mails in memory


class Sink:
    """A mail server that delivers nowhere. In a test: `with Sink() as sink: ... sink.wait_for(3)`.

    `script` may be replaced at any time; port 0 takes a free one; without `http_port` there is no page. With
    `record` every command is kept in `transcript` as (connection, line), "." standing for a message's end.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        host: str = "127.0.0.1",
        smtp_port: int = 0,
        http_port: int | None = None,
        store: Path | None = None,
        record: bool = False,
    ) -> None:
        self.script = script or Script()
        self.transcript: list[tuple[int, bytes]] = []
        self.count = 0
        """Mails received so far, kept or already forgotten."""
        self.sessions = 0
        """Connections accepted so far."""
        self.port = smtp_port
        self.http_port = http_port or 0
        self._host = host
        self._wants_web = http_port is not None
        self._store = store
        self._record = record
        self._mails: deque[Mail] = deque(maxlen=KEPT)
        self._changed = threading.Condition()
        self._waiters = 0
        self._open: set[SmtpServer] = set()
        self._servers: list[asyncio.Server] = []

    @property
    def mails(self) -> list[Mail]:
        """The last 5,000, oldest first."""
        return list(self._mails)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-sink", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.start(), self._loop).result()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result()
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def start(self) -> None:
        """Listen, in the running loop. Raises OSError when a port is taken."""
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(self._connection, self._host, self.port, ssl=self.script.tls)
        self._servers.append(smtp)
        self.port = smtp.sockets[0].getsockname()[1]
        if self._wants_web:
            web = await asyncio.start_server(WebServer(self).serve, self._host, self.http_port)
            self._servers.append(web)
            self.http_port = web.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self._open):
            if connection.transport is not None:
                connection.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for _ in range(10):
            await asyncio.sleep(0)  # the transports' closing callbacks, each of which may call another

    def wait_for(self, n: int, seconds: float = 10.0) -> list[Mail]:
        """The mails, once `n` have been received; raises TimeoutError if they have not come by then."""
        self.wait_until(lambda: self.count >= n, seconds, f"{n} mails")
        return self.mails

    def wait_until(self, holds: Callable[[], bool], seconds: float = 10.0, what: str = "it") -> None:
        """Return once `holds()`, asked again after every mail and, recording, every command.

        By then the reply to what made it hold has been sent, too. Raises TimeoutError.
        """
        with self._changed:
            self._waiters += 1
            try:
                if not self._changed.wait_for(holds, seconds):
                    raise TimeoutError(f"waited {seconds:g} s for {what}; {self.count} mails came")
            finally:
                self._waiters -= 1
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result()

    @property
    def open_sessions(self) -> int:
        """Connections open now; asked again, in `wait_until`, whenever one ends."""
        return len(self._open)

    def cut(self) -> None:
        """Reset every connection, and return when it is done."""

        async def abort() -> None:
            for connection in list(self._open):
                if connection.transport is not None:
                    connection.transport.abort()

        asyncio.run_coroutine_threadsafe(abort(), self._loop).result()
        self.wait_until(lambda: self.open_sessions == 0, what="connections to end")

    def say(self, session: int, reply: str) -> None:
        """Send a reply by hand, where the script had it left out."""

        def speak() -> None:
            for connection in self._open:
                connection.say_by_hand(session, reply)

        self._loop.call_soon_threadsafe(speak)

    def soon(self, call: Callable[[], object]) -> None:
        """Call it in the sink's own thread, after what was asked of it before."""
        self._loop.call_soon_threadsafe(call)

    def note(self, session: int, line: bytes) -> None:
        if self._record:
            self.transcript.append((session, line.rstrip(b"\r\n")))
            self._tell()

    def keep(self, session: int, mail_from: bytes, rcpt_to: list[bytes], parameters: bytes, raw: bytes) -> None:
        recipients = tuple(recipient.decode("utf-8", "replace") for recipient in rcpt_to)
        sender = mail_from.decode("utf-8", "replace")
        number = self.count + 1
        now = datetime.now(UTC)
        self._mails.append(Mail(number, now, session, sender, recipients, parameters.decode("ascii", "replace"), raw))
        self.count = number
        if self._store is not None:
            (self._store / f"{number:06}.eml").write_bytes(raw)
        self._tell()

    def _tell(self) -> None:
        if self._waiters:  # a waiter counts itself before it looks, so none is missed
            with self._changed:
                self._changed.notify_all()

    def _connection(self) -> SmtpServer:
        self.sessions += 1
        server = SmtpServer(self, self.sessions, self._ended)
        self._open.add(server)
        return server

    def _ended(self, server: SmtpServer) -> None:
        self._open.discard(server)
        self._tell()
