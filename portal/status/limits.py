"""How often the page of subscriptions mails and posts: it must not become a way to flood a stranger."""

import hashlib
import ipaddress

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

HOUR = 3600
MAILS_TO_ADDRESS, ASKED_BY_CLIENT = 3, 20


def take(name: str, whose: str, most: int, seconds: int = HOUR) -> bool:
    """One of `most` places for `seconds`; False if all are taken. Of two at once only one gets the last."""
    key = hashlib.sha256(whose.lower().encode()).hexdigest()
    places = [f"status:{name}:{key}:{n}" for n in range(most)]
    taken = cache.get_many(places)
    return any(cache.add(place, 1, seconds) for place in places if place not in taken)


def client_of(request: HttpRequest) -> str:
    """The client's address; of IPv6 the network that one customer of a provider has."""
    address = ipaddress.ip_address(get_adapter(request).get_client_ip(request))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)
