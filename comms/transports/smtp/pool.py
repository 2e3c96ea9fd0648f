"""The connections of one transport under one selector, and how they are opened, watched and left."""

import selectors
import ssl
import time
from collections.abc import Iterator

from comms.transports.smtp.backlog import Backlog
from comms.transports.smtp.clock import Clock
from comms.transports.smtp.connection import Connection
from comms.transports.smtp.session import resolve
from comms.transports.smtp.settings import SmtpSettings
from comms.transports.smtp.wire import Address, Broken

QUIT_PATIENCE = 1.0  # seconds for all farewells together


class Pool:
    """At most `settings.connections` connections. Not for use by two threads at once."""

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext | None) -> None:
        self.clock = Clock()
        self.failure = Broken("the relay has not been tried")
        """Why the last connection broke."""
        self._settings = settings
        self._selector = selectors.DefaultSelector()
        self.connections = [Connection(settings, context, self.clock.now) for _ in range(settings.connections)]
        self._addresses: list[Address] = []

    def begin(self, messages: int) -> None:
        """A new `send` of so many: names are looked up again where a connection must be opened."""
        self._addresses = []
        for index, connection in enumerate(self.connections):
            if connection.getting_ready:  # left over from the last send, its time has run on
                self.drop(connection)
            connection.pardon(spare=index >= messages)

    def open(self, backlog: Backlog) -> None:
        """Open as many as the waiting messages can use, and give every idle one its next message."""
        room = len(backlog)
        for connection in self.connections:
            if connection.getting_ready:
                room -= 1
            elif connection.pipeline is not None:
                if connection.pipeline.idle and len(backlog):
                    room -= 1
                    self.attend(connection, backlog)
            elif room > 0 and not connection.given_up:
                room -= 1
                self._open(connection, backlog)

    def _open(self, connection: Connection, backlog: Backlog) -> None:
        try:
            self._resolve()
            connection.open(self._addresses)
        except Broken as broken:
            self.lose(connection, broken, backlog)
        else:
            self._watch(connection)

    def _resolve(self) -> None:
        if self._addresses:
            return
        try:
            self._addresses = resolve(self._settings.host, self._settings.port, self._settings.timeout)
        except Broken:
            for connection in self.connections:  # one look-up for all
                connection.given_up = connection.given_up or connection.wire is None
            raise

    def wait(self, seconds: float, backlog: Backlog) -> None:
        """Serve every connection that has something, waiting for the first at most so long."""
        for key, _ in self._selector.select(max(seconds, 0)):
            connection: Connection = key.data
            try:
                connection.turn(backlog)
            except Broken as broken:
                self.lose(connection, broken, backlog)
            else:
                self.attend(connection, backlog)

    def attend(self, connection: Connection, backlog: Backlog) -> None:
        """Give an idle connection its next message and write what is queued."""
        try:
            if connection.pipeline is not None and connection.pipeline.idle:
                connection.pipeline.start(backlog)
            wire = connection.wire
            if wire is not None:
                wire.flush()
                if wire.lost:  # a last reply may still be there to read
                    connection.turn(backlog)
        except Broken as broken:
            self.lose(connection, broken, backlog)
        else:
            self._watch(connection)

    def end_overdue(self, backlog: Backlog) -> None:
        """Break the connections whose server has used up its time."""
        now = self.clock.now()
        for connection in self.connections:
            if connection.limit is not None and connection.limit <= now:
                seconds = self._settings.timeout if connection.getting_ready else self._settings.deadline
                self.lose(connection, Broken(f"no answer within {seconds:g} s"), backlog, late=True)

    def next_limit(self) -> float | None:
        """The earliest moment at which a server's time is over."""
        return min((c.limit for c in self.connections if c.limit is not None), default=None)

    def lose(self, connection: Connection, broken: Broken, backlog: Backlog, *, late: bool = False) -> None:
        self.failure = broken
        self._forget(connection)
        connection.lose(broken, backlog, len(self._addresses), late=late)

    def drop(self, connection: Connection) -> None:
        """Close without a word, whatever it carries."""
        self._forget(connection)
        connection.close()

    def drop_all(self) -> None:
        for connection in self.connections:
            self.drop(connection)

    def quit(self) -> None:
        """Say QUIT on every ready connection, wait a second at most, close. Never raises."""
        waiting = set(self._say_quit())
        until = time.monotonic() + QUIT_PATIENCE
        while waiting and (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                connection: Connection = key.data
                if connection not in waiting or _has_parted(connection):
                    waiting.discard(connection)
                    self.drop(connection)
                else:
                    self._watch(connection)
        self.drop_all()

    def close(self) -> None:
        self.drop_all()
        self._selector.close()

    def _say_quit(self) -> Iterator[Connection]:
        for connection in self.connections:
            wire = connection.wire
            if connection.pipeline is None or wire is None or connection.pipeline.current is not None:
                self.drop(connection)
                continue
            wire.queue(b"QUIT\r\n")
            wire.flush()
            self._watch(connection)
            yield connection

    def _watch(self, connection: Connection) -> None:
        wire = connection.wire
        wanted = (wire.fileno(), wire.events) if wire is not None else (-1, 0)
        if wanted == connection.watched:
            return
        if connection.watched[0] == wanted[0]:
            self._selector.modify(wanted[0], wanted[1], connection)
        else:
            self._selector.register(wanted[0], wanted[1], connection)
        connection.watched = wanted

    def _forget(self, connection: Connection) -> None:
        if connection.watched[0] >= 0:
            self._selector.unregister(connection.watched[0])
            connection.watched = (-1, 0)


def _has_parted(connection: Connection) -> bool:
    wire = connection.wire
    if wire is None:
        return True
    try:
        wire.flush()
        return any(reply.code == 221 for reply in wire.replies()) or wire.lost is not None
    except Broken:
        return True
