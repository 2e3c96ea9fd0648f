"""Where a post may go: https, a public address, or what the operator has allowed. Resolved once, then connected to."""

import ipaddress
import queue
import re
import socket
import threading
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from comms.transports.http.messages import Refused, Unreachable
from comms.transports.http.settings import HttpSettings

PRINTABLE = re.compile(r"[\x21-\x7e]{1,2048}")
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*\.?")
DEFAULT_PORTS = {"https": 443, "http": 80}

# What ipaddress of some Python versions takes for global, and the ways to carry an IPv4 address in an IPv6 one.
# All else that embeds one (mapped, NAT64) lies outside of the only block that is given out to networks, 2000::/3.
NOT_PUBLIC_4 = [ipaddress.IPv4Network(text) for text in ("192.0.0.0/24", "192.88.99.0/24")]
GIVEN_OUT_6 = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC_6 = [ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]


class Address(NamedTuple):
    """One result of getaddrinfo."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        return ipaddress.ip_address(self.sockaddr[0])


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart; nothing in it can end a line or a header."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Raises Refused at anything but a plain http or https URL in ASCII."""
        if not PRINTABLE.fullmatch(url):
            raise Refused("not a URL: only printable ASCII, at most 2048 characters")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise Refused(f"not a URL: {error}") from None
        if parts.scheme not in DEFAULT_PORTS:
            raise Refused("not an https URL")
        if "@" in parts.netloc:
            raise Refused("a URL with a user name or password is not posted to")
        if port == 0 or not (_is_ipv6(host) if "[" in parts.netloc else HOST.fullmatch(host)):
            raise Refused("the URL names no host that can be posted to")
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], (parts.path or "/") + query)

    @property
    def origin(self) -> str:
        """'host:port', IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """As it stands in the Host header: without the port that goes without saying."""
        return self.origin.removesuffix(f":{DEFAULT_PORTS[self.scheme]}")


class Guard:
    """Lets through what is public and what the operator has allowed."""

    def __init__(self, settings: HttpSettings) -> None:
        self._names = settings.names()
        self._networks = settings.networks()

    def check(self, target: Target) -> None:
        """What can be said without asking for the name. Raises Refused."""
        if target.scheme != "https" and target.origin not in self._names and not self._networks:
            raise Refused("plain http is for internal targets on the operator's list; use https")
        literal = _literal(target)
        if literal and not self._fit(target, literal):
            raise Refused("the URL leads to an address that is not public")

    def addresses(self, target: Target, seconds: float) -> list[Address]:
        """The addresses that may be connected to, at least one.

        Raises Refused where the URL itself is at fault; Unreachable where its name is, because what a name
        leads to may change, and a resolver that lies for an hour must not end all webhooks for good.
        """
        self.check(target)
        found = self._fit(target, _literal(target) or _resolve(target, seconds))
        if not found:
            raise Unreachable(f"{target.host} does not lead to a public address")
        return found

    def _fit(self, target: Target, addresses: list[Address]) -> list[Address]:
        named = target.origin in self._names
        return [a for a in addresses if named or self._fits(a, secure=target.scheme == "https")]

    def _fits(self, address: Address, *, secure: bool) -> bool:
        return (secure and is_public(address.ip)) or any(address.ip in network for network in self._networks)


def refusal_of(url: str, settings: HttpSettings) -> str | None:
    """Why this URL is never posted to, for the form in which it is entered; None if nothing is wrong so far."""
    try:
        Guard(settings).check(Target.parse(url))
    except Refused as refused:
        return str(refused)
    return None


def is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether the address can only belong to a host on the internet."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not any(ip in network for network in NOT_PUBLIC_4)
    return ip in GIVEN_OUT_6 and ip.is_global and not any(ip in network for network in NOT_PUBLIC_6)


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _literal(target: Target) -> list[Address]:
    """The address that the host itself is, in any spelling the system reads ('0x7f.1'); empty for a name."""
    try:
        return _ask(target, socket.AI_NUMERICHOST)
    except OSError:
        return []


def _ask(target: Target, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, flags=flags)
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]


def _resolve(target: Target, seconds: float) -> list[Address]:
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_ask(target))
        except OSError as error:
            answers.put(error)

    # getaddrinfo has no time-out of its own: a resolver that is away would hold the worker.
    threading.Thread(target=ask, name="http-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise Unreachable(f"{target.host} was not resolved within {seconds:g} s") from None
    if isinstance(answer, OSError):
        raise Unreachable(f"{target.host} cannot be resolved: {answer}") from answer
    return answer
