"""The one transaction: an update is numbered, rendered, queued for its audience, and the promises renewed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet

from comms import enqueue, live
from comms.actions import calls, promises, timeline, voices
from comms.actions.publishing import public, ranges
from comms.choices import IncidentStatus, Lane, TimelineKind, Variant
from comms.models import Incident, IncidentImpact, IncidentUpdate, Message, Template
from comms.policies import cadence, lifecycle
from comms.rendering.facts import Affected, Situation
from comms.rendering.messages import Rendered, Text, render_update
from customers import clock
from customers.choices import Language, Severity, Track
from customers.models import Company, User

TRACKS = {Variant.TECHNICAL: Track.TECHNICAL, Variant.BUSINESS: Track.BUSINESS}
Texts = Mapping[Variant, Text]


class CannotPublish(ValueError):
    """Why this update cannot go out, in words for its author. Nothing of it was written; his text is kept."""


class StaleSequence(CannotPublish):
    """Somebody else published in the meantime."""


@transaction.atomic
def publish_update(
    *,
    incident_id: int,
    expected_sequence: int,
    request_id: UUID,
    status: IncidentStatus,
    texts: Texts,
    author: User,
    facts: Mapping[str, Any] | None = None,
    approver: User | None = None,
    override_reason: str = "",
    sms_confirmed: bool = False,
) -> IncidentUpdate:
    """Number the update, render its texts, queue a delivery per recipient, keep and renew promises: all or nothing.

    Of a very large audience the first range is queued here and the others by tasks (publishing.ranges). More SMS than
    the company's limit leave only where they are `sms_confirmed` (E8).

    Raises:
        StaleSequence: somebody published in between. CannotPublish, IllegalTransition: see their words.
    """
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
    known = IncidentUpdate.objects.filter(request_id=request_id).first()
    if known is not None:
        return known
    now = clock.now()  # after the lock: times must not run against the sequence
    facts = incident.facts.as_facts() if facts is None else facts
    check(incident, expected_sequence, status, texts, facts, now)
    said, texts = texts.get(Variant.PUBLIC), public.without(texts)
    first, was_resolved = incident.published_at is None, not incident.is_open
    _move(incident, status, now)
    update = IncidentUpdate.objects.create(
        incident=incident,
        number=incident.sequence,
        request_id=request_id,
        status=status,
        severity=incident.severity,
        title=incident.title,
        affected={str(impact.component_id): impact.level for impact in incident.impacts.filter(ended_at=None)},
        facts=dict(facts),
        author=author,
        approver=approver,
        override_reason=override_reason,
        sms_confirmed=sms_confirmed,
        published_at=now,
    )
    next_times = next_times_of(incident, status, texts, now)
    messages = _say(update, texts, next_times, first=first, now=now)
    queued = ranges.fan_out(update, messages)
    promises.answer_and_renew(incident, update, {TRACKS[variant]: due for variant, due in next_times.items()}, now=now)
    words = f"Update {update.number} published: {status.label}; {queued.words}"
    timeline.note(incident, TimelineKind.PUBLISHED, words, now=now, actor=author)
    public.tell(update, said, now=now)
    calls.raise_for(incident, now=now)
    voices.join_reporters(incident, now=now)
    enqueue.deliveries(Lane.CRITICAL)
    live.announce(incident, {Variant(m.variant): m.sequence for m in messages if m.sequence})
    if status is IncidentStatus.RESOLVED and not was_resolved:
        enqueue.proposals(incident.pk)
    return update


def next_times_of(
    incident: Incident, status: IncidentStatus, texts: Texts, now: datetime
) -> dict[Variant, datetime | None]:
    """The next promise of each track written: the cadence's, or the author's earlier one; none after resolution."""
    if status is IncidentStatus.RESOLVED:
        return dict.fromkeys(texts)
    return {
        variant: cadence.next_due(promises.rule_of(incident, TRACKS[variant]), now, wanted=text.next_update_at)
        for variant, text in texts.items()
    }


def situation_of(
    incident: Incident, *, number: int, status: IncidentStatus, facts: Mapping[str, Any], now: datetime
) -> Situation:
    """All that an update of this incident says, for rendering it now."""
    company = Company.current()
    return Situation(
        reference=incident.reference,
        title=incident.title,
        number=number,
        status=status,
        severity=Severity(incident.severity),
        detected_at=incident.detected_at,
        resolved_at=now if status is IncidentStatus.RESOLVED else None,
        affected=[_affected(impact) for impact in affected_now(incident) or _affected_before(incident)],
        facts=facts,
        company=company.name,
        phone=company.support_phone,
    )


def affected_now(incident: Incident) -> QuerySet[IncidentImpact]:
    """The components still affected; of a resolved incident those that were at its end."""
    end = None if incident.is_open else incident.resolved_at
    return (
        incident.impacts.filter(ended_at=end)
        .select_related("component__service")
        .order_by("component__service__position", "component__name")
    )


def _affected_before(incident: Incident) -> list[IncidentImpact]:
    """Where everything has recovered already: what the incident was about."""
    last = incident.impacts.order_by("component_id", "-started_at").distinct("component_id")
    return list(last.select_related("component__service"))


def _affected(impact: IncidentImpact) -> Affected:
    component = impact.component
    return Affected(component.service.name, component.name, component.cluster, component.region, impact.level_choice)


def check(
    incident: Incident,
    expected_sequence: int,
    status: IncidentStatus,
    texts: Texts,
    facts: Mapping[str, Any],
    now: datetime,
) -> None:
    """All reasons to refuse an update, before anything is written."""
    last = incident.updates.select_related("author").first()
    if last is not None and incident.sequence != expected_sequence:
        raise StaleSequence(
            f"{last.author} published update {last.number} at {last.published_at:%H:%M} UTC, while you were writing. "
            "Nothing of yours was sent and your text is kept: read that update, change yours and publish again."
        )
    reopening = not incident.is_open and status is IncidentStatus.INVESTIGATING
    lifecycle.check_transition(IncidentStatus(incident.status), status, reopening=reopening)
    if not_public := public.refusal_of(incident, status, texts.get(Variant.PUBLIC)):
        raise CannotPublish(not_public)
    texts = public.without(texts)
    if not texts:
        raise CannotPublish("Choose at least one track to write to.")
    over = status is IncidentStatus.RESOLVED and incident.published_at is not None
    if not over and not affected_now(incident).exists():
        raise CannotPublish("Choose at least one affected component: without it nobody is concerned.")
    before = {**last.facts, "status": last.status} if last else None
    shared = lifecycle.changes_for_everybody(before, {**facts, "status": status.value})
    if shared and set(texts) != set(TRACKS):
        names = ", ".join(sorted(name.replace("_", " ") for name in shared))
        raise CannotPublish(f"Both tracks must hear of this at once, because it changes: {names}.")
    try:
        next_times_of(incident, status, texts, now)
    except (cadence.LaterThanCadence, cadence.NotInTheFuture) as refusal:
        raise CannotPublish(str(refusal)) from refusal


def _move(incident: Incident, status: IncidentStatus, now: datetime) -> None:
    """The incident's own state: status, number, and the intervals of what is affected, which customers now hear of."""
    incident.impacts.filter(told_at=None).update(told_at=now)
    resolves = status is IncidentStatus.RESOLVED and incident.is_open
    reopens = status is not IncidentStatus.RESOLVED and not incident.is_open
    if resolves:
        incident.impacts.filter(ended_at=None).update(ended_at=now)
        incident.resolved_at = now
    elif reopens:
        again = affected_now(incident)
        IncidentImpact.objects.bulk_create(
            IncidentImpact(incident=incident, component=i.component, level=i.level, started_at=now, told_at=now)
            for i in again
        )
        incident.resolved_at = None
    incident.status = status
    incident.sequence += 1
    incident.published_at = incident.published_at or now
    incident.save(update_fields=["status", "sequence", "published_at", "resolved_at"])


