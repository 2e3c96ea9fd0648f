"""Small true objects for tests: each call makes one, with a name of its own where none is given."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

from django.contrib.auth.models import Group

from comms.actions import incidents, publishing
from comms.choices import ImpactLevel, IncidentStatus, PublicImpact, Variant
from comms.models import Incident, IncidentUpdate, PublicIncident, PublicUpdate
from comms.models.maintenance import Maintenance
from comms.rendering.messages import Text
from customers import clock
from customers.choices import Severity, Track, TrackSource
from customers.models import Account, Component, Contact, ContactPoint, Service, SlaPolicy, Usage, User

_numbers = count(1)
PASSWORD = "correct horse battery"
BOTH = {Variant.TECHNICAL: Text(), Variant.BUSINESS: Text()}


def make_user(*roles: str, name: str = "", staff: bool = True, **fields) -> User:
    """A colleague with these roles (customers.policies.roles); `setup_roles` of conftest has made the groups."""
    n = next(_numbers)
    user = User.objects.create_user(
        f"user{n}@staff.example", PASSWORD, name=name or f"User {n}", is_staff=staff, **fields
    )
    user.groups.set(Group.objects.filter(name__in=roles))
    ContactPoint.objects.create(user=user, address=user.email)
    return user


def make_component(name: str = "", *, service: Service | None = None, **fields) -> Component:
    n = next(_numbers)
    service = service or Service.objects.create(external_id=f"S-{n}", name=f"Service {n}", position=n)
    return Component.objects.create(
        external_id=fields.pop("external_id", f"C-{n}"),
        name=name or f"component-{n}",
        service=service,
        **fields,
    )


def make_account(
    name: str = "", *, uses: tuple[Component, ...] = (), label: str = "", policy: str = "", **fields
) -> Account:
    n = next(_numbers)
    if policy:
        fields |= {
            "sla_policy": SlaPolicy.objects.get(name=policy),
            "monthly_fee": fields.get("monthly_fee", Decimal(100)),
        }
    account = Account.objects.create(external_id=f"A-{n}", name=name or f"Account {n}", **fields)
    for component in uses:
        make_usage(account, component, label or f"label-{n}.example")
    return account


def make_usage(account: Account, component: Component, label: str, since: date = date(2020, 1, 1), **fields) -> Usage:
    return Usage.objects.create(
        account=account,
        component=component,
        label=label,
        starts_on=since,
        external_id=f"U-{next(_numbers)}",
        **fields,
    )


def make_contact(account: Account, track: Track = Track.BUSINESS, *, login: bool = False, **fields) -> Contact:
    """A contact with an e-mail address who reads this track; `login=True` gives him a user, too."""
    n = next(_numbers)
    email = fields.pop("email", f"contact{n}@customer.example")
    name = fields.pop("name", f"Contact {n}")
    user = User.objects.create_user(email, PASSWORD, name=name) if login else None
    contact = Contact.objects.create(
        account=account,
        external_id=f"K-{n}",
        name=name,
        email=email,
        user=user,
        track_set=track,
        effective_track=track,
        effective_source=TrackSource.CONTACT_SET,
        **fields,
    )
    ContactPoint.objects.create(contact=contact, address=email)
    return contact


def make_incident(
    *components: Component,
    severity: Severity = Severity.TWO,
    level: ImpactLevel = ImpactLevel.MAJOR,
    **fields,
) -> Incident:
    """A draft with facts that can be published as it is."""
    incident = incidents.open_incident(
        title=fields.pop("title", "Databases are slow"),
        severity=severity,
        impacts=dict.fromkeys(components, level),
        **fields,
    )
    incident.facts.customer_experience = "Your site may be slow."
    incident.facts.symptoms = "p95 of writes is 4 s"
    incident.facts.save()
    return incident


def publish(
    incident: Incident,
    status: IncidentStatus = IncidentStatus.INVESTIGATING,
    *,
    author: User | None = None,
    texts: Mapping[Variant, Text] | None = None,
    **fields,
) -> IncidentUpdate:
    """Publish an update at once, on both tracks unless told otherwise."""
    incident.refresh_from_db()
    return publishing.publish_update(
        incident_id=incident.pk,
        expected_sequence=fields.pop("expected_sequence", incident.sequence),
        request_id=fields.pop("request_id", uuid4()),
        status=status,
        texts=BOTH if texts is None else texts,
        author=author or make_user(),
        **fields,
    )


def make_public_service(name: str = "", **fields) -> Service:
    """A service on the public page, with a component."""
    n = next(_numbers)
    service = Service.objects.create(
        external_id=f"S-{n}", name=name or f"Service {n}", **{"position": n, "is_public": True, **fields}
    )
    make_component(service=service)
    return service


def make_public_incident(
    *services: Service,
    title: str = "Databases are slow",
    level: ImpactLevel = ImpactLevel.MAJOR,
    started_at: datetime | None = None,
    body: str = "We are looking into it.",
    **fields,
) -> PublicIncident:
    """What the public was told once of an incident that affects these services; `tell` says more."""
    at = started_at or clock.now()
    incident = make_incident(*(service.components.first() for service in services), title="Of the private rows")
    public = PublicIncident.objects.create(
        incident=incident, title=title, impact=fields.pop("impact", PublicImpact.MAJOR), started_at=at, updated_at=at,
        status=IncidentStatus.INVESTIGATING, **fields,
    )  # fmt: skip
    return tell(public, IncidentStatus.INVESTIGATING, body, dict.fromkeys(services, level), at=at)


def tell(
    public: PublicIncident,
    status: IncidentStatus,
    body: str,
    affected: Mapping[Service, ImpactLevel] | None = None,
    *,
    at: datetime | None = None,
) -> PublicIncident:
    """Tell the public more: the public rows and nothing else, as if the tracks had been told. A resolution ends it."""
    at, status = at or clock.now(), IncidentStatus(status)
    incident = public.incident
    update = IncidentUpdate.objects.create(
        incident=incident, number=incident.updates.count() + 1, request_id=uuid4(), status=status,
        severity=incident.severity, title=incident.title, affected={}, facts={}, author=make_user(), published_at=at,
    )  # fmt: skip
    levels = {service.public_key: ImpactLevel(level).value for service, level in (affected or {}).items()}
    PublicUpdate.objects.create(
        public_incident=public, update=update, status=status, body=body, affected=levels, published_at=at
    )
    public.status, public.updated_at = status, at
    public.resolved_at = at if status == IncidentStatus.RESOLVED else None
    public.save()
    return public


def make_maintenance(*services: Service, level: str = "down", **fields) -> Maintenance:
    """Announced and public, tomorrow from 1 to 3 o'clock, unless told otherwise."""
    now = clock.now()
    starts_at = fields.pop("starts_at", (now + timedelta(days=1)).replace(hour=1, minute=0, second=0, microsecond=0))
    work = Maintenance.objects.create(
        **{
            "title": "Private title", "technical_text": "Private words.", "business_title": "Private title, too",
            "business_text": "More private words.", "public_title": "New storage",
            "public_text": "We move to new storage.", "announced_at": now, "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=2), **fields,
        }
    )  # fmt: skip
    for service in services:
        work.impacts.create(component=service.components.first(), level=level)
    return work


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)
