"""The documents of `/api/v2/`: field names, nesting and enumerations of the Statuspage v2 public API (F7).

Existing clients and aggregators read these unchanged. What that API has and we do not (tweets, start dates) is there
with the value that it has where nobody uses it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from comms.choices import IncidentStatus
from comms.policies.uptime import State
from customers.models.service import KEY_LETTERS
from portal.status import words
from portal.status.pages import sorted_lines
from portal.status.state import NEWEST, Line, PublicEvent, PublicState, Update, Work

Json = dict[str, Any]
COMPONENT = {
    State.OPERATIONAL: "operational",
    State.MAINTENANCE: "under_maintenance",
    State.DEGRADED: "degraded_performance",
    State.PARTIAL: "partial_outage",
    State.MAJOR: "major_outage",
}
# As the API words them; programs compare some of them, so they are not translated.
STATUS = {
    "none": "All Systems Operational",
    "maintenance": "Service Under Maintenance",
    "minor": "Minor Service Outage",
    "major": "Partial System Outage",
    "critical": "Major Service Outage",
}
RANK = list(STATUS)
INDICATOR = {
    State.OPERATIONAL: "none",
    State.MAINTENANCE: "maintenance",
    State.DEGRADED: "minor",
    State.PARTIAL: "major",
    State.MAJOR: "major",
}


def documents(public: PublicState) -> dict[str, Json]:
    """Every document by its name under `/api/v2/`."""
    page = _page(public)
    components = [*_components(public)]
    known = {component["id"]: component for component in components}
    incidents = [_incident(event, known) for event in public.recent[:NEWEST]]
    unresolved = [_incident(event, known) for event in public.open]
    work = [_maintenance(one, known) for one in public.work[:NEWEST]]
    by_id = {one.key: _maintenance(one, known) for one in public.work}
    upcoming = [by_id[one.key] for one in public.upcoming]
    active = [by_id[one.key] for one in public.active]
    status = status_of(public)
    return {
        "summary.json": {
            "page": page,
            "components": components,
            "incidents": unresolved,
            "scheduled_maintenances": [*active, *upcoming],
            "status": status,
        },
        "status.json": {"page": page, "status": status},
        "components.json": {"page": page, "components": components},
        "incidents.json": {"page": page, "incidents": incidents},
        "incidents/unresolved.json": {"page": page, "incidents": unresolved},
        "scheduled-maintenances.json": {"page": page, "scheduled_maintenances": work},
        "scheduled-maintenances/upcoming.json": {"page": page, "scheduled_maintenances": upcoming},
        "scheduled-maintenances/active.json": {"page": page, "scheduled_maintenances": active},
    }


def status_of(public: PublicState) -> Json:
    """The roll-up: the worse of the services and of what open incidents say of themselves; critical where every
    service is down."""
    states = [line.state for line in public.lines]
    found = [INDICATOR[state] for state in states] + [event.head.impact for event in public.open]
    indicator = max(found, key=RANK.index, default="none")
    if states and all(state is State.MAJOR for state in states):
        indicator = "critical"
    degraded = indicator == "minor" and State.DEGRADED in states
    return {
        "indicator": indicator,
        "description": "Partially Degraded Service" if degraded else STATUS[indicator],
    }


def page_id() -> str:
    return _id("page", settings.SITE_URL)


def instant(at: datetime | None) -> str | None:
    """RFC 3339 with milliseconds and Z."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(kind: str, name: str) -> str:
    """Twelve letters for what has no key of its own; the same name gives the same ones."""
    digest = hashlib.sha256(f"{kind}:{name}".encode()).digest()
    return "".join(KEY_LETTERS[byte % len(KEY_LETTERS)] for byte in digest[:12])


def _page(public: PublicState) -> Json:
    return {
        "id": page_id(),
        "name": public.company,
        "url": words.address("/status"),  # clients add `/incidents/<id>` to it
        "time_zone": "Etc/UTC",
        "updated_at": instant(public.updated_at),
    }


def _components(public: PublicState) -> Iterable[Json]:
    """A group before its services, as the API lists them."""
    position = 0
    lines = sorted_lines(public.lines)
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.service.group, []).append(line)
    for name, members in groups.items():
        group_id = _id("group", name) if name else None
        if group_id is not None:
            position += 1
            yield _group(group_id, name, position, members)
        for place, line in enumerate(members, 1):
            position += not name
            yield _component(line, group_id, place if name else position)


def _component(line: Line, group_id: str | None, position: int) -> Json:
    changed = instant(line.changed_at)
    since = line.record.since
    created = f"{since:%Y-%m-%d}T00:00:00.000Z" if since else changed
    return _shape(line.service.key, line.service.name, COMPONENT[line.state], position, created, changed, group_id)


