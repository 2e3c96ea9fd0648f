"""A fresh database for one bench, on the server that DATABASE_URL names; its user must be a superuser."""

import io
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql


@contextmanager
def fresh_database() -> Iterator[None]:
    """Made, migrated, and this process (with what it starts) pointed at it; dropped at the end, whoever is in it.

    SIGTERM ends this process in order from here on.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("asked to end"))
    given = os.environ["DATABASE_URL"]
    name = f"bench_{secrets.token_hex(4)}"
    with psycopg.connect(given, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            _point_at(name, urlsplit(given)._replace(path=f"/{name}").geturl())
            call_command("setup", verbosity=0, stdout=io.StringIO())
            yield
        finally:
            connections.close_all()
            os.environ["DATABASE_URL"] = given
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _point_at(name: str, url: str) -> None:
    connections.close_all()
    connection.settings_dict["NAME"] = name  # as Django's own test runner does
    os.environ["DATABASE_URL"] = url


def run(statement: str, *params: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def number(statement: str, *params: object) -> int:
    """The one number that this query returns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        (found,) = cursor.fetchone()
    return int(found)


def empty_ledger() -> None:
    """As a round finds it: no rows, no dead ones, and no checkpoint that the round before has earned."""
    run("TRUNCATE comms_delivery")
    run("CHECKPOINT")
