"""A restored or copied database starts held: nobody is mailed until a person confirms (R29)."""

import json
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from comms import ledger
from comms.models import IncidentUpdate, Installation
from customers import clock
from customers.models import User


def is_held() -> bool:
    return Installation.objects.filter(held_at__isnull=False).exists()


def may_send() -> bool:
    """Whether nothing speaks against sending: asked before each task, because a lane may start before the clocks."""
    row = Installation.objects.get(pk=1)
    return row.held_at is None and not _suspicion(row)


@transaction.atomic
def check() -> Installation:
    """Compare this database with what is known of it; hold it if it is another one, or older than what was published.

    The first start of a new installation remembers the database. To be called when the clocks start.
    """
    row = Installation.objects.select_for_update().get(pk=1)
    if row.held_at is not None:
        return row
    if None in _known(row):
        Path(settings.STATE_FILE).unlink(missing_ok=True)  # what it counts was published before this began
        row.system_identifier, row.database_oid, row.timeline = ledger.identity()
        row.save(update_fields=["system_identifier", "database_oid", "timeline"])
    elif reason := _suspicion(row):
        _hold(row, reason)
    return row


def remember_publications() -> None:
    """Keep the number of the last update outside of the database; a beat of the clocks.

    Each machine has such a file. A backup restored while the clocks run is held here, for all machines.
    """
    row = Installation.objects.get(pk=1)
    if row.held_at is not None:
        return
    if _suspicion(row):
        check()
        return
    published = _published()
    if published > _counted(row):
        file = Path(settings.STATE_FILE)
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(
            json.dumps({"published": published, "database": ledger.identity(), "released": _released(row)})
        )
        fresh.replace(file)  # whole or not at all


@transaction.atomic
def release(*, actor: User) -> None:
    """A person says that this database may send: from now on it is the known one, whatever any machine has counted."""
    row = Installation.objects.select_for_update().get(pk=1)
    row.system_identifier, row.database_oid, row.timeline = ledger.identity()
    row.held_at, row.held_reason = None, ""
    row.released_by, row.released_at = actor, clock.now()
    row.save()


def _known(row: Installation) -> tuple[int | None, int | None, int | None]:
    return row.system_identifier, row.database_oid, row.timeline


def _suspicion(row: Installation) -> str:
    """Why this may be another database than the known one; empty where nothing says so."""
    if None in _known(row):
        return ""
    if _known(row) != ledger.identity():
        return "this database is a copy, or was restored: its server or its history is another one"
    if _counted(row) > _published():  # in this order: another machine may publish in between
        return "this database is older than what was published from here: it was restored from a backup"
    return ""


def _hold(row: Installation, reason: str) -> None:
    row.held_at, row.held_reason = clock.now(), reason
    row.save(update_fields=["held_at", "held_reason"])


def _published() -> int:
    return IncidentUpdate.objects.aggregate(last=Max("pk"))["last"] or 0


def _counted(row: Installation) -> int:
    """The number in this machine's file; 0 where it says nothing about this database.

    A machine may bring a file of another database, and one from before a release that a person gave on another machine.
    """
    try:
        kept = json.loads(Path(settings.STATE_FILE).read_text())
        ours = tuple(kept["database"]) == ledger.identity() and kept["released"] >= _released(row)
        return int(kept["published"]) if ours else 0
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0


def _released(row: Installation) -> float:
    return row.released_at.timestamp() if row.released_at else 0
