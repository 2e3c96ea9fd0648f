"""Incidents as one viewer sees them: a fixed number of queries, however many incidents and labels there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from comms.choices import IncidentStatus, Variant
from comms.models import Incident, Message, Promise
from comms.rendering.mail import LABELS_SHOWN
from customers.choices import Severity, Track
from portal.access import Viewer
from portal.customer.promises import PromiseClock, clock_of
from portal.customer.touches import Part, ServiceState, Touch, labels_of, parts_of, some_of, state_of, worst


@dataclass(frozen=True)
class Card:
    """An incident as one viewer sees it: on his track, from what was last published on it, under his own labels."""

    incident: Incident
    variant: Variant
    heading: str
    services: tuple[ServiceState, ...]
    labels: tuple[str, ...]
    parts: tuple[Part, ...]
    last: Message | None
    promise: PromiseClock | None

    @property
    def sequence(self) -> int:
        return self.last.sequence or 0 if self.last else 0

    @property
    def status_word(self) -> str:
        return str(IncidentStatus(self.incident.status).label)

    @property
    def severity(self) -> Severity:
        """As last published: what is being written now is not said yet."""
        update = self.last.update if self.last else None
        return Severity(update.severity if update else self.incident.severity)

    @property
    def severity_word(self) -> str:
        return str(self.severity.label).partition(" – ")[2]

    @property
    def state(self) -> str:
        """The worst of what is affected now."""
        return worst(service.state for service in self.services)

    @property
    def experience(self) -> str:
        return self._fact("customer_experience")

    @property
    def action(self) -> str:
        return self._fact("customer_action")

    @property
    def labels_shown(self) -> tuple[str, ...]:
        return self.labels[:LABELS_SHOWN]

    @property
    def labels_rest(self) -> tuple[str, ...]:
        return self.labels[LABELS_SHOWN:]

    @property
    def labels_more(self) -> int:
        return len(self.labels_rest)

    @property
    def is_technical(self) -> bool:
        return self.variant is Variant.TECHNICAL

    @property
    def needs_action(self) -> bool:
        return bool(self.action)

    @property
    def labels_words(self) -> str:
        return some_of(self.labels)

    @property
    def duration(self) -> str:
        """From detection to resolution, elapsed, in the words of the last message; empty while it is open."""
        end = self.incident.resolved_at
        if end is None:
            return ""
        minutes = max(1, round((end - self.incident.detected_at).total_seconds() / 60))
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"

    @property
    def month(self) -> str:
        """The month of its detection in the reader's zone: `November 2026`."""
        return date_format(timezone.localtime(self.incident.detected_at), "F Y")

    def _fact(self, name: str) -> str:
        update = self.last.update if self.last else None
        return str(update.facts.get(name) or "").strip() if update else ""


def cards_of(viewer: Viewer, incidents: Sequence[Incident], touches: Sequence[Touch], now: datetime) -> list[Card]:
    """A card for each of these incidents, in this order; they come from `access.incidents_for`, with their touches."""
    mine = {incident.pk: [t for t in touches if t.incident_id == incident.pk] for incident in incidents}
    variants = {pk: _variant(viewer, rows) for pk, rows in mine.items()}
    last = _last_messages(variants)
    cards = []
    for incident in incidents:
        services = _affected_services(mine[incident.pk])
        due_at = getattr(last.get(incident.pk), "promised_at", None)
        cards.append(
            Card(
                incident=incident,
                variant=variants[incident.pk],
                heading=_heading(incident, variants[incident.pk], services, last.get(incident.pk)),
                services=services,
                labels=labels_of(mine[incident.pk]),
                parts=parts_of(mine[incident.pk], variants[incident.pk]),
                last=last.get(incident.pk),
                promise=clock_of(due_at, now) if due_at else None,
            )
        )
    return cards


def _heading(incident: Incident, variant: Variant, services: Sequence[ServiceState], last: Message | None) -> str:
    """A title is written by engineers for engineers; a business reader gets his services' names instead (D1)."""
    if variant is Variant.TECHNICAL and last is not None and last.update is not None:
        return last.update.title
    return ", ".join(state.service.name for state in services) or incident.reference


def _variant(viewer: Viewer, touches: Iterable[Touch]) -> Variant:
    """As `access.readings_of` decides: technical if he is that for any affected account, else business (B5)."""
    accounts = {touch.account_id for touch in touches}
    tracks = {c.effective_track for c in viewer.contacts if c.account_id in accounts}
    return Variant.TECHNICAL if Track.TECHNICAL in tracks else Variant.BUSINESS


def _of_track(variants: dict[int, Variant], variant: Variant) -> list[int]:
    return [pk for pk, own in variants.items() if own is variant]


def _last_messages(variants: dict[int, Variant]) -> dict[int, Message]:
    """Per incident the last text of the viewer's own track, with the update that it said and when the next is due."""
    waiting = Promise.objects.unanswered().filter(incident=OuterRef("incident"), track=OuterRef("variant"))
    own = Q()
    for variant in (Variant.TECHNICAL, Variant.BUSINESS):
        own |= Q(variant=variant, incident__in=_of_track(variants, variant))
    messages = (
        Message.objects.filter(own, update__isnull=False)
        .order_by("incident_id", "-sequence")
        .distinct("incident_id")
        .select_related("update")
        .annotate(promised_at=Subquery(waiting.values("due_at")[:1]))
        .defer("text", "html")
    )
    return {message.incident_id: message for message in messages if message.incident_id is not None}


def _affected_services(touches: Sequence[Touch]) -> tuple[ServiceState, ...]:
    """Each service that the incident ever touched, with its state now: one that has recovered stays and says so."""
    services = {touch.service.pk: touch.service for touch in touches}
    return tuple(
        state_of(service, [t for t in touches if t.service.pk == pk], well=_("restored"))
        for pk, service in services.items()
    )
