"""The transactions of one connection, one after the other, pipelined where the server allows it (RFC 2920).

With PIPELINING the commands of the next message travel behind the final dot of the current one, so a message
costs one round trip:

    C: <payload of 1> . MAIL 2 RCPT 2 DATA      S: 250 (dot of 1) 250 250 354      then `held` until `release`

Without it every command waits for its reply. Nothing here reads a clock, but is told the time, or blocks.
"""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, auto

from comms.transports.base import Accepted, Alarm, Envelope, Outcome, Rejected, Retry, Uncertain
from comms.transports.smtp.backlog import TRIES, Backlog, Transaction
from comms.transports.smtp.wire import Broken, Reply, Wire

# 5xx to RCPT that speak of our session or command, not of the address: suppressing would hit the wrong one.
NOT_ABOUT_THE_ADDRESS = frozenset({500, 502, 503, 504, 530, 535, 538, 555})


class Step(Enum):
    """What a reply answers."""

    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    CLEAR = auto()  # RSET, or the lone dot after a 354 that nobody needed


class Pipeline:
    """A ready connection. `held`: the server said 354 and waits for our payload, and that for `release`."""

    def __init__(self, wire: Wire, extensions: Mapping[str, str], clock: Callable[[], float]) -> None:
        self.held = False
        self.progressed = False
        """The server has answered a whole transaction without hanging up."""
        self.current: Transaction | None = None
        self.since = 0.0
        """When the server's time for what it owes us began."""
        self._following: Transaction | None = None  # its commands are written, its replies come after current's
        self._pipelining = "PIPELINING" in extensions
        self._extensions = extensions
        self._wire = wire
        self._clock = clock
        self._commands: deque[tuple[Step, bytes]] = deque()
        self._awaiting: deque[Step] = deque()

    @property
    def idle(self) -> bool:
        return self.current is None and (self._pipelining or not self._awaiting)

    @property
    def owed(self) -> bool:
        """The server must answer before anything can go on here."""
        return not self.held and not self.idle

    @property
    def in_doubt(self) -> bool:
        """A final dot may have left and is not answered."""
        return self.current is not None and self._dot_left(self.current)

    def start(self, backlog: Backlog) -> None:
        """Begin the next transaction, if there is one. Only when idle; the caller flushes the wire."""
        self.current = backlog.take(self._extensions)
        if self.current is not None:
            self.since = self._clock()
            self._queue_commands(self.current.envelope)

    def release(self, backlog: Backlog) -> None:
        """Queue the held payload and, pipelined, the commands of the message after it. The caller flushes."""
        assert self.held  # noqa: S101
        assert self.current is not None  # noqa: S101
        self.held = False
        end = self._wire.queue(stuffed(self.current.envelope.payload))
        self.current.dot = end - len(b".\r\n")
        self._awaiting.append(Step.DOT)
        if self._pipelining:
            self._following = backlog.take(self._extensions)
            if self._following is not None:
                self._queue_commands(self._following.envelope)

    def turn(self, backlog: Backlog) -> None:
        """Take in what the server has said. Raises Broken when nothing more can come of this connection."""
        for reply in self._wire.replies():
            if not self._awaiting:
                raise reply.broken("the server ended the session" if reply.code == 421 else "a reply to nothing")
            step = self._awaiting.popleft()
            if step is Step.DOT:
                self._on_dot(reply, backlog)
            elif reply.code == 421:
                raise reply.broken("the server ended the session")
            elif step is not Step.CLEAR:
                self._on_command(step, reply, backlog)
        if self._wire.lost:
            raise Broken(self._wire.lost)

    def lose(self, broken: Broken, backlog: Backlog, *, late: bool) -> None:
        """The connection is gone: settle or give back what it had. `late`: the server has had its time."""
        if self._following is not None:
            backlog.give_back(self._following)
        if self.current is None:
            return
        self.current.breaks += 1
        envelope = self.current.envelope
        if self._dot_left(self.current):
            backlog.settle(Uncertain(envelope.delivery_id, envelope.attempt, broken.reason))
        elif late or self.current.named or self.current.breaks >= TRIES:
            backlog.put_off(envelope, broken)
        else:
            backlog.give_back(self.current)
        self.current = self._following = None

    def _queue_commands(self, envelope: Envelope) -> None:
        utf8 = not (envelope.sender + envelope.recipient).isascii()
        mail = f"MAIL FROM:<{envelope.sender}>"
        if "SIZE" in self._extensions:
            mail += f" SIZE={len(envelope.payload)}"
        if not envelope.payload.isascii():
            mail += " BODY=8BITMIME"
        if utf8:
            mail += " SMTPUTF8"
        self._commands.append((Step.MAIL, f"{mail}\r\n".encode()))
        self._commands.append((Step.RCPT, f"RCPT TO:<{envelope.recipient}>\r\n".encode()))
        self._commands.append((Step.DATA, b"DATA\r\n"))
        self._advance()

    def _advance(self) -> None:
        """Queue all commands at once where the server takes that, else one after each reply."""
        while self._commands and (self._pipelining or not self._awaiting):
            step, line = self._commands.popleft()
            self._wire.queue(line)
            self._awaiting.append(step)

    def _on_command(self, step: Step, reply: Reply, backlog: Backlog) -> None:
        transaction = self.current
        assert transaction is not None  # noqa: S101
        refusal = verdict(step, reply, transaction.envelope)
        transaction.refusal = transaction.refusal or refusal  # the first one is the reason, the rest its echo
        if step is Step.MAIL and refusal is None:
            transaction.mail_taken = True
        elif step is Step.RCPT and refusal is None:
            transaction.rcpt_taken = True
        if step is Step.DATA and reply.code == 354 and transaction.refusal is None:
            self.held = True
        elif transaction.refusal and (step is Step.DATA or not self._pipelining):
            self._settle(transaction.refusal, reply, backlog)
            self._abandon(transaction, reply)
        else:
            self._advance()

    def _abandon(self, transaction: Transaction, reply: Reply) -> None:
        """Bring the server back to where MAIL is welcome."""
        self._commands.clear()
        if reply.code == 354:
            if transaction.rcpt_taken:  # then a lone dot would deliver an empty message
                raise reply.broken("an invitation after a refusal")
            self._wire.queue(b".\r\n")  # a 354 in spite of the refusal: nothing but the end (RFC 2920, 3.1)
        elif transaction.mail_taken:
            self._wire.queue(b"RSET\r\n")
        else:
            return
        self._awaiting.append(Step.CLEAR)

    def _on_dot(self, reply: Reply, backlog: Backlog) -> None:
        transaction = self.current
        assert transaction is not None  # noqa: S101
        assert transaction.dot is not None  # noqa: S101
        envelope = transaction.envelope
        early = self._wire.released < transaction.dot + len(b".\r\n")
        if reply.code < 400 and (early or reply.code >= 300):
            outcome: Outcome = Uncertain(envelope.delivery_id, envelope.attempt, f"strange: {reply.code} {reply.text}")
        else:
            outcome = final_verdict(reply, envelope)
        self._settle(outcome, reply, backlog)
        if early:
            raise reply.broken("an answer before the end of the message")
        if reply.code == 421:
            raise reply.broken("the server ended the session")
        if isinstance(outcome, Uncertain):
            raise reply.broken("not an answer to the end of a message")

    def _settle(self, outcome: Outcome, reply: Reply, backlog: Backlog) -> None:
        self.progressed = self.progressed or reply.code != 421
        backlog.settle(outcome)
        self.current, self._following = self._following, None
        self.since = self._clock()

    def _dot_left(self, transaction: Transaction) -> bool:
        return transaction.dot is not None and self._wire.released > transaction.dot


