"""CPU seconds of ours and of PostgreSQL while something runs; the sink's are not counted."""

import contextlib
import os
from collections.abc import Callable, Iterable

import psutil
from django.db import connection


def noting(call: Callable[[], None], used: list[float], *, head: int | None = None) -> Callable[[], None]:
    """`call`, which then adds to `used` what it cost: this process or, with `head`, that one with all its children.

    Of PostgreSQL, which must run on this machine, the backends of our database count; the server's own helpers,
    which also serve others, do not.
    """

    def noted() -> None:
        before = _seconds(head)
        call()
        after = _seconds(head)
        used.append(sum(spent - before.get(pid, 0.0) for pid, spent in after.items()))

    return noted


def _seconds(head: int | None) -> dict[int, float]:
    """By process id. One that ends meanwhile is not counted: here none does."""
    found = {}
    for process in [*_ours(head), *_backends()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            found[process.pid] = times.user + times.system
    return found


def _ours(head: int | None) -> list[psutil.Process]:
    if head is None:
        return [psutil.Process(os.getpid())]
    process = psutil.Process(head)
    return [process, *process.children(recursive=True)]


def _backends() -> Iterable[psutil.Process]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        for (pid,) in cursor.fetchall():
            with contextlib.suppress(psutil.NoSuchProcess):
                yield psutil.Process(pid)
