"""The ear: one connection of its own per process that LISTENs, and comes back for ever."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from django.db import connection

from comms.live import CHANNEL

log = structlog.get_logger(__name__)
APPLICATION_NAME = "live"  # as PostgreSQL's pg_stat_activity shows it
HEARTBEAT_SECONDS = 10.0  # a server that vanished without a word is noticed after this and the next
ANSWER_SECONDS = 5.0
RETRY_SECONDS, RETRY_MAX_SECONDS = 0.2, 10.0


async def listen(*, listening: Callable[[], None], notified: Callable[[str], None]) -> None:
    """Call `notified` with each payload, and `listening` after every LISTEN: what was said before it was not heard."""
    failures = 0
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**_parameters()) as ear:
                await ear.execute(f"LISTEN {CHANNEL}")
                failures = 0
                listening()
                while True:
                    async for notify in ear.notifies(timeout=HEARTBEAT_SECONDS):
                        notified(notify.payload)
                    await asyncio.wait_for(ear.execute("SELECT 1"), ANSWER_SECONDS)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("not listening for updates", error=str(error), failures=failures)
        delay = min(RETRY_SECONDS * 2**failures, RETRY_MAX_SECONDS)
        failures = min(failures + 1, 10)
        await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311  jitter: not all processes at once


def _parameters() -> dict[str, Any]:
    """Django's own, of whatever kind (TCP, socket folder, service), less what belongs to its wrapper."""
    parameters: dict[str, Any] = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        parameters.pop(name, None)
    return {
        "connect_timeout": 5,
        **parameters,
        "application_name": APPLICATION_NAME,
        "autocommit": True,
    }
