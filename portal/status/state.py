"""The public state, read from public rows alone (K1, L0).

Only this module of the package asks the database, and only for columns that were written for the public: texts of
incidents and maintenance for other readers, and the names of components, are in no query of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Max

from comms.choices import IncidentStatus, MaintenanceImpactLevel, MaintenanceStatus
from comms.models import PublicIncident, PublicUpdate
from comms.models.maintenance import Maintenance, MaintenanceImpact
from comms.policies.downtime import Interval
from comms.policies.uptime import DAYS, Record, Span, State, Told, record_of, spans_of, worst
from customers.models import Company, Service

NEWEST = 50  # incidents that the feed and the JSON have, as the Statuspage API
ACTIVE = (MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING)


@dataclass(frozen=True)
class PublicService:
    key: str
    name: str
    group: str
    position: int


@dataclass(frozen=True)
class Update:
    key: str
    status: IncidentStatus
    body: str
    at: datetime
    affected: Mapping[str, State]


@dataclass(frozen=True)
class Head:
    """An incident without its updates; `version` changes whenever one is added."""

    pk: int
    key: str
    title: str
    status: IncidentStatus
    impact: str
    started_at: datetime
    resolved_at: datetime | None
    updated_at: datetime
    version: int

    @property
    def month(self) -> date:
        """The UTC month in which it began."""
        return self.started_at.astimezone(UTC).date().replace(day=1)


@dataclass(frozen=True)
class PublicEvent:
    """An incident with its updates, newest first."""

    head: Head
    updates: tuple[Update, ...]

    @property
    def open(self) -> bool:
        return self.head.resolved_at is None

    @property
    def affected(self) -> dict[str, State]:
        """How bad it is now per service; nothing once it is over."""
        if not self.open or not self.updates:
            return {}
        return {key: state for key, state in self.updates[0].affected.items() if state is not State.OPERATIONAL}

    @property
    def touched(self) -> dict[str, State]:
        """How bad it ever was per service."""
        keys = {key for update in self.updates for key in update.affected}
        found = {key: worst(u.affected.get(key, State.OPERATIONAL) for u in self.updates) for key in keys}
        return {key: state for key, state in found.items() if state is not State.OPERATIONAL}


@dataclass(frozen=True)
class Work:
    """A maintenance. `services`: those that it touches, and whether their users notice."""

    key: str
    title: str
    text: str
    status: MaintenanceStatus
    starts_at: datetime
    ends_at: datetime
    completed_at: datetime | None
    announced_at: datetime
    updated_at: datetime
    services: Mapping[str, bool]

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def month(self) -> date:
        return self.starts_at.astimezone(UTC).date().replace(day=1)

    def span(self, now: datetime) -> Span | None:
        """When it was worked, as far as that is known; None before it begins."""
        if self.status is MaintenanceStatus.SCHEDULED:
            return None
        end = min(self.completed_at or now, now)
        return Span(State.MAINTENANCE, Interval(self.starts_at, end)) if end > self.starts_at else None


@dataclass(frozen=True)
class Line:
    """A service with its state now and its last days."""

    service: PublicService
    state: State
    record: Record
    changed_at: datetime | None


@dataclass(frozen=True)
class PublicState:
    """Everything that the public may know at `now` (the database's clock)."""

    company: str
    now: datetime
    lines: tuple[Line, ...]
    heads: tuple[Head, ...]
    """Every incident, newest first."""
    recent: tuple[PublicEvent, ...]
    """Those that are open, those of the last 90 days and the newest 50, newest first."""
    work: tuple[Work, ...]
    """Every maintenance that is not cancelled, the latest window first."""

    @property
    def open(self) -> tuple[PublicEvent, ...]:
        return tuple(event for event in self.recent if event.open)

    @property
    def active(self) -> tuple[Work, ...]:
        return tuple(work for work in self.work if work.active)

    @property
    def upcoming(self) -> tuple[Work, ...]:
        """Not begun, the next one first."""
        waiting = [w for w in self.work if w.status is MaintenanceStatus.SCHEDULED and w.ends_at > self.now]
        return tuple(sorted(waiting, key=lambda work: work.starts_at))

    @property
    def state(self) -> State:
        """The worst of the services. An open incident that affects none of them is at least a degradation."""
        found = [line.state for line in self.lines]
        if any(event.head.impact != "none" for event in self.open):
            found.append(State.DEGRADED)
        return worst(found)

    @property
    def updated_at(self) -> datetime:
        """When something public changed last; where nothing ever did, the day has to do."""
        times = [head.updated_at for head in self.heads] + [work.updated_at for work in self.work]
        times += [line.changed_at for line in self.lines if line.changed_at is not None]
        return max(times, default=self.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0))


def fingerprint() -> tuple[object, ...]:
    """Changes whenever something public does: a few short queries, so that a clock can ask twice a second."""
    return (
        Company.objects.values_list("name", flat=True).first(),
        tuple(_services()),
        *PublicIncident.objects.aggregate(Count("pk"), Max("updated_at")).values(),
        *PublicUpdate.objects.aggregate(Max("pk")).values(),
        *Maintenance.objects.aggregate(Count("pk"), Max("updated_at")).values(),
        *MaintenanceImpact.objects.aggregate(Count("pk"), Max("pk")).values(),
    )


