"""What became public of an incident and when, as its reader was told: nothing of our own notes (C10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from comms.choices import ImpactLevel, IncidentStatus
from comms.models import Incident, IncidentUpdate, Message
from portal.customer.touches import WORST_FIRST, Touch


@dataclass(frozen=True)
class Event:
    """`tone` is an ending of the component `.timeline-item`."""

    at: datetime
    words: str
    tone: str = ""


def timeline_of(incident: Incident, messages: Sequence[Message], touches: Sequence[Touch]) -> list[Event]:
    """Detected, each update with what it changed for the reader, restored, resolved; the oldest first."""
    events = [Event(incident.detected_at, _("First detected"), "error")]
    names = {touch.component_id: touch.service.name for touch in touches}
    before: IncidentUpdate | None = None
    for message in messages:
        update = message.update
        if update is None:
            continue
        events.append(_told(message, update, before))
        events += _changed(update, before, names)
        before = update
    return events


def _told(message: Message, update: IncidentUpdate, before: IncidentUpdate | None) -> Event:
    status, at = IncidentStatus(update.status), update.published_at
    words = {"number": message.sequence, "status": status.label}
    if status is IncidentStatus.RESOLVED and (before is None or before.status != status):
        return Event(at, _("Resolved"), "ok")
    if before is None:
        return Event(at, _("First message: %(status)s") % words, "said")
    if before.status == IncidentStatus.RESOLVED and status is not IncidentStatus.RESOLVED:
        return Event(at, _("Opened again: %(status)s") % words, "error")
    if before.status != status:
        return Event(at, _("Update %(number)d: now %(status)s") % words, "said")
    return Event(at, _("Update %(number)d") % words, "said")


def _changed(update: IncidentUpdate, before: IncidentUpdate | None, names: dict[int, str]) -> list[Event]:
    """What got better or worse of the reader's services since the update before."""
    if before is None or IncidentStatus.RESOLVED in (before.status, update.status):
        return []
    old, new = _levels(before, names), _levels(update, names)
    events = []
    for name in dict.fromkeys(names.values()):
        if old.get(name) == new.get(name):
            continue
        if name in new:
            words = _("%(service)s: %(level)s") % {"service": name, "level": new[name].label}
            events.append(Event(update.published_at, words, "warn"))
        else:
            words = _("%(service)s is restored") % {"service": name}
            events.append(Event(update.published_at, words, "ok"))
    return events


def _levels(update: IncidentUpdate, names: dict[int, str]) -> dict[str, ImpactLevel]:
    """How bad each of these services was by an update; those that were well are left out."""
    found: dict[str, ImpactLevel] = {}
    for component, value in update.affected.items():
        name, level = names.get(int(component)), ImpactLevel(value)
        if name is not None and (name not in found or WORST_FIRST.index(level) < WORST_FIRST.index(found[name])):
            found[name] = level
    return found
