"""One socket: what its browser has, and a bounded queue of what it is to get."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from comms.choices import Variant
from portal.access import Eyes
from portal.live.resume import Have

QUEUE_MAX = 100  # frames that a client may be behind
SLOW, SIGNED_OUT, RESTART = 4408, 4401, 1012  # close codes; a client that is not signed out comes back and resumes
READY = '{"type":"ready"}'


class Holder(NamedTuple):
    """The session by which a socket was opened."""

    session_key: str
    user_id: int
    password_mark: str
    """MD5 of the stored password hash: a changed password ends the user's other sessions, as on pages."""


class Reader:
    """A signed-in browser. Only its hub calls it, in the hub's loop."""

    __slots__ = ("_code", "_disconnect", "_over", "_queue", "_send", "_writer", "eyes", "have", "holder", "waiting")

    def __init__(
        self,
        holder: Holder,
        send: Callable[[str], Awaitable[None]],
        disconnect: Callable[[int], Awaitable[None]],
        account_id: int | None = None,
    ) -> None:
        self.holder = holder
        self.eyes = Eyes(holder.user_id, account_id)  # as the page was that opened the socket
        self.have: Have | None = None  # nothing is sent before the client has said what it has
        self.waiting: set[int] | None = None  # incidents to look at before it is ready; None: not yet known
        self._send, self._disconnect = send, disconnect
        self._queue: deque[str] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._over, self._code = False, 0

    @property
    def catching_up(self) -> bool:
        return self.have is not None and self.waiting != set()

    def resume(self, have: Have) -> None:
        """Begin again from what the client says; frames that wait for sending are found again from there."""
        self._queue.clear()
        self.have, self.waiting = dict(have), None

    def wait_for(self, incident_ids: set[int]) -> None:
        """These are looked at; then the client hears that it is ready."""
        self.waiting = incident_ids
        if not incident_ids:
            self._put(READY)

    def looked_at(self, incident_id: int) -> None:
        if self.waiting and incident_id in self.waiting:
            self.wait_for(self.waiting - {incident_id})

    def forward(self, incident_id: int, variant: Variant, frames: Sequence[str]) -> bool:
        """Send what is missing of all frames of an incident's variant, 1 to the last. False: the client is too slow.

        After a change of track, and where a client claims more than there is, all of them are missing.
        """
        if self.have is None:
            return True
        shown, sequence = self.have.get(incident_id, (variant, 0))
        missing = frames[sequence:] if shown == variant and sequence <= len(frames) else frames
        # A long history at once is no sign of slowness, and its frames are shared by all readers.
        if missing and len(self._queue) >= QUEUE_MAX and not self.catching_up:
            return False
        self.have[incident_id] = (variant, len(frames))
        self._put(*missing)
        return True

    def end(self, code: int) -> None:
        """Close the socket after the frame that is being sent; the rest is dropped."""
        self._queue.clear()
        self._over, self._code = True, code
        self._wake_writer()

    def gone(self) -> None:
        """The socket is closed already."""
        self._queue.clear()
        self._over = True
        if self._writer is not None:
            self._writer.cancel()

    def _put(self, *frames: str) -> None:
        if frames and not self._over:
            self._queue.extend(frames)
            self._wake_writer()

    def _wake_writer(self) -> None:
        if self._writer is None:  # none while there is nothing to send: an idle socket stays small
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._queue:
                await self._send(self._queue.popleft())
            if self._code:
                await self._disconnect(self._code)
        except (OSError, RuntimeError):  # what the server raises when the browser is gone; its disconnect follows
            self._queue.clear()
        finally:
            self._writer = None
