"""The one clock that judges promises: the database's, so that a wrong machine clock breaks none."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """The database's wall clock, aware UTC; inside a transaction it goes on, unlike SQL's now()."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (instant,) = cursor.fetchone()
    return instant  # type: ignore[no-any-return]
