"""What never leaves: envelopes that would break the protocol, or that this relay cannot carry unharmed."""

import re
from collections.abc import Mapping

from comms.transports.base import Alarm, Envelope, Rejected

# A mailbox of RFC 5321 and 6531 without its finer points, but with nothing in it that could end the line or
# the brackets: no control characters, no surrogates, white space and brackets only in a quoted local part.
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
ADDRESS = re.compile(rf'(?:[^\s<>"{CONTROL}]+|"(?:[^"\\{CONTROL}]|\\[\x20-\x7e])+")@[^\s<>@"{CONTROL}]+')
MAX_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, erratum 1690

Refusal = Rejected | Alarm


def refusal_anywhere(envelope: Envelope) -> Refusal | None:
    """Why no relay may see this envelope. A bad recipient concerns him alone; all else is our fault."""
    if not _is_address(envelope.recipient):
        return _rejected(envelope, "not an e-mail address")
    if envelope.sender and not _is_address(envelope.sender):
        return _alarm(envelope, "the sender is not an e-mail address")
    payload = envelope.payload
    ends = payload.count(b"\r\n")
    if payload.count(b"\n") != ends or payload.count(b"\r") != ends:
        # Servers disagree on what a bare CR or LF before a dot ends: "SMTP smuggling".
        return _alarm(envelope, "the message has a bare CR or LF")
    return None


def refusal_of(envelope: Envelope, extensions: Mapping[str, str]) -> Refusal | None:
    """Why this relay, with what its EHLO offers, cannot carry the envelope."""
    if "SMTPUTF8" not in extensions:
        if not envelope.recipient.isascii():
            return _rejected(envelope, "the address is not ASCII and the relay does not offer SMTPUTF8")
        if not envelope.sender.isascii():
            return _alarm(envelope, "the sender is not ASCII and the relay does not offer SMTPUTF8")
    if "8BITMIME" not in extensions and not envelope.payload.isascii():
        return _alarm(envelope, "the message has 8-bit bytes and the relay does not offer 8BITMIME")
    limit = extensions.get("SIZE", "")
    if limit.isdigit() and 0 < int(limit) < len(envelope.payload):
        return _alarm(envelope, f"the message has {len(envelope.payload)} bytes, the relay takes {limit}")
    return None


def _is_address(text: str) -> bool:
    return len(text) <= MAX_ADDRESS and ADDRESS.fullmatch(text) is not None


def _rejected(envelope: Envelope, reason: str) -> Rejected:
    return Rejected(envelope.delivery_id, envelope.attempt, None, reason)


def _alarm(envelope: Envelope, reason: str) -> Alarm:
    return Alarm(envelope.delivery_id, envelope.attempt, None, reason)
