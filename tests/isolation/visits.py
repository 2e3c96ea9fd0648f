"""Going somewhere as somebody, and telling two answers apart."""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponseBase
from django.test import Client

from customers.models import User
from tests.isolation.addresses import Address
from tests.isolation.markers import everything, markers_in

_TOKEN = re.compile(r"[A-Za-z0-9]{64}")  # csrf tokens differ in every answer
_COOKIE = re.compile(r"Set-Cookie: (csrftoken|sessionid|messages)=[^\n]*")
HTMX = {"HX-Request": "true"}


def client_of(user: User | None, **options: Any) -> Client:
    client = Client(raise_request_exception=True, **options)
    if user is not None:
        client.force_login(user)
    return client


def seen(client: Client, paths: Iterable[str], **headers: str) -> dict[str, set[str]]:
    """The markers in the whole answer of each address."""
    return {path: markers_in(everything(client.get(path, headers=headers))) for path in paths}


def answer(response: HttpResponseBase, path: str) -> str:
    """The whole answer without what differs between any two: its own address, tokens."""
    said = everything(response)
    bare = path.partition("?")[0]
    for own in sorted({path, bare}, key=len, reverse=True):
        for form in (own, quote(own), quote(own, safe=""), urlencode({"next": own}).removeprefix("next=")):
            said = said.replace(form, "(address)")
    said = re.sub(r"(Content-Length|Expires): [^\n]*", "", said)  # of the address, and of the second
    return _TOKEN.sub("(token)", _COOKIE.sub(r"Set-Cookie: \1", said))


def differing(client: Client, pairs: Iterable[Address], method: str = "GET", **headers: str) -> Iterator[str]:
    """Those places where what is not ours can be told from what does not exist."""
    for pair in pairs:
        if pair.path == pair.twin:  # there is nothing to tell apart but the time
            continue
        there, nowhere = (client.generic(method, path, headers=headers) for path in (pair.path, pair.twin))
        if answer(there, pair.path) != answer(nowhere, pair.twin):
            yield f"{method} {pair.path}"