def read(now: datetime, seen: Mapping[str, datetime]) -> PublicState:
    """The public state at `now`; `seen` says per service since when it is looked after. Six queries, always."""
    services = tuple(_services())
    keys = {service.key for service in services}
    heads = tuple(_heads())
    since = now - timedelta(days=DAYS)
    near = {h.pk for n, h in enumerate(heads) if n < NEWEST or h.resolved_at is None or h.resolved_at >= since}
    recent = events([head for head in heads if head.pk in near], keys)
    work = tuple(_work(keys))
    spans = _spans(recent, work, now)
    current = _current(recent, work)
    changed = _changed(recent, work)
    return PublicState(
        company=Company.objects.values_list("name", flat=True).first() or "",
        now=now,
        lines=tuple(
            Line(
                service,
                worst(current[service.key]),
                record_of(spans[service.key], seen.get(service.key), now),
                changed.get(service.key) or seen.get(service.key),
            )
            for service in services
        ),
        heads=heads,
        recent=recent,
        work=work,
    )


def service_keys() -> set[str]:
    return {service.key for service in _services()}


def events(heads: Iterable[Head], services: set[str]) -> tuple[PublicEvent, ...]:
    """These incidents with their updates, in this order; of services that are public now. One query."""
    ordered = list(heads)
    updates: dict[int, list[Update]] = defaultdict(list)
    rows = PublicUpdate.objects.filter(public_incident__in=[head.pk for head in ordered])
    columns = ("public_incident_id", "key", "status", "body", "published_at", "affected")
    for pk, key, status, body, at, affected in rows.order_by("-published_at", "-pk").values_list(*columns):
        public = {name: State(level) for name, level in (affected or {}).items() if name in services}
        updates[pk].append(Update(key, IncidentStatus(status), body, at, public))
    return tuple(PublicEvent(head, tuple(updates[head.pk])) for head in ordered)


def _services() -> Iterable[PublicService]:
    rows = Service.objects.filter(is_public=True).order_by("position", "name", "pk")
    for key, name, group, position in rows.values_list("public_key", "name", "group", "position"):
        yield PublicService(key, name, group, position)


def _heads() -> Iterable[Head]:
    rows = PublicIncident.objects.annotate(version=Max("updates__pk")).order_by("-started_at", "-pk")
    columns = ("pk", "key", "title", "status", "impact", "started_at", "resolved_at", "updated_at", "version")
    for pk, key, title, status, impact, started, resolved, updated, version in rows.values_list(*columns):
        yield Head(pk, key, title, IncidentStatus(status), impact, started, resolved, updated, version or 0)


def _work(services: set[str]) -> Iterable[Work]:
    rows = Maintenance.objects.announced().exclude(public_text="").exclude(status=MaintenanceStatus.CANCELLED)
    touched: dict[int, dict[str, bool]] = defaultdict(dict)
    impacts = MaintenanceImpact.objects.filter(component__service__is_public=True)
    for pk, key, level in impacts.values_list("maintenance_id", "component__service__public_key", "level"):
        touched[pk][key] = touched[pk].get(key, False) or level != MaintenanceImpactLevel.NONE
    columns = ("starts_at", "ends_at", "completed_at", "announced_at", "updated_at")
    texts = ("pk", "key", "public_title", "public_text", "status")
    for row in rows.order_by("-starts_at", "-pk").values(*texts, *columns):
        yield Work(
            key=row["key"],
            title=row["public_title"],
            text=row["public_text"],
            status=MaintenanceStatus(row["status"]),
            services={name: noticed for name, noticed in touched[row["pk"]].items() if name in services},
            **{column: row[column] for column in columns},
        )


def _spans(recent: Iterable[PublicEvent], work: Iterable[Work], now: datetime) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for event in recent:
        told = [Told(u.at, u.affected, u.status is IncidentStatus.RESOLVED) for u in event.updates]
        for key, spans in spans_of(event.head.started_at, event.head.resolved_at, told, now).items():
            found[key] += spans
    for one in work:
        span = one.span(now)
        for key, noticed in one.services.items():
            if span is not None and noticed:
                found[key].append(span)
    return found


def _current(recent: Iterable[PublicEvent], work: Iterable[Work]) -> dict[str, list[State]]:
    found: dict[str, list[State]] = defaultdict(list)
    for event in recent:
        for key, state in event.affected.items():
            found[key].append(state)
    for one in work:
        for key, noticed in one.services.items():
            if one.active and noticed:
                found[key].append(State.MAINTENANCE)
    return found


def _changed(recent: Iterable[PublicEvent], work: Iterable[Work]) -> dict[str, datetime]:
    """Per service when something was last said of it."""
    found: dict[str, datetime] = {}
    for event in recent:
        for key in event.touched:
            found[key] = max(found.get(key, event.head.updated_at), event.head.updated_at)
    for one in work:
        for key in one.services:
            if one.status is not MaintenanceStatus.SCHEDULED:
                found[key] = max(found.get(key, one.updated_at), one.updated_at)
    return found
