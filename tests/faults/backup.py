"""A backup of the fault's database, and its restoring. Not by pg_dump: that refuses a server newer than it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from django.db import connection
from psycopg import sql

from tests.instances import database_url


@contextmanager
def copy_of(name: str) -> Iterator[str]:
    """A database with the content of this one as it is now, until the block ends; its name. Nobody may be connected."""
    connection.close()
    copy = sql.Identifier(f"{name}_copy")
    with psycopg.connect(url_of("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, sql.Identifier(name)))
        try:
            yield f"{name}_copy"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(copy))


@contextmanager
def pointed_at(name: str) -> Iterator[None]:
    """This process, and what it starts, use this database until the block ends."""
    home = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = home


def restore(backup: str, home: str) -> None:
    """Every row and every sequence as the backup has it, in the database that stays where it is."""
    with psycopg.connect(url_of(backup)) as source, psycopg.connect(url_of(home)) as target:
        tables = source.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        names = [sql.Identifier(table) for (table,) in tables]
        target.execute("SET session_replication_role = replica")  # no trigger, and any order of the tables
        target.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))
        for name in names:
            with (
                source.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(name)) as rows,
                target.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as table,
            ):
                for block in rows:
                    table.write(block)
        sequences = source.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
        for sequence, last in sequences.fetchall():
            target.execute("SELECT setval(%s::regclass, %s, %s)", [f'"{sequence}"', last or 1, last is not None])


def url_of(name: str) -> str:
    return urlsplit(database_url())._replace(path=f"/{name}").geturl()
