"""How patient we are with a receiver, and which internal ones the operator has allowed."""

import ipaddress
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Rules for all posts of a transport.

    `allowed` holds internal targets, as 'host:port' (the host as it stands in the URL; IPv6 in brackets) or as
    networks ('10.2.0.0/16'). Only these may have a private address or plain http. A 'host:port' is trusted
    wherever its name leads. Behind NAT64 the operator's prefix ('64:ff9b::/96') has to be allowed like this,
    and with it whatever the translator reaches.
    """

    allowed: frozenset[str] = frozenset()
    deadline: float = 10.0
    """Seconds of the receiver's time for everything: name, connection, TLS, request and answer."""
    at_once: int = 8
    """Posts under way at the same time, each on a connection of its own."""
    ca_file: str | None = None
    """PEM file of the authorities to trust instead of the system's."""
    user_agent: str = "twotrack"

    def __post_init__(self) -> None:
        if self.deadline <= 0 or self.at_once < 1:
            raise ValueError("deadline and at_once must be positive")
        self.networks()

    def networks(self) -> tuple[Network, ...]:
        """The allowed networks. Raises ValueError at an entry that is neither a network nor 'host:port'."""
        return tuple(ipaddress.ip_network(entry) for entry in self.allowed if "/" in entry or not _has_port(entry))

    def names(self) -> frozenset[str]:
        """The allowed 'host:port', in lower case."""
        return frozenset(entry.lower() for entry in self.allowed if "/" not in entry)


def _has_port(entry: str) -> bool:
    host, _, port = entry.rpartition(":")
    return bool(host) and port.isdecimal() and ("]" in host or ":" not in host)
