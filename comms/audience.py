"""Who receives a message: a QuerySet of contact points. Track and access are frozen when it is fanned out."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from comms.choices import IncidentStatus, Variant
from comms.models import Incident, IncidentImpact, IncidentUpdate, Message, PublicUpdate, Voice
from customers.choices import ContactRole, Language, TransportKind, Wants
from customers.models import Account, Contact, ContactPoint, Subscriber, Usage
from customers.models.account import READS

Accounts = tuple[int, int]
"""The first and the last account of a range; both belong to it."""
MONEY_ROLES = (ContactRole.BILLING, ContactRole.EXECUTIVE, ContactRole.ADMINISTRATOR, ContactRole.BUSINESS)


def usage_of(incident: Incident, until: datetime) -> QuerySet[Usage]:
    """Usage of any component that the incident ever touched, on any day of it: who was told is told the end (C11)."""
    return _usage_on_its_days(incident, until).filter(component__impacts__incident=incident)


def _usage_on_its_days(incident: Incident, until: datetime) -> QuerySet[Usage]:
    return Usage.objects.current(since=incident.detected_at.astimezone(UTC).date(), until=until.astimezone(UTC).date())


def told_of(incident: Incident, until: datetime) -> QuerySet[Usage]:
    """The same, of components that a published update has named: what a customer may see."""
    told = incident.impacts.filter(told_at__isnull=False)
    return _usage_on_its_days(incident, until).filter(component__in=told.values("component"))


def accounts_affected(incident: Incident, until: datetime) -> QuerySet[Account]:
    return Account.objects.filter(Exists(usage_of(incident, until).filter(account=OuterRef("pk"))))


def of_incident(incident: Incident, variant: Variant, until: datetime) -> QuerySet[ContactPoint]:
    """The affected accounts' contacts who read this track and want to hear of such an incident, on all channels."""
    points = _concerned(incident, until, incident.impacts.all(), incident.impacts.filter(ended_at=None))
    severity = _highest_severity(incident, incident.severity)
    return points.filter(contact__effective_track=variant, contact__severity_threshold__lte=severity)


def of_update(update: IncidentUpdate, accounts: Accounts | None = None) -> QuerySet[ContactPoint]:
    """Whom an update concerns on either track, of all accounts or of those from one to another, both included.

    It is judged by the incident as it was when the update was published: a large audience is queued range by range,
    and what is found out meanwhile belongs to the next update.
    """
    at, incident = update.published_at, update.incident
    told = incident.impacts.filter(told_at__lte=at)
    points = _concerned(incident, at, told, told.filter(Q(ended_at=None) | Q(ended_at__gt=at)), accounts)
    severity = _highest_severity(incident, update.severity, number=update.number)
    return points.filter(contact__severity_threshold__lte=severity, contact__wants__in=wanting(update))


def usage_at(update: IncidentUpdate) -> QuerySet[Usage]:
    """Usage that brings accounts into an update's audience."""
    touched = update.incident.impacts.filter(told_at__lte=update.published_at)
    return _usage_on_its_days(update.incident, update.published_at).filter(component__in=_components(touched))


def _concerned(
    incident: Incident,
    until: datetime,
    touched: QuerySet[IncidentImpact],
    broken: QuerySet[IncidentImpact],
    accounts: Accounts | None = None,
) -> QuerySet[ContactPoint]:
    """Usage leads to the contacts by itself: by way of the accounts, all would be read to find the few affected.

    The components stand in the SQL as numbers and the range twice, so that the planner knows how few they are.
    """
    components = _components(touched)
    used = _usage_on_its_days(incident, until).filter(component__in=components)
    points = ContactPoint.objects.reachable().filter(unsubscribed_at=None)
    if accounts is not None:
        first, last = accounts
        used = used.filter(account__gte=first, account__lte=last)
        points = points.filter(contact__account__gte=first, contact__account__lte=last)
    return (
        points.filter(contact__account__in=used.values("account"))
        .exclude(contact__in=_of_other_services(components))
        .exclude(depends_on__in=broken.values("component"))
    )


def _components(impacts: QuerySet[IncidentImpact]) -> Sequence[int]:
    return list(impacts.order_by("component").values_list("component", flat=True).distinct())


def _highest_severity(incident: Incident, severity: int, *, number: int | None = None) -> int:
    """The highest that was ever published: whoever was told by it goes on being told, whatever it is now (C11)."""
    updates = incident.updates.all() if number is None else incident.updates.filter(number__lte=number)
    return max(severity, updates.aggregate(highest=Max("severity"))["highest"] or 0)


