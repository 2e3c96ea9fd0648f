"""The Statuspage v2 public API as its clients know it: which fields, of which kind, in which words.

Written from what pages that are run by it answer. `check` names every place where a document differs.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
KEY = re.compile(r"[a-z0-9]{12}")
Kind = Callable[[Any], bool]


def one_of(*words: str) -> Kind:
    return lambda value: value in words


def text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def instant(value: Any) -> bool:
    return isinstance(value, str) and INSTANT.fullmatch(value) is not None


def key(value: Any) -> bool:
    return isinstance(value, str) and KEY.fullmatch(value) is not None


def nothing(value: Any) -> bool:
    return value is None


def maybe(kind: Kind) -> Kind:
    return lambda value: value is None or kind(value)


def address(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"https?://\S+", value) is not None


COMPONENT_STATUS = one_of("operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance")
PAGE = {"id": key, "name": text, "url": address, "time_zone": text, "updated_at": instant}
STATUS = {
    "indicator": one_of("none", "minor", "major", "critical", "maintenance"),
    "description": text,
}
COMPONENT = {
    "id": key, "name": text, "status": COMPONENT_STATUS, "created_at": instant, "updated_at": instant,
    "position": number, "description": maybe(text), "showcase": flag, "start_date": maybe(text),
    "group_id": maybe(key), "page_id": key, "group": lambda value: value is False, "only_show_if_degraded": flag,
}  # fmt: skip
GROUP = {**COMPONENT, "group": lambda value: value is True, "group_id": nothing, "components": [key]}
AFFECTED = {"code": key, "name": text, "old_status": COMPONENT_STATUS, "new_status": COMPONENT_STATUS}
UPDATE = {
    "id": key, "status": text, "body": text, "incident_id": key, "created_at": instant, "updated_at": instant,
    "display_at": instant, "affected_components": AFFECTED, "deliver_notifications": flag, "custom_tweet": nothing,
    "tweet_id": nothing,
}  # fmt: skip
EVENT = {
    "id": key, "name": text, "created_at": instant, "updated_at": instant, "monitoring_at": maybe(instant),
    "resolved_at": maybe(instant), "shortlink": address, "started_at": instant, "page_id": key,
    "incident_updates": [UPDATE], "components": [COMPONENT], "reminder_intervals": nothing,
}  # fmt: skip
INCIDENT = {
    **EVENT,
    "status": one_of("investigating", "identified", "monitoring", "resolved", "postmortem"),
    "impact": one_of("none", "minor", "major", "critical"),
}
MAINTENANCE = {
    **EVENT,
    "status": one_of("scheduled", "in_progress", "verifying", "completed"),
    "impact": one_of("maintenance"),
    "scheduled_for": instant,
    "scheduled_until": instant,
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "summary.json": {
        "page": PAGE, "components": ["component"], "incidents": [INCIDENT], "scheduled_maintenances": [MAINTENANCE],
        "status": STATUS,
    },
    "status.json": {"page": PAGE, "status": STATUS},
    "components.json": {"page": PAGE, "components": ["component"]},
    "incidents.json": {"page": PAGE, "incidents": [INCIDENT]},
    "incidents/unresolved.json": {"page": PAGE, "incidents": [INCIDENT]},
    "scheduled-maintenances.json": {"page": PAGE, "scheduled_maintenances": [MAINTENANCE]},
    "scheduled-maintenances/upcoming.json": {"page": PAGE, "scheduled_maintenances": [MAINTENANCE]},
    "scheduled-maintenances/active.json": {"page": PAGE, "scheduled_maintenances": [MAINTENANCE]},
}  # fmt: skip


def check(value: Any, shape: Any, place: str = "") -> Iterator[str]:
    """Every place where a value is not of this shape: missing, more than it has, or of another kind."""
    if shape == "component":
        shape = GROUP if isinstance(value, dict) and value.get("group") else COMPONENT
    if isinstance(shape, dict) and isinstance(value, dict):
        yield from (f"{place}.{name} is missing" for name in shape if name not in value)
        yield from (f"{place}.{name} is unknown" for name in value if name not in shape)
        for name in shape.keys() & value.keys():
            yield from _inside(name, value[name], shape[name], f"{place}.{name}")
    elif isinstance(shape, list) and isinstance(value, list):
        for n, one in enumerate(value):
            yield from check(one, shape[0], f"{place}[{n}]")
    elif not (callable(shape) and shape(value)):
        yield f"{place} is {value!r}"


def _inside(name: str, value: Any, shape: Any, place: str) -> Iterator[str]:
    """`affected_components` is a list, or null where nothing was affected."""
    if name == "affected_components":
        yield from [] if value is None else check(value, [shape], place)
    else:
        yield from check(value, shape, place)
