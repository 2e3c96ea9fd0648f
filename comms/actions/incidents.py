"""Opening an incident by hand or from an alert, and what a person says of it before he publishes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from comms.actions import promises, timeline
from comms.choices import ImpactLevel, IncidentSource, TimelineKind
from comms.models import Alert, FactSheet, Incident, IncidentImpact
from comms.rendering.marks import clean, clean_line
from customers import clock
from customers.choices import Severity
from customers.models import Component, User

TITLE_MAX = 160


@dataclass(frozen=True)
class AlertSeen:
    """One alert of a group as the monitoring system tells it. `resolved_at` is None while it fires."""

    fingerprint: str
    summary: str
    started_at: datetime
    resolved_at: datetime | None


class RoleConflict(ValueError):
    """Whoever repairs does not send (C4)."""


@transaction.atomic
def open_incident(
    *,
    title: str,
    detected_at: datetime | None = None,
    severity: Severity = Severity.THREE,
    classified: bool = False,
    impacts: Mapping[Component, ImpactLevel] | None = None,
    source: IncidentSource = IncidentSource.PERSON,
    source_key: str = "",
    actor: User | None = None,
) -> Incident:
    """A draft with its first promises, counted from detection (default: now). Nobody outside hears of it."""
    now = clock.now()
    incident = Incident.objects.create(
        title=clean_line(title)[:TITLE_MAX],
        severity=severity,
        classified_at=now if classified else None,
        detected_at=min(detected_at or now, now),
        opened_at=now,
        source=source,
        source_key=source_key,
        cadence=promises.snapshot(),
    )
    FactSheet.objects.create(incident=incident)
    _set_impacts(incident, impacts or {}, now)
    promises.promise_first(incident, now=now)
    timeline.note(
        incident, TimelineKind.OPENED, f"Draft opened: {incident.get_source_display()}.", now=now, actor=actor
    )
    return incident


def receive_alerts(
    *,
    source: IncidentSource,
    source_key: str,
    title: str,
    severity: Severity,
    component_ids: Sequence[str],
    alerts: Sequence[AlertSeen],
) -> tuple[Incident | None, bool]:
    """A group of alerts: one open draft per key, whatever is repeated; (incident, whether this call opened it).

    A group of which all is resolved opens nothing: (None, False) where there is no open incident for it. Nor does a
    firing that comes after its own resolved, late or sent once more (R19).
    """
    open_one = Incident.objects.open().filter(source=source, source_key=source_key)
    created = False
    with transaction.atomic():
        incident = open_one.select_for_update(no_key=True).first()
        if incident is None and _fires_anew(source, source_key, alerts):
            try:
                with transaction.atomic():
                    incident = _open_from_alerts(source, source_key, title, severity, component_ids)
                created = True
            except IntegrityError:  # the same group arrived twice at once: the other one opened it
                incident = open_one.select_for_update(no_key=True).get()
        if incident is not None:
            _note_alerts(incident, alerts)
            if incident.classified_at is None and not created:
                _add_components(incident, component_ids)
    return incident, created


def _fires_anew(source: IncidentSource, source_key: str, alerts: Sequence[AlertSeen]) -> bool:
    """Whether an alert of the group fires of which no earlier incident of the key knows that it has resolved."""
    over = set(
        Alert.objects.filter(
            incident__source=source,
            incident__source_key=source_key,
            fingerprint__in={alert.fingerprint for alert in alerts},
            resolved_at__isnull=False,
        ).values_list("fingerprint", "started_at")
    )
    return any(alert.resolved_at is None and (alert.fingerprint, alert.started_at) not in over for alert in alerts)


def _open_from_alerts(
    source: IncidentSource,
    source_key: str,
    title: str,
    severity: Severity,
    component_ids: Sequence[str],
) -> Incident:
    components = Component.objects.filter(external_id__in=component_ids)
    return open_incident(
        title=title,
        # detected now: the arrival counts, whatever the alert says of its start; a person may correct it (C2c)
        severity=severity,
        impacts=dict.fromkeys(components, ImpactLevel.PARTIAL),
        source=source,
        source_key=source_key,
    )


def _add_components(incident: Incident, component_ids: Sequence[str]) -> None:
    """What later alerts of the group name joins a draft that nobody has looked at; afterwards a person decides."""
    for component in Component.objects.filter(external_id__in=component_ids).exclude(impacts__incident=incident):
        IncidentImpact.objects.create(
            incident=incident, component=component, level=ImpactLevel.PARTIAL, started_at=incident.detected_at
        )


def _note_alerts(incident: Incident, alerts: Sequence[AlertSeen]) -> None:
    """Remember each alert once, and on the timeline what is new: firing or resolved. The status stays as it is."""
    now = clock.now()
    for seen in alerts:  # a group is a handful; each needs its own row's state
        alert, is_new = Alert.objects.get_or_create(
            incident=incident,
            fingerprint=seen.fingerprint,
            started_at=seen.started_at,
            defaults={"summary": clean_line(seen.summary)[:300]},
        )
        if is_new:
            timeline.note(incident, TimelineKind.ALERT_FIRING, f"Alert firing: {alert.summary}", now=now)
        if seen.resolved_at is not None and alert.resolved_at is None:
            alert.resolved_at = seen.resolved_at
            alert.save(update_fields=["resolved_at"])
            timeline.note(incident, TimelineKind.ALERT_RESOLVED, f"Alert resolved: {alert.summary}", now=now)


@transaction.atomic
def describe(
    *,
    incident_id: int,
    actor: User,
    title: str,
    severity: Severity,
    detected_at: datetime,
    impacts: Mapping[Component, ImpactLevel],
    facts: Mapping[str, Any],
) -> Incident:
    """What a person says the incident is: saved, not yet said to anybody outside.

    The first saving by a person classifies the draft. An earlier detection or a higher severity may bring the first
    promise forward; nothing moves one back.
    """
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
    now = clock.now()
    changes = []
    if severity != incident.severity:
        changes.append(f"severity {incident.severity} -> {int(severity)}")
    if clean_line(title) != incident.title:
        changes.append(f"title: {clean_line(title)}")
    if detected_at != incident.detected_at:
        changes.append(f"first detected {incident.detected_at:%d %b %H:%M} -> {detected_at:%d %b %H:%M} UTC")
        incident.impacts.filter(started_at=incident.detected_at).exclude(ended_at__lt=detected_at).update(
            started_at=min(detected_at, now)
        )
    incident.title, incident.severity = clean_line(title)[:TITLE_MAX], severity
    incident.detected_at = min(detected_at, now)
    incident.classified_at = incident.classified_at or now
    incident.save(update_fields=["title", "severity", "detected_at", "classified_at"])
    changes += _set_impacts(incident, impacts, now)
    changes += _set_facts(incident, facts)
    promises.tighten(incident)
    if changes:
        timeline.note(incident, TimelineKind.CHANGED, "; ".join(changes), now=now, actor=actor)
    return incident


def _set_facts(incident: Incident, facts: Mapping[str, Any]) -> list[str]:
    sheet = incident.facts
    changed = []
    for name in FactSheet.names():
        if name not in facts:
            continue
        value = clean(facts[name]) if isinstance(facts[name], str) else facts[name]
        if value != getattr(sheet, name):
            setattr(sheet, name, value)
            changed.append(str(FactSheet._meta.get_field(name).verbose_name))  # type: ignore[union-attr]
    sheet.save()
    return [f"facts: {', '.join(changed)}"] if changed else []


def _set_impacts(incident: Incident, impacts: Mapping[Component, ImpactLevel], now: datetime) -> list[str]:
    """Open and close intervals so that exactly these components are affected now. Returns what changed, in words.

    A component never told of is forgotten; one that customers were told of keeps its interval for the SLA, each level
    of badness its own. A resolved incident affects nothing any more: its intervals stay.
    """
    if not incident.is_open:
        return []
    changed = []
    present = {
        impact.component_id: impact for impact in incident.impacts.filter(ended_at=None).select_related("component")
    }
    for component, level in impacts.items():
        impact = present.pop(component.pk, None)
        if impact is None:
            started_at = incident.detected_at if incident.published_at is None else now
            IncidentImpact.objects.create(incident=incident, component=component, level=level, started_at=started_at)
            changed.append(f"affected: {component} ({level.label})")
        elif impact.level != level:
            _change_level(impact, level, now)
            changed.append(f"{component}: {level.label}")
    for impact in present.values():
        if impact.told_at is None:
            impact.delete()
        else:
            impact.ended_at = now
            impact.save(update_fields=["ended_at"])
        changed.append(f"no longer affected: {impact.component}")
    return changed


def _change_level(impact: IncidentImpact, level: ImpactLevel, now: datetime) -> None:
    """Once customers were told, what was a major outage until now stays one: credits count it by its level (H2)."""
    if impact.told_at is None:
        impact.level = level
        impact.save(update_fields=["level"])
        return
    impact.ended_at = now
    impact.save(update_fields=["ended_at"])
    IncidentImpact.objects.create(incident=impact.incident, component=impact.component, level=level, started_at=now)


@transaction.atomic
def assign_roles(
    *,
    incident_id: int,
    actor: User,
    commander: User | None,
    communications_lead: User | None,
    responder: User | None,
    override_reason: str = "",
) -> Incident:
    """Name who does what in this incident (C4).

    Raises:
        RoleConflict: the responder would also be the communications lead, and no reason for it is given.
    """
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
    now = clock.now()
    if responder is not None and responder == communications_lead:
        if not override_reason.strip():
            raise RoleConflict(
                "Whoever repairs does not send: choose another communications lead, "
                "or give the reason why one person does both."
            )
        timeline.note(
            incident,
            TimelineKind.OVERRIDE,
            f"{responder} repairs and sends: {clean_line(override_reason)}",
            now=now,
            actor=actor,
        )
    incident.commander, incident.communications_lead, incident.responder = (
        commander,
        communications_lead,
        responder,
    )
    incident.save(update_fields=["commander", "communications_lead", "responder"])
    named = {"commander": commander, "communications lead": communications_lead, "responder": responder}
    timeline.note(
        incident,
        TimelineKind.CHANGED,
        "roles: " + (", ".join(f"{role} {user}" for role, user in named.items() if user) or "nobody"),
        now=now,
        actor=actor,
    )
    return incident