def _group(key: str, name: str, position: int, members: list[Line]) -> Json:
    inside = [_component(line, key, 0) for line in members]
    worst = max((line.state for line in members), key=list(COMPONENT).index)
    created = min(one["created_at"] or "" for one in inside)
    changed = max(one["updated_at"] or "" for one in inside)
    shape = _shape(key, name, COMPONENT[worst], position, created, changed, None)
    return {**shape, "group": True, "components": [one["id"] for one in inside]}


def _shape(
    key: str, name: str, status: str, position: int, created: str | None, updated: str | None, group_id: str | None
) -> Json:
    return {
        "id": key,
        "name": name,
        "status": status,
        "created_at": created,
        "updated_at": updated,
        "position": position,
        "description": None,
        "showcase": False,
        "start_date": None,
        "group_id": group_id,
        "page_id": page_id(),
        "group": False,
        "only_show_if_degraded": False,
    }


def _incident(event: PublicEvent, known: Mapping[str, Json]) -> Json:
    head = event.head
    monitored = [u.at for u in event.updates if u.status is IncidentStatus.MONITORING]
    return {
        "id": head.key,
        "name": head.title,
        "status": head.status.value,
        "created_at": instant(event.updates[-1].at if event.updates else head.started_at),
        "updated_at": instant(head.updated_at),
        "monitoring_at": instant(min(monitored, default=None)),
        "resolved_at": instant(head.resolved_at),
        "impact": head.impact,
        "shortlink": words.address(words.incident_path(head.key)),
        "started_at": instant(head.started_at),
        "page_id": page_id(),
        "incident_updates": [*_updates(event, known)],
        "components": [known[key] for key in known if key in event.touched],
        "reminder_intervals": None,
    }


def _updates(event: PublicEvent, known: Mapping[str, Json]) -> Iterable[Json]:
    """Newest first, each with what changed for whom since the one before."""
    for n, update in enumerate(event.updates):
        before = event.updates[n + 1].affected if n + 1 < len(event.updates) else {}
        yield _update(update.key, event.head.key, update.status.value, update.body, update.at, update.at,
                      _changes(update, before, known))  # fmt: skip


def _changes(update: Update, before: Mapping[str, State], known: Mapping[str, Json]) -> list[Json] | None:
    over = update.status is IncidentStatus.RESOLVED
    after: Mapping[str, State] = {} if over else update.affected
    return [
        {
            "code": key,
            "name": known[key]["name"],
            "old_status": COMPONENT[before.get(key, State.OPERATIONAL)],
            "new_status": COMPONENT[after.get(key, State.OPERATIONAL)],
        }
        for key in known
        if key in before or key in after
    ] or None


def _update(
    key: str, of: str, status: str, body: str, at: datetime, changed: datetime, affected: list[Json] | None
) -> Json:
    return {
        "id": key,
        "status": status,
        "body": body,
        "incident_id": of,
        "created_at": instant(at),
        "updated_at": instant(changed),
        "display_at": instant(at),
        "affected_components": affected,
        "deliver_notifications": True,
        "custom_tweet": None,
        "tweet_id": None,
    }


def _maintenance(work: Work, known: Mapping[str, Json]) -> Json:
    new = "under_maintenance" if work.active else "operational"
    affected = [
        {"code": key, "name": known[key]["name"], "old_status": "operational", "new_status": new}
        for key in known
        if key in work.services
    ]
    said = _update(_id("maintenance", work.key), work.key, work.status.value, work.text, work.announced_at,
                   work.updated_at, affected or None)  # fmt: skip
    return {
        "id": work.key,
        "name": work.title,
        "status": work.status.value,
        "created_at": instant(work.announced_at),
        "updated_at": instant(work.updated_at),
        "monitoring_at": None,
        "resolved_at": instant(work.completed_at),
        "impact": "maintenance",
        "shortlink": words.address(words.maintenance_path(work.key)),
        "started_at": instant(work.starts_at if work.status.value != "scheduled" else work.announced_at),
        "page_id": page_id(),
        "incident_updates": [said],
        "components": [known[key] for key in known if key in work.services],
        "reminder_intervals": None,
        "scheduled_for": instant(work.starts_at),
        "scheduled_until": instant(work.ends_at),
    }


def stale(document: Json, as_of: str) -> Json:
    """The same as last known: never `none`, because nobody knows any more (R34)."""
    if "status" not in document:
        return document
    status = document["status"]
    indicator = "minor" if status["indicator"] == "none" else status["indicator"]
    words_ = f"As of {as_of}: {status['description']}. Our own systems may be affected."
    return {**document, "status": {"indicator": indicator, "description": words_}}