def stuffed(payload: bytes) -> bytes:
    """The payload as it goes over the wire: dots doubled at line starts, a last line end, the final dot."""
    doubled = payload.replace(b"\r\n.", b"\r\n..")
    lead = b"." if payload.startswith(b".") else b""
    tail = b".\r\n" if not payload or payload.endswith(b"\r\n") else b"\r\n.\r\n"
    return b"".join((lead, doubled, tail))


def verdict(step: Step, reply: Reply, envelope: Envelope) -> Outcome | None:
    """What a reply to MAIL, RCPT or DATA means for the message: None to go on. Raises Broken at nonsense."""
    if reply.code == 354 if step is Step.DATA else reply.code < 300:
        return None
    if reply.code < 400:
        raise reply.broken(f"not an answer to {step.name}")
    if reply.code < 500:
        return Retry(envelope.delivery_id, envelope.attempt, reply.code, reply.text)
    if step is Step.RCPT and reply.code not in NOT_ABOUT_THE_ADDRESS:
        return Rejected(envelope.delivery_id, envelope.attempt, reply.code, reply.text)
    return Alarm(envelope.delivery_id, envelope.attempt, reply.code, reply.text)


def final_verdict(reply: Reply, envelope: Envelope) -> Outcome:
    """What the reply to the final dot means."""
    kind = Accepted if reply.code < 300 else Retry if reply.code < 500 else Alarm
    return kind(envelope.delivery_id, envelope.attempt, reply.code, reply.text)