def _of_other_services(components: Sequence[int]) -> QuerySet[Any]:
    """Contacts who chose some services, none of which the incident touched."""
    choices = Contact.services.through.objects
    chosen = choices.filter(service__components__in=components)
    return choices.exclude(contact__in=chosen.values("contact")).values("contact")


def without_a_way(incident: Incident, until: datetime) -> QuerySet[Account]:
    """Affected accounts none of whose contacts can be reached in writing: somebody has to call them (E8)."""
    ways = ContactPoint.objects.reachable().exclude(
        depends_on__in=incident.impacts.filter(ended_at=None).values("component")
    )
    used = _usage_on_its_days(incident, until).filter(component__in=_components(incident.impacts.all()))
    affected = Account.objects.filter(pk__in=used.values("account"))
    return affected.exclude(Exists(ways.filter(contact__account=OuterRef("pk"))))


def mailbox_down(incident: Incident, until: datetime) -> QuerySet[ContactPoint]:
    """Addresses that rest on what is broken itself: another way is used meanwhile (A4d)."""
    return ContactPoint.objects.reachable().filter(
        contact__account__in=accounts_affected(incident, until).values("pk"),
        depends_on__in=incident.impacts.filter(ended_at=None).values("component"),
    )


def wanting(update: IncidentUpdate) -> list[Wants]:
    """Who is sent this update, by what contacts chose (E7): each, a changed status, start and end."""
    before = update.incident.updates.filter(number__lt=update.number).first()
    if before is None or update.status == IncidentStatus.RESOLVED:
        return [Wants.ALL, Wants.CHANGES, Wants.ENDS]
    return [Wants.ALL] if before.status == update.status else [Wants.ALL, Wants.CHANGES]


def subscribers(service_keys: Iterable[str]) -> QuerySet[ContactPoint]:
    """The public's confirmed subscribers whom something about these services (public keys) concerns (F7).

    Whoever chose no services hears of all incidents, also of one that touches none of them.
    """
    choices = Subscriber.services.through.objects
    concerned = choices.filter(service__public_key__in=list(service_keys))
    of_others = choices.exclude(subscriber__in=concerned.values("subscriber")).values("subscriber")
    return (
        ContactPoint.objects.reachable()
        .filter(unsubscribed_at=None, subscriber__confirmed_at__isnull=False)
        .exclude(subscriber__in=of_others)
    )


def of_public(update: IncidentUpdate) -> QuerySet[ContactPoint]:
    """The subscribers of an update's public text: whoever was told of it is told the end, and nobody is told twice.

    An address that gets the same update as a customer's gets that one alone: it says more (L0).
    """
    told = PublicUpdate.objects.filter(public_incident__incident=update.incident_id).values_list("affected", flat=True)
    points = subscribers({key for affected in told for key in affected})
    tracks = update.messages.exclude(variant=Variant.PUBLIC).values("variant")
    customers = of_update(update).filter(contact__effective_track__in=tracks).alias(mailbox=Lower("address"))
    same = customers.filter(kind=OuterRef("kind"), mailbox=Lower(OuterRef("address")))
    return points.exclude(Exists(same))


def of_voices(voices: QuerySet[Voice]) -> QuerySet[ContactPoint]:
    """Where a reply to what these customers said goes, also where they want no other mail of an incident (F4)."""
    asked = voices.order_by().values("contact")
    return ContactPoint.objects.reachable().filter(kind=TransportKind.EMAIL, contact__in=asked)


def in_language(points: QuerySet[ContactPoint], language: str, others: list[str]) -> QuerySet[ContactPoint]:
    """Those who read this language; the default language also takes all for whom there is no text (D8)."""
    readers = Contact.objects.annotate(reads=READS)
    if language == Language.ENGLISH:
        return points.filter(contact__in=readers.exclude(reads__in=others)) if others else points
    return points.filter(contact__in=readers.filter(reads=language))


def of_message(message: Message) -> QuerySet[ContactPoint]:
    """The contact points of a message, by its source."""
    if message.update is not None and message.variant == Variant.PUBLIC:
        return of_public(message.update)
    if message.update is not None:
        points = of_update(message.update).filter(contact__effective_track=message.variant)
        others = message.update.messages.filter(variant=message.variant).exclude(pk=message.pk)
        return in_language(points, message.language, list(others.values_list("language", flat=True)))
    if message.credit is not None:
        return ContactPoint.objects.reachable().filter(
            kind=TransportKind.EMAIL,
            contact__account=message.credit.account_id,
            contact__role__in=MONEY_ROLES,
            contact__effective_track=message.variant,
        )
    if message.answer is not None:
        return of_voices(message.answer.voices.all())
    assert message.warning is not None  # noqa: S101  the database's CHECK says so
    return ContactPoint.objects.reachable().filter(kind=TransportKind.EMAIL, user__in=message.warning.recipients.all())
