from datetime import datetime

from comms.choices import TimelineKind
from comms.models import Incident, TimelineEntry
from customers.models import User


def note(incident: Incident, kind: TimelineKind, text: str, *, now: datetime, actor: User | None = None) -> None:
    """Write what happened, who did it and when; it cannot be changed afterwards (C10)."""
    TimelineEntry.objects.create(incident=incident, at=now, kind=kind, actor=actor, text=text)
