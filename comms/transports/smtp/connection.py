"""One of the places a transport keeps for a connection: closed, getting ready, ready, or given up."""

import ssl
from collections.abc import Callable

from comms.transports.smtp.backlog import Backlog
from comms.transports.smtp.pipeline import Pipeline
from comms.transports.smtp.session import Session
from comms.transports.smtp.settings import SmtpSettings
from comms.transports.smtp.wire import Address, Broken, Wire


class Connection:
    """Opens, carries transactions, breaks, and says whether opening it again makes sense."""

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext | None, clock: Callable[[], float]) -> None:
        self.pipeline: Pipeline | None = None
        self.given_up = False
        self.watched = (-1, 0)
        """File descriptor and events the selector has."""
        self._settings = settings
        self._context = context
        self._clock = clock
        self._session: Session | None = None
        self._opened_at = 0.0
        self._address = 0  # which of the relay's addresses works
        self._revived = False

    @property
    def wire(self) -> Wire | None:
        return self._session.wire if self._session else None

    @property
    def getting_ready(self) -> bool:
        return self._session is not None and self.pipeline is None

    @property
    def limit(self) -> float | None:
        """When the server's time is over, by the clock given; None while it owes us nothing that matters."""
        if self.pipeline is not None:
            return self.pipeline.since + self._settings.deadline if self.pipeline.owed else None
        return self._opened_at + self._settings.timeout if self._session else None

    def pardon(self, *, spare: bool) -> None:
        """A new `send` begins: what went wrong in the last one no longer counts. A spare one stays shut."""
        self.given_up = spare and self._session is None
        self._revived = False
        if self.pipeline is not None:
            self.pipeline.progressed = False

    def open(self, addresses: list[Address]) -> None:
        """Begin to connect. Raises Broken if that fails at once."""
        self._opened_at = self._clock()
        self._address %= len(addresses)
        self._session = Session(self._settings, self._context, addresses[self._address])

    def turn(self, backlog: Backlog) -> None:
        """Take in what has arrived and begin the next message when there is room. Raises Broken."""
        if self._session is None:
            return
        if self.pipeline is None:
            self._session.turn()
            if not self._session.ready:
                return
            self.pipeline = Pipeline(self._session.wire, self._session.extensions, self._clock)
        elif self._session.wire.usable():
            self.pipeline.turn(backlog)

    def lose(self, broken: Broken, backlog: Backlog, addresses: int, *, late: bool = False) -> None:
        """Close, settle or give back what was carried, and decide whether to open again."""
        connected = self._session is not None and self._session.wire.connected
        if self.pipeline is not None:
            self.pipeline.lose(broken, backlog, late=late)
            # Once more after a break, again and again only while messages get through in between. Not after
            # silence: a relay that hangs may hold each connection for one deadline, not the worker for hours.
            self.given_up = late or (self._revived and not self.pipeline.progressed)
            self._revived = True
        elif not connected and self._address + 1 < addresses:
            self._address += 1
        else:
            self.given_up = True
        self.close()

    def close(self) -> None:
        if self._session is not None:
            self._session.wire.close()
        self._session = self.pipeline = None
