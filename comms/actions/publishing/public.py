"""The public side of an update: only what was written for the public, under a title of its own (F7, K1, L0).

Nothing is taken over from the incident but the time of its detection, its severity as one of three words, and how bad
it is for services that are on the public page. Private words and later changes of private rows never come here.
"""

from collections.abc import Mapping
from datetime import datetime

from django.utils import translation

from comms import enqueue, fanout
from comms.actions import timeline
from comms.choices import ImpactLevel, IncidentStatus, Lane, PublicImpact, TimelineKind, Variant
from comms.models import Incident, IncidentUpdate, Message, PublicIncident, PublicUpdate
from comms.rendering import marks
from comms.rendering.messages import Text
from comms.rendering.public import render_public
from customers.choices import Language, Severity
from customers.models import Component, Service

WORST_FIRST = [ImpactLevel.MAJOR, ImpactLevel.PARTIAL, ImpactLevel.DEGRADED]
IMPACTS = {
    Severity.ONE: PublicImpact.MINOR,
    Severity.TWO: PublicImpact.MINOR,
    Severity.THREE: PublicImpact.MAJOR,
    Severity.FOUR: PublicImpact.MAJOR,
    Severity.FIVE: PublicImpact.CRITICAL,
}


def without(texts: Mapping[Variant, Text]) -> dict[Variant, Text]:
    """The texts of the tracks: the public page has no cadence and no promises."""
    return {variant: text for variant, text in texts.items() if variant is not Variant.PUBLIC}


def shown_of(incident: Incident) -> PublicIncident | None:
    """The incident as the public page has it, if it does."""
    return PublicIncident.objects.filter(incident=incident).first()


def refusal_of(incident: Incident, status: IncidentStatus, text: Text | None) -> str:
    """Why this update cannot go out as far as the public page is concerned; empty if it can."""
    shown = shown_of(incident)
    if text is not None and not marks.clean(text.note).strip():
        return "Write the public text, or leave the public page out of this update."
    if text is not None and not marks.clean_line(text.title):
        return "Give the public text a title: the public page and its mails show it."
    if text is None and shown is not None and shown.status != status:
        told = IncidentStatus(shown.status).label
        return (
            f"The public page says “{told}” and would go on saying it, while this update says “{status.label}”. "
            "Write the public text, too."
        )
    return ""


def tell(update: IncidentUpdate, text: Text | None, *, now: datetime) -> PublicUpdate | None:
    """Put the text on the public page and mail it to its subscribers; to be called while the incident is locked."""
    if text is None:
        return None
    title, body = marks.clean_line(text.title), marks.clean(text.note).strip()
    status = IncidentStatus(update.status)
    shown = _shown(update, title, status, now)
    affected = affected_by(update.affected)
    said = PublicUpdate.objects.create(
        public_incident=shown,
        update=update,
        status=status,
        body=body,
        affected={service.public_key: level.value for service, level in affected.items()},
        published_at=now,
    )
    reached = fanout.fan_out(_message(update, title, body, affected, now), now=now)
    words = f"Update {update.number} is on the public page; it goes to {reached} of its subscribers."
    timeline.note(update.incident, TimelineKind.PUBLISHED, words, now=now, actor=update.author)
    enqueue.deliveries(Lane.NORMAL)  # behind the customers, who are told first
    return said


def _shown(update: IncidentUpdate, title: str, status: IncidentStatus, now: datetime) -> PublicIncident:
    """The incident's public row with what this update says."""
    shown = shown_of(update.incident) or PublicIncident(incident=update.incident)
    resolved = status is IncidentStatus.RESOLVED
    shown.title, shown.status, shown.impact = title, status, IMPACTS[Severity(update.severity)]
    shown.started_at, shown.updated_at = update.incident.detected_at, now
    shown.resolved_at = (shown.resolved_at or now) if resolved else None
    shown.save()
    return shown


def _message(
    update: IncidentUpdate, title: str, body: str, affected: Mapping[Service, ImpactLevel], now: datetime
) -> Message:
    with translation.override(Language.ENGLISH):
        rendered = render_public(title, IncidentStatus(update.status), body, affected)
    return Message.objects.create(
        update=update,
        incident=update.incident,
        variant=Variant.PUBLIC,
        language=Language.ENGLISH,
        sequence=update.incident.messages.filter(variant=Variant.PUBLIC).count() + 1,
        lane=Lane.NORMAL,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        short=rendered.short,
        created_at=now,
    )


def affected_by(levels: Mapping[str, str]) -> dict[Service, ImpactLevel]:
    """The public services of these components (id -> level), each as bad as the worst of its components."""
    rows = Component.objects.filter(pk__in=[int(pk) for pk in levels], service__is_public=True)
    found: dict[Service, set[ImpactLevel]] = {}
    for component in rows.select_related("service").order_by("service__position", "service__name", "pk"):
        found.setdefault(component.service, set()).add(ImpactLevel(levels[str(component.pk)]))
    return {service: next(level for level in WORST_FIRST if level in worst) for service, worst in found.items()}
