"""Which of the viewer's labels and services an incident touches: the one query behind every card and state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now, TruncDate
from django.utils.translation import gettext as _

from comms.choices import ImpactLevel, Variant
from comms.models import Incident, IncidentUpdate
from comms.rendering.mail import LABELS_SHOWN
from customers.models import Component, Service
from portal.access import Viewer, usage_for

OPERATIONAL = "operational"
MAINTENANCE = "maintenance"
LABELS_OF_ROW = 3
WORST_FIRST = [ImpactLevel.MAJOR, ImpactLevel.PARTIAL, ImpactLevel.DEGRADED]


@dataclass(frozen=True)
class Touch:
    """One of the viewer's labels is, or was, affected by an incident: a row of the one query behind all cards."""

    incident_id: int
    account_id: int
    label: str
    service: Service
    component: Component
    level: ImpactLevel | None
    """How badly, as last published; None where it is restored."""

    @property
    def component_id(self) -> int:
        return self.component.pk


@dataclass(frozen=True)
class Part:
    """What of the viewer's an incident touches: a service, to engineers a component of it, with his labels there."""

    name: str
    beside: str
    state: str
    word: str
    labels: tuple[str, ...]

    @property
    def labels_shown(self) -> tuple[str, ...]:
        return self.labels[:LABELS_SHOWN]

    @property
    def labels_rest(self) -> tuple[str, ...]:
        return self.labels[LABELS_SHOWN:]

    @property
    def labels_more(self) -> int:
        return len(self.labels_rest)


@dataclass(frozen=True)
class ServiceState:
    """`state` is a class of the component `.state`, `word` what it is called."""

    service: Service
    state: str
    word: str
    labels: tuple[str, ...]

    @property
    def affected(self) -> bool:
        return self.state not in (OPERATIONAL, MAINTENANCE)

    @property
    def labels_words(self) -> str:
        return some_of(self.labels)


def touches_of(viewer: Viewer, incidents: Sequence[Incident]) -> list[Touch]:
    """Which labels the incidents touched while they were in use: the rule of `access.incidents_for`, for its rows."""
    # everything by annotations: they share one join, where filters of their own would each take another impact
    rows = (
        usage_for(viewer)
        .annotate(
            incident_id=F("component__impacts__incident_id"),
            told_at=F("component__impacts__told_at"),
            since=TruncDate("component__impacts__incident__detected_at", tzinfo=UTC),
            until=TruncDate(Coalesce("component__impacts__incident__resolved_at", Now()), tzinfo=UTC),
        )
        .filter(Q(ends_on=None) | Q(ends_on__gte=F("since")), incident_id__in=[i.pk for i in incidents])
        .filter(starts_on__lte=F("until"), told_at__isnull=False)
        .select_related("component__service")
        .order_by("component__service__position", "component__service__name", "label")
    )
    levels = _levels_told(incidents)
    return [
        Touch(
            row.incident_id,
            row.account_id,
            row.label,
            row.component.service,
            row.component,
            levels[row.incident_id].get(row.component_id),
        )
        for row in rows
    ]


def _levels_told(incidents: Sequence[Incident]) -> dict[int, dict[int, ImpactLevel]]:
    """Per incident what its last update said of its components; what staff have saved since is not said yet."""
    last = IncidentUpdate.objects.filter(incident__in=incidents).order_by("incident_id", "-number")
    return {
        update.incident_id: {int(component): ImpactLevel(level) for component, level in update.affected.items()}
        for update in last.distinct("incident_id")
    }


def some_of(labels: Sequence[str]) -> str:
    """A few labels for a row of a list, and how many more there are; the page behind the row has all."""
    shown, more = ", ".join(labels[:LABELS_OF_ROW]), len(labels) - LABELS_OF_ROW
    return _("%(labels)s and %(more)d more") % {"labels": shown, "more": more} if more > 0 else shown


def labels_of(touches: Iterable[Touch]) -> tuple[str, ...]:
    return tuple(sorted({touch.label for touch in touches}))


def parts_of(touches: Sequence[Touch], variant: Variant) -> tuple[Part, ...]:
    """The services touched, in their order; names of components are for engineers."""
    found: dict[int, list[Touch]] = {}
    for touch in touches:
        found.setdefault(touch.component_id if variant is Variant.TECHNICAL else touch.service.pk, []).append(touch)
    parts = []
    for rows in found.values():
        state = state_of(rows[0].service, rows, well=_("restored"))
        component = rows[0].component
        where = " · ".join(part for part in (component.cluster, component.region) if part)
        named = (component.name, where) if variant is Variant.TECHNICAL else (rows[0].service.name, "")
        parts.append(Part(*named, state.state, state.word, state.labels))
    return tuple(parts)


def state_of(
    service: Service, touches: Sequence[Touch], *, well: str, labels: Iterable[str] | None = None
) -> ServiceState:
    """The service as bad as its worst touch that has not ended; `well` is the word for it without one."""
    state = worst(touch.level.value for touch in touches if touch.level is not None)
    word = well if state == OPERATIONAL else str(ImpactLevel(state).label)
    return ServiceState(service, state, word, labels_of(touches) if labels is None else tuple(sorted(labels)))


def worst(states: Iterable[str]) -> str:
    found = set(states)
    well = MAINTENANCE if MAINTENANCE in found else OPERATIONAL
    return next((level.value for level in WORST_FIRST if level in found), well)
