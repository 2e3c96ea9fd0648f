"""SMTP as a transport: one recipient per transaction, over several connections driven by one thread."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from comms.transports.base import BeforeData, Envelope, Outcome
from comms.transports.smtp.backlog import Backlog
from comms.transports.smtp.pool import Pool
from comms.transports.smtp.rounds import Rounds
from comms.transports.smtp.settings import SmtpSettings


class SmtpTransport:
    """Sends to one relay; keeps the promises of `Transport`.

    Inside a `with` block the connections stay open from one `send` to the next. Without one, each `send`
    opens and leaves its own. One `send` at a time.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._context = settings.tls_context()
        self._pool: Pool | None = None

    def __enter__(self) -> Self:
        self._pool = Pool(self._settings, self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            if error is None:
                self._pool.quit()
            self._pool.close()
            self._pool = None

    def send(self, envelopes: Sequence[Envelope], *, before_data: BeforeData) -> Iterator[Outcome]:
        """See `Transport.send`. A generator: nothing is sent before its first `next`, nor after its `close`.

        Closed early, it leaves messages named to `before_data` without an outcome: treat them as uncertain.
        """
        kept = self._pool
        pool = kept or Pool(self._settings, self._context)
        finished = False
        try:
            yield from Rounds(pool, Backlog(envelopes), before_data).outcomes()
            finished = True
        finally:
            if not finished:
                pool.drop_all()
            elif kept is None:
                pool.quit()
            if kept is None:
                pool.close()
