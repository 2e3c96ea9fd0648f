"""Planned maintenance as one viewer sees it: on his track, under his own labels; three queries, however much it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q
from django.utils.text import capfirst

from comms.choices import MaintenanceImpactLevel, MaintenanceStatus
from comms.models import Maintenance, MaintenanceImpact
from customers.choices import Track
from customers.models import Service, Usage
from portal.access import Viewer, maintenance_for, usage_for
from portal.customer.touches import MAINTENANCE, OPERATIONAL, ServiceState, some_of

WORST_FIRST = (MaintenanceImpactLevel.DOWN, MaintenanceImpactLevel.DEGRADED, MaintenanceImpactLevel.NONE)
ACTIVE = (MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING)


@dataclass(frozen=True)
class Noticed:
    """What the users of a service notice of it."""

    service: Service
    level: MaintenanceImpactLevel

    @property
    def word(self) -> str:
        return str(self.level.label)


@dataclass(frozen=True)
class Planned:
    """One maintenance that touches the viewer."""

    maintenance: Maintenance
    track: Track
    services: tuple[Noticed, ...]
    labels: tuple[str, ...]

    @property
    def heading(self) -> str:
        work = self.maintenance
        return work.title if self.track is Track.TECHNICAL else work.business_title

    @property
    def text(self) -> str:
        work = self.maintenance
        return work.technical_text if self.track is Track.TECHNICAL else work.business_text

    @property
    def status_word(self) -> str:
        return capfirst(str(self.maintenance.get_status_display()))

    @property
    def active(self) -> bool:
        return self.maintenance.status in ACTIVE

    @property
    def cancelled(self) -> bool:
        return self.maintenance.status == MaintenanceStatus.CANCELLED

    @property
    def over(self) -> bool:
        return self.maintenance.status == MaintenanceStatus.COMPLETED

    @property
    def labels_words(self) -> str:
        return some_of(self.labels)


def ahead_of(viewer: Viewer, now: datetime) -> list[Planned]:
    """What is under way or still to come, the next first."""
    coming = Q(status=MaintenanceStatus.SCHEDULED, ends_at__gt=now) | Q(status__in=ACTIVE)
    return planned_of(viewer, list(maintenance_for(viewer).filter(coming).order_by("starts_at", "pk")))


def planned_of(viewer: Viewer, works: Sequence[Maintenance]) -> list[Planned]:
    """These, which come from `access.maintenance_for`, as the viewer sees them, in this order."""
    impacts = MaintenanceImpact.objects.filter(maintenance__in=works).select_related("component__service")
    of_work: dict[int, list[MaintenanceImpact]] = {work.pk: [] for work in works}
    for impact in impacts.order_by("component__service__position", "component__service__name", "component__name"):
        of_work[impact.maintenance_id].append(impact)
    components = {impact.component_id for rows in of_work.values() for impact in rows}
    usages = list(usage_for(viewer).filter(component__in=components).order_by("label"))
    return [_planned(viewer, work, of_work[work.pk], usages) for work in works]


def _planned(
    viewer: Viewer, work: Maintenance, impacts: Sequence[MaintenanceImpact], usages: Iterable[Usage]
) -> Planned:
    first, last = work.starts_at.astimezone(UTC).date(), work.ends_at.astimezone(UTC).date()
    used = [u for u in usages if u.starts_on <= last and (u.ends_on is None or u.ends_on >= first)]
    components = {impact.component_id: impact for impact in impacts}
    mine = [usage for usage in used if usage.component_id in components]
    touched = [components[pk] for pk in components if any(usage.component_id == pk for usage in mine)]
    tracks = {c.effective_track for c in viewer.contacts if c.account_id in {usage.account_id for usage in mine}}
    return Planned(
        maintenance=work,
        track=Track.TECHNICAL if Track.TECHNICAL in tracks else Track.BUSINESS,
        services=_noticed(touched),
        labels=tuple(sorted({usage.label for usage in mine})),
    )


def _noticed(impacts: Iterable[MaintenanceImpact]) -> tuple[Noticed, ...]:
    found: dict[Service, set[str]] = {}
    for impact in impacts:
        found.setdefault(impact.component.service, set()).add(impact.level)
    return tuple(
        Noticed(service, next(level for level in WORST_FIRST if level in levels)) for service, levels in found.items()
    )


def under_maintenance(services: Iterable[ServiceState], planned: Iterable[Planned], word: str) -> list[ServiceState]:
    """These services, where no incident is worse with the state of the maintenance that runs now and can be noticed."""
    worked_on = {
        noticed.service.pk
        for work in planned
        if work.active
        for noticed in work.services
        if noticed.level is not MaintenanceImpactLevel.NONE
    }
    return [
        ServiceState(state.service, MAINTENANCE, word, state.labels)
        if state.state == OPERATIONAL and state.service.pk in worked_on
        else state
        for state in services
    ]
