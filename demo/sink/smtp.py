"""The receiving side of SMTP (RFC 5321) as a state machine: strict about the protocol, quick with mail."""

import asyncio
import base64
import binascii
import re
import ssl
from collections.abc import Callable
from typing import Protocol, cast

from demo.sink.script import Moment, Script
from demo.sink.speaker import Speaker

PATH = re.compile(rb"(?:FROM|TO):\s?<([^<>]*)>(?: (.*))?", re.IGNORECASE)
SIZE = re.compile(rb"\bSIZE=(\d+)", re.IGNORECASE)
MAX_LINE = 4096
LAST_IN_GROUP = frozenset({b"EHLO", b"HELO", b"STARTTLS", b"DATA", b"QUIT", b"NOOP"})  # RFC 2920, 3.1


class Owner(Protocol):
    """What a connection needs of its sink."""

    script: Script

    def note(self, session: int, line: bytes) -> None:
        """A command was received, or "." for the end of a message."""

    def keep(self, session: int, mail_from: bytes, rcpt_to: list[bytes], parameters: bytes, raw: bytes) -> None:
        """A mail is accepted."""


class SmtpServer(Speaker):
    """One connection."""

    def __init__(self, owner: Owner, number: int, gone: Callable[["SmtpServer"], None]) -> None:
        super().__init__()
        self._owner = owner
        self._number = number
        self._gone = gone
        self._in = bytearray()
        self._searched = 0  # bytes of _in that do not hold the end of the message
        self._secure = owner.script.tls is not None
        self._greeted = self._logged_in = self._upgrading = False
        self._credentials: list[bytes] | None = None
        self._reset()

    def _reset(self) -> None:
        self._sender: bytes | None = None
        self._parameters = b""
        self._recipients: list[bytes] = []
        self._in_data = False

    @property
    def _delay(self) -> float:
        return self._owner.script.delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._answer("CONNECT", b"", "220 sink.test ESMTP ready")
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deaf = True
        self._gone(self)

    def say_by_hand(self, number: int, reply: str) -> None:
        """Speak out of turn, if this connection is the one with that number."""
        if number == self._number:
            self._say(reply)
            self._flush()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._in += data
        while self._in and not self._deaf and not self._upgrading:
            if not (self._take_message() if self._in_data else self._take_line()):
                break
        self._flush()

    def _take_line(self) -> bool:
        end = self._in.find(b"\n")
        if end < 0 or end > MAX_LINE:
            if len(self._in) > MAX_LINE:
                self._hang_up("500 5.5.2 line too long")
            return False
        line = bytes(self._in[: end + 1])
        del self._in[: end + 1]
        self._owner.note(self._number, line)
        verb = line[:-2].split(b" ", 1)[0].upper()
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            self._hang_up("500 5.5.2 bare CR or LF")
        elif self._in and (verb in LAST_IN_GROUP or not self._owner.script.pipelining):
            self._hang_up("503 5.5.0 improper pipelining")
        elif self._credentials is not None:
            self._on_credentials(line[:-2])
        else:
            self._on_command(verb, line[:-2])
        return True

    def _on_command(self, verb: bytes, line: bytes) -> None:
        match verb:
            case b"MAIL":
                self._on_mail(line)
            case b"RCPT":
                self._on_rcpt(line)
            case b"DATA":
                self._on_data(line)
            case b"EHLO" | b"HELO":
                self._greeted = self._answer("EHLO", line, self._offers() if verb == b"EHLO" else "250 sink.test")
                self._reset()
            case b"RSET":
                self._answer("RSET", line, "250 2.0.0 reset")
                self._reset()
            case b"QUIT":
                self._answer("QUIT", line, "221 2.0.0 bye")
                self._say(None)
            case b"STARTTLS":
                self._on_starttls(line)
            case b"AUTH":
                self._on_auth(line)
            case b"NOOP":
                self._say("250 2.0.0 ok")
            case _:
                self._say("502 5.5.1 no such command")

    def _offers(self) -> str:
        script = self._owner.script
        lines = ["sink.test", f"SIZE {script.size}", "ENHANCEDSTATUSCODES"]
        lines += ["PIPELINING"] * script.pipelining + ["8BITMIME"] * script.eight_bit + ["SMTPUTF8"] * script.utf8
        if script.starttls is not None and not self._secure:
            lines.append("STARTTLS")
        elif script.login is not None:
            lines.append(f"AUTH {script.mechanisms}")
        return "250 " + "\n".join(lines)

    def _on_mail(self, line: bytes) -> None:
        script = self._owner.script
        path = PATH.fullmatch(line[5:])
        size = SIZE.search(line)
        if not self._greeted or self._sender is not None:
            self._say("503 5.5.1 MAIL out of order")
        elif script.login is not None and not self._logged_in:
            self._say("530 5.7.0 authentication required")
        elif path is None:
            self._say("501 5.1.7 bad sender")
        elif size is not None and int(size[1]) > script.size:
            self._say("552 5.3.4 too big")
        elif self._answer("MAIL", line, "250 2.1.0 ok"):
            self._sender, self._parameters = path[1], path[2] or b""

    def _on_rcpt(self, line: bytes) -> None:
        path = PATH.fullmatch(line[5:])
        if self._sender is None:
            self._say("503 5.5.1 RCPT out of order")
        elif path is None or not path[1]:
            self._say("501 5.1.3 bad recipient")
        elif self._answer("RCPT", line, "250 2.1.5 ok"):
            self._recipients.append(path[1])

    def _on_data(self, line: bytes) -> None:
        if self._sender is None:
            self._say("503 5.5.1 DATA out of order")
        elif not self._recipients and not any(fault.at == "DATA" for fault in self._owner.script.faults):
            self._say("554 5.5.1 no valid recipients")
        elif self._answer("DATA", line, "354 end with a dot"):
            self._in_data = True
            self._searched = 0

    def _take_message(self) -> bool:
        """The whole message, once its end is here: undo dot-stuffing, find what servers disagree on."""
        if self._in.startswith(b".\r\n"):
            raw, rest = b"", 3
        else:
            end = self._in.find(b"\r\n.\r\n", max(self._searched - 4, 0))
            self._searched = len(self._in)
            if end < 0:
                if len(self._in) > 2 * self._owner.script.size:
                    self._hang_up("552 5.3.4 too big")
                return False
            raw, rest = bytes(self._in[: end + 2]), end + 5
        del self._in[:rest]
        self._owner.note(self._number, b".")
        ends = raw.count(b"\r\n")
        strange = raw.count(b"\n") != ends or raw.count(b"\r") != ends
        if raw.startswith(b"."):
            raw = raw[1:]
        self._on_message(raw.replace(b"\r\n.", b"\r\n"), strange=strange)
        return True

    def _on_message(self, raw: bytes, *, strange: bool) -> None:
        usual = "250 2.0.0 taken"
        if strange:
            usual = "554 5.6.11 bare CR or LF"
        elif len(raw) > self._owner.script.size:
            usual = "552 5.3.4 too big"
        elif not self._recipients:
            usual = "554 5.5.1 no valid recipients"
        about = b"\n".join((*self._recipients, raw)) if self._owner.script.faults else b""
        if self._answer("DOT", about, usual):
            self._owner.keep(self._number, self._sender or b"", self._recipients, self._parameters, raw)
        self._reset()

    def _on_starttls(self, line: bytes) -> None:
        context = self._owner.script.starttls
        if context is None or self._secure:
            self._say("502 5.5.1 not offered")
            return
        if self._answer("STARTTLS", line, "220 2.0.0 go ahead") and not self._deaf:
            self._flush()
            self._upgrading = True
            if self.transport is not None:
                self.transport.pause_reading()  # the first bytes of TLS are not ours to read
            self._upgrade = asyncio.get_running_loop().create_task(self._start_tls(context))

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:  # a late 220
            await asyncio.sleep(0.001)
        assert self.transport is not None  # noqa: S101
        try:
            self.transport = await loop.start_tls(self.transport, self, context, server_side=True)
        except OSError:
            return
        self._secure, self._greeted, self._upgrading = True, False, False
        self._reset()
        self.data_received(b"")  # what came in one piece with the end of the handshake

    def _on_auth(self, line: bytes) -> None:
        words = line.split(b" ")
        mechanism = words[1].upper() if len(words) > 1 else b""
        if self._owner.script.login is None or mechanism.decode("ascii", "replace") not in (
            self._owner.script.mechanisms.split()
        ):
            self._say("504 5.5.4 no such mechanism")
        elif mechanism == b"PLAIN" and len(words) == 3:
            self._check(_decoded(words[2]).split(b"\0")[1:])
        else:
            self._credentials = []
            self._say("334 VXNlcm5hbWU6" if mechanism == b"LOGIN" else "334 ")

    def _on_credentials(self, line: bytes) -> None:
        assert self._credentials is not None  # noqa: S101
        answer = _decoded(line)
        self._credentials += answer.split(b"\0")[1:] if b"\0" in answer else [answer]
        if len(self._credentials) < 2:
            self._say("334 UGFzc3dvcmQ6")
        else:
            self._check(self._credentials)
            self._credentials = None

    def _check(self, credentials: list[bytes]) -> None:
        login = self._owner.script.login
        good = login is not None and credentials == [login[0].encode(), login[1].encode()]
        self._logged_in = self._answer("AUTH", b"", "235 2.7.0 welcome" if good else "535 5.7.8 wrong")

    def _answer(self, moment: Moment, text: bytes, usual: str) -> bool:
        """Reply as usual or as the script has it; True unless the client is told no."""
        script = self._owner.script
        fault = script.fault(moment, text) if script.faults else None
        if fault is None:
            self._say(usual)
            return usual[0] in "23"
        reply = usual if fault.reply is None else fault.reply
        self._say(reply, fault.drip)
        if fault.then == "close":
            self._say(None)
        elif fault.then == "hang":
            self._deaf = True
            if self.transport is not None:
                self.transport.pause_reading()
        return reply == "" or reply[0] in "23"

    def _hang_up(self, reply: str) -> None:
        self._say(reply)
        self._say(None)


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
