"""Whether the sessions behind the sockets still exist: a socket outlives its log-out unless somebody looks."""

from collections.abc import Collection

from django.contrib.sessions.models import Session
from django.db import connection

from customers.models import User
from portal.live.reader import Holder

ALIVE = f"""
    SELECT held.session_key, held.user_id, held.password_mark
    FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS held (session_key, user_id, password_mark)
    JOIN {Session._meta.db_table} AS session
        ON session.session_key = held.session_key AND session.expire_date > now()
    JOIN {User._meta.db_table} AS person
        ON person.id = held.user_id AND person.is_active AND md5(person.password) = held.password_mark
"""  # noqa: S608  the names are Django's


def alive(holders: Collection[Holder]) -> set[Holder]:
    """Those whose session exists, whose user is active and has the same password: one query for all."""
    with connection.cursor() as cursor:
        cursor.execute(ALIVE, [list(column) for column in zip(*holders, strict=True)] or [[], [], []])
        return {Holder(*row) for row in cursor.fetchall()}
