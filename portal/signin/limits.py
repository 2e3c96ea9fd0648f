"""How often somebody may guess a password, and how many codes may be mailed: nobody is kept out by others' failures.

What is counted is who guesses: an address, or a browser that has signed in before, each for the account at which it
guesses. So an attacker cannot lock a customer out, and an office of 200 people behind one address signs in at once:
a success counts nothing. A browser that is known stands apart from its address, whatever others do there.
"""

import hashlib
import ipaddress
import random
import secrets
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac

COOKIE = "known"
COOKIE_SECONDS = 365 * 24 * 3600
PEOPLE_OF_BROWSER = 5
SALT = "portal.signin.known"


@dataclass(frozen=True)
class Ceiling:
    """At most `most` in `seconds`, counted from each."""

    name: str
    most: int
    seconds: int

    def _places(self, of: tuple[str, ...]) -> list[str]:
        whose = hashlib.sha256("\n".join(of).encode()).hexdigest()
        return [f"signin:{self.name}:{whose}:{n}" for n in range(self.most)]

    def _free(self, of: tuple[str, ...]) -> list[str]:
        places = self._places(of)
        taken = cache.get_many(places)
        return [place for place in places if place not in taken]

    def reached(self, *of: str) -> bool:
        return not self._free(of)

    def take(self, *of: str) -> str | None:
        """One of the places, for `seconds`; None if there is none. Of two at once only one gets the last."""
        free = self._free(of)
        random.shuffle(free)  # those who come at once do not all try the same one
        return next((place for place in free if cache.add(place, 1, self.seconds)), None)


GUESSES = Ceiling("guesses", most=20, seconds=300)
"""Wrong passwords of one address, or one known browser, for one account."""
GUESSES_OF_ADDRESS = Ceiling("guesses-of-address", most=300, seconds=300)
"""Wrong passwords of one address for any account: one common password tried at everybody's."""
CODES = Ceiling("codes", most=5, seconds=600)
"""Mailed codes that one address, or one known browser, asks for one account."""
CODES_OF_ACCOUNT = Ceiling("codes-of-account", most=60, seconds=600)
"""Mailed codes that all unknown browsers together ask for one account: nobody's mailbox is flooded from many places."""


def address_of(request: HttpRequest) -> str:
    """The client's address; of IPv6 the network that one customer of a provider has."""
    address = ipaddress.ip_address(get_adapter(request).get_client_ip(request))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


@dataclass(frozen=True)
class Attempt:
    """One password that is about to be checked."""

    place: str
    address: str | None

    def succeeded(self) -> None:
        cache.delete(self.place)

    def failed(self) -> None:
        if self.address is not None:
            GUESSES_OF_ADDRESS.take(self.address)


def attempt(request: HttpRequest, email: str) -> Attempt | None:
    """None: too many have failed, and this password is not looked at."""
    browser, address = _browser(request, email), address_of(request)
    if browser is None and GUESSES_OF_ADDRESS.reached(address):
        return None
    place = GUESSES.take(browser or address, email.lower())
    return None if place is None else Attempt(place, None if browser else address)


def may_have_code(request: HttpRequest, email: str) -> bool:
    """Whether another code is mailed; the answer does not depend on whether there is such a login."""
    browser = _browser(request, email)
    if CODES.take(browser or address_of(request), email.lower()) is None:
        return False
    return browser is not None or CODES_OF_ACCOUNT.take(email.lower()) is not None


def remember(request: HttpRequest, response: HttpResponseBase, email: str) -> None:
    """From now on this browser is known as this person's."""
    known = _known(request)
    people = [_mark(email), *(mark for mark in known.get("people", []) if mark != _mark(email))]
    value = {"browser": known.get("browser") or secrets.token_urlsafe(16), "people": people[:PEOPLE_OF_BROWSER]}
    response.set_cookie(
        COOKIE,
        signing.dumps(value, salt=SALT),
        max_age=COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _browser(request: HttpRequest, email: str) -> str | None:
    """The name of a browser that has signed in to this account before."""
    known = _known(request)
    return known["browser"] if _mark(email) in known.get("people", []) else None


def _known(request: HttpRequest) -> dict[str, Any]:
    try:
        known: dict[str, Any] = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=COOKIE_SECONDS)
    except signing.BadSignature:
        return {}
    return known


def _mark(email: str) -> str:
    return salted_hmac(SALT, email.lower()).hexdigest()[:20]
