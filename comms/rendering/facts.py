"""The fact sheet as the values of placeholders: the one place where both tracks take their facts from (C6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from comms.choices import ImpactLevel, IncidentStatus
from comms.rendering.marks import clean, clean_line, time_mark
from customers.choices import Severity


@dataclass(frozen=True)
class Affected:
    """An affected component with the names that each track may see."""

    service: str
    name: str
    cluster: str
    region: str
    level: ImpactLevel


@dataclass(frozen=True)
class Situation:
    """Everything that an update says beside the author's own words."""

    reference: str
    title: str
    number: int
    status: IncidentStatus
    severity: Severity
    detected_at: datetime
    resolved_at: datetime | None
    affected: Sequence[Affected]
    facts: Mapping[str, Any]
    company: str
    phone: str


def placeholders(situation: Situation, *, note: str, next_update_at: datetime | None) -> dict[str, str]:
    """A value for every allowed placeholder; an empty one leaves its line out."""
    facts = situation.facts
    prose = {name: clean(str(value)) for name, value in facts.items() if isinstance(value, str)}
    return prose | {
        "reference": situation.reference,
        "title": clean_line(situation.title),
        "update": str(situation.number),
        "status": str(situation.status.label),
        "severity": str(situation.severity.label),
        "services": ", ".join(dict.fromkeys(clean_line(a.service) for a in situation.affected)),
        "components": "\n".join(_component(a) for a in situation.affected),
        "detected": time_mark(situation.detected_at),
        "resolved": _time(situation.resolved_at),
        "duration": _duration(situation),
        "percent_restored": _percent(facts.get("percent_restored")),
        "users_affected": _range(facts.get("users_affected_low"), facts.get("users_affected_high")),
        "figures_refresh": _time(_instant(facts.get("figures_refresh_at"))),
        "expected_resolution": _time(_instant(facts.get("expected_resolution"))),
        "dashboard": prose.get("dashboard_url", ""),
        "next_update": _time(next_update_at),
        "note": clean(note),
        "company": clean_line(situation.company),
        "phone": clean_line(situation.phone),
    }


def _component(affected: Affected) -> str:
    where = ", ".join(clean_line(part) for part in (affected.cluster, affected.region) if part)
    return f"{clean_line(affected.name)}{f' ({where})' if where else ''}: {affected.level.label}"


def _instant(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _time(value: datetime | None) -> str:
    return time_mark(value) if value else ""


def _percent(value: Any) -> str:
    return "" if value is None else f"{value} %"


def _range(low: Any, high: Any) -> str:
    if low is None or high is None:
        return ""
    words = gettext("about %(low)s %%") if low == high else gettext("%(low)s to %(high)s %%")
    return words % {"low": low, "high": high}


def _duration(situation: Situation) -> str:
    """From detection to resolution, in hours and minutes (elapsed)."""
    if situation.resolved_at is None:
        return ""
    minutes = max(1, round((situation.resolved_at - situation.detected_at).total_seconds() / 60))
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