def _say(
    update: IncidentUpdate,
    texts: Texts,
    next_times: Mapping[Variant, datetime | None],
    *,
    first: bool,
    now: datetime,
) -> list[Message]:
    """A message per track and language."""
    status = IncidentStatus(update.status)
    situation = situation_of(update.incident, number=update.number, status=status, facts=update.facts, now=now)
    stage = lifecycle.stage_of(status, first=first)
    merges = update.severity <= Company.current().merge_up_to
    said = []
    for variant, text in texts.items():
        sequence = (update.incident.messages.filter(variant=variant).aggregate(last=Max("sequence"))["last"] or 0) + 1
        templates = list(Template.objects.filter(stage=stage, variant=variant))
        if not any(template.language == Language.ENGLISH for template in templates):  # it takes all others, too (D8)
            raise CannotPublish(f"There is no template for the stage {stage.label} on the {variant.label} track.")
        said += [
            _message(
                update,
                template,
                render_update(template, situation, note=text.note, next_update_at=next_times[variant]),
                sequence=sequence,
                merges=merges,
            )
            for template in templates
        ]
    return said


def _message(update: IncidentUpdate, template: Template, rendered: Rendered, *, sequence: int, merges: bool) -> Message:
    return Message.objects.create(
        update=update,
        incident=update.incident,
        variant=template.variant,
        language=template.language,
        sequence=sequence,
        lane=Lane.CRITICAL,
        merges=merges,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        short=rendered.short,
        created_at=update.published_at,
    )
