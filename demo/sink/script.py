"""How a sink is told to misbehave."""

import re
import ssl
from dataclasses import dataclass, field
from typing import Literal

Moment = Literal["CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT", "RSET", "QUIT"]


@dataclass(slots=True)
class Fault:
    """At a moment, answer differently, and go on, hang up or fall silent.

    `Fault("DATA", then="hang")` says 354 and reads no more; `Fault("DOT", reply="", then="close")` takes the
    mail and hangs up without saying so; `Fault("RCPT", "550 5.1.1 no such user", matching="@gone")`.
    """

    at: Moment
    reply: str | None = None
    """The whole reply, several lines by newlines; None: the usual one; empty: none."""
    then: Literal["go on", "close", "hang"] = "go on"
    drip: float = 0.0
    """Seconds between the single bytes of the reply."""
    matching: str = ""
    """Only where this regular expression is found in the command, or at DOT in the recipients and message."""
    times: int | None = None
    """Only so often, then healthy; None: always."""

    def applies(self, at: Moment, text: bytes) -> bool:
        """True if it is this fault's turn, which is then used up."""
        if at != self.at or self.times == 0 or not re.search(self.matching.encode(), text, re.IGNORECASE):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class Script:
    """What the sink offers, and its faults; the first one that applies is played."""

    faults: list[Fault] = field(default_factory=list)
    pipelining: bool = True
    eight_bit: bool = True
    utf8: bool = False
    size: int = 50_000_000
    delay: float = 0.0
    """Seconds by which every reply is late, as on a long line: replies to pipelined commands overlap."""
    tls: ssl.SSLContext | None = None
    """Speak TLS from the first byte."""
    starttls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    """User and password without which there is no MAIL."""
    mechanisms: str = "PLAIN LOGIN"

    def fault(self, at: Moment, text: bytes = b"") -> Fault | None:
        return next((fault for fault in self.faults if fault.applies(at, text)), None)
