"""Where the relay is and how patient we are with it."""

import ssl
from dataclasses import dataclass, field
from typing import Literal

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One relay. With `starttls` or `tls` nothing private is said in the clear: there is no fallback."""

    host: str
    port: int = 25
    username: str = ""
    password: str = field(default="", repr=False)
    security: Security = "none"
    connections: int = 4
    timeout: float = 15.0
    """Seconds in which a connection must be ready: connect, TLS, EHLO and AUTH together."""
    deadline: float = 30.0
    """Seconds of the server's time for a whole message, from MAIL to the answer to its final dot."""
    local_hostname: str = "localhost"
    """What we call ourselves in EHLO."""
    ca_file: str | None = None
    """PEM file of the authorities to trust instead of the system's."""
    verify: bool = True

    def __post_init__(self) -> None:
        if self.connections < 1 or self.timeout <= 0 or self.deadline <= 0:
            raise ValueError("connections, timeout and deadline must be positive")
        if not self.local_hostname.isascii() or not self.local_hostname.isprintable() or " " in self.local_hostname:
            raise ValueError("local_hostname must be one word of printable ASCII")

    def tls_context(self) -> ssl.SSLContext | None:
        """The client's TLS rules, or None where the relay is spoken to in the clear."""
        if self.security == "none":
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
