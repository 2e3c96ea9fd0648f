"""Replies on their way out: at once, late, or byte by byte, but always in order."""

import asyncio
from collections import deque


class Speaker(asyncio.Protocol):
    """The talking half of a connection. Once `_deaf`, it takes nothing more in."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._deaf = False
        self._said = bytearray()  # replies of this turn, leaving in one write
        self._pending: deque[bytes | None] = deque()  # late replies; None hangs up
        self._due = 0.0

    @property
    def _delay(self) -> float:
        """Seconds by which replies are late."""
        return 0.0

    def _say(self, reply: str | None, drip: float = 0.0) -> None:
        """Queue a reply; None closes the connection behind those before it."""
        if reply is None:
            self._deaf = True
            self._flush()
            self._send_later(None, 0.0)
        elif reply and not drip:
            self._said += _wire_form(reply)
        elif reply:
            self._flush()
            for byte in _wire_form(reply):
                self._send_later(bytes((byte,)), drip)

    def _flush(self) -> None:
        if not self._said:
            return
        said, self._said = bytes(self._said), bytearray()
        if self._pending or self._delay:
            self._send_later(said, 0.0)
        elif self.transport is not None:
            self.transport.write(said)

    def _send_later(self, said: bytes | None, pause: float) -> None:
        loop = asyncio.get_running_loop()
        self._due = max(self._due, loop.time() + self._delay) + pause
        self._pending.append(said)
        loop.call_at(self._due, self._send_next)

    def _send_next(self) -> None:
        said = self._pending.popleft()
        if self.transport is None or self.transport.is_closing():
            return
        if said is None:
            self.transport.close()
        else:
            self.transport.write(said)


def _wire_form(reply: str) -> bytes:
    """Lines after the first get its code; a reply that holds CRLF goes out exactly as it is."""
    if "\n" not in reply or "\r\n" in reply:
        return f"{reply}\r\n".encode()
    code, lines = reply[:3], reply[4:].split("\n")
    return "".join(f"{code}-{line}\r\n" for line in lines[:-1]).encode() + f"{code} {lines[-1]}\r\n".encode()
