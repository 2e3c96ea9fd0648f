"""Addresses of every route, for the things of a side or for such as do not exist."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.isolation.routes import ROUTES, Route
from tests.isolation.world import Side


@dataclass(frozen=True)
class Found:
    """A pattern as the resolver has it: its full text and its name with namespaces."""

    pattern: str
    name: str


def walk(resolver: URLResolver | None = None, before: str = "", spaces: tuple[str, ...] = ()) -> Iterator[Found]:
    """Every pattern of the project, however deep."""
    for entry in (resolver or get_resolver()).url_patterns:
        whole = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield Found(whole, ":".join([*spaces, entry.name or ""]))
        else:
            yield from walk(entry, whole, (*spaces, entry.namespace) if entry.namespace else spaces)


@dataclass(frozen=True)
class Address:
    """Somewhere to go, and the same place for something that does not exist (`twin`)."""

    route: str
    path: str
    twin: str


def addresses(side: Side, names: list[str] | None = None) -> list[Address]:
    """Everything of a side, on every route outside the admin."""
    return [address for name in names or ROUTES for address in _of_route(name, ROUTES[name], side)]


def _of_route(name: str, route: Route, side: Side) -> Iterator[Address]:
    missing = _arguments(route, None)
    nothing = route.queries(None)
    for n, arguments in enumerate(_arguments(route, side)):
        twin = missing[min(n, len(missing) - 1)]
        for m, query in enumerate(route.queries(side)):
            other = nothing[min(m, len(nothing) - 1)]
            yield Address(name, reverse(name, kwargs=arguments) + query, reverse(name, kwargs=twin) + other)


def _arguments(route: Route, side: Side | None) -> list[dict[str, Any]]:
    values = [ids(side) for ids in route.args.values()]
    return [dict(zip(route.args, combination, strict=True)) for combination in product(*values)]
