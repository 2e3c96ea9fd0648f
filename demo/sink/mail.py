"""A mail as it was received."""

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property


@dataclass(frozen=True)
class Mail:
    """Parsed only when somebody looks: receiving must be fast."""

    n: int
    """Counts from 1 over the sink's life."""
    at: datetime
    session: int
    """Number of the connection it came by."""
    mail_from: str
    rcpt_to: tuple[str, ...]
    parameters: str
    """What followed the address in MAIL: SIZE, BODY, SMTPUTF8."""
    raw: bytes
    """Without dot-stuffing and final dot."""

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    def header(self, name: str) -> str:
        """A header as text; empty if missing, its raw form if it cannot be read."""
        try:
            return str(self.message.get(name, ""))
        except Exception:
            return "(unreadable)"

    def part(self, kind: str) -> str:
        """The body of subtype `plain` or `html`; empty if there is none."""
        try:
            body = self.message.get_body((kind,))
            return str(body.get_content()) if body is not None else ""
        except Exception:
            return "(unreadable)"
