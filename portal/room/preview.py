"""What would go out, before it does: each track's text, who gets it, and what it promises (D5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from comms.actions import publishing
from comms.audience import of_incident
from comms.choices import IncidentStatus, Variant
from comms.models import Incident, Template, UpdateDraft
from comms.policies import cadence, lifecycle
from comms.rendering.messages import Rendered, Text, render_update
from customers.choices import Language
from portal.room.progress import Bar, bar_of


@dataclass(frozen=True)
class Pane:
    """One track's side. `rendered` is None where nothing goes out on it; `problem` then says why."""

    variant: Variant
    rendered: Rendered | None
    contacts: int
    accounts: int
    share: Bar
    next_update_at: datetime | None
    problem: str


def of_texts(
    incident: Incident,
    status: IncidentStatus,
    texts: publishing.Texts,
    facts: Mapping[str, Any],
    now: datetime,
) -> list[Pane]:
    """Both tracks as an update of these facts would go out now, technical first."""
    stage = lifecycle.stage_of(status, first=incident.published_at is None)
    situation = publishing.situation_of(incident, number=incident.sequence + 1, status=status, facts=facts, now=now)
    templates = {
        Variant(template.variant): template
        for template in Template.objects.filter(stage=stage, language=Language.ENGLISH)
    }
    reached = _reached(incident, incident.resolved_at or now)
    everybody = sum(contacts for contacts, _ in reached.values())
    panes = []
    for variant, (contacts, accounts) in reached.items():
        due, problem = _next_time(incident, status, variant, texts, now)
        template = templates.get(variant)
        rendered = None
        if variant in texts and template is not None:
            note = texts[variant].note
            rendered = render_update(template, situation, note=note, next_update_at=due)
        elif variant in texts:
            problem = f"There is no template for the stage {stage.label} on this track."
        share = [(variant.value, "contacts", contacts), ("rest", "on the other track", everybody - contacts)]
        panes.append(Pane(variant, rendered, contacts, accounts, bar_of(str(variant.label), share), due, problem))
    return panes


def of_draft(incident: Incident, draft: UpdateDraft, now: datetime) -> list[Pane]:
    """What a waiting draft will say: its own facts and words, whatever the fact sheet says now."""
    texts = kept_texts(draft)
    return of_texts(incident, IncidentStatus(draft.status), texts, draft.facts, now)


def kept_texts(draft: UpdateDraft) -> dict[Variant, Text]:
    """The author's words and next times of a draft."""
    return {
        Variant(variant): Text(
            note=kept["note"] or "",
            next_update_at=datetime.fromisoformat(kept["next_update_at"]) if kept["next_update_at"] else None,
        )
        for variant, kept in draft.texts.items()
    }


def _reached(incident: Incident, until: datetime) -> dict[Variant, tuple[int, int]]:
    """Contacts and accounts per track: two queries, one a track."""
    reached = {}
    for variant in publishing.TRACKS:
        counted = of_incident(incident, variant, until).aggregate(
            contacts=Count("pk"), accounts=Count("contact__account", distinct=True)
        )
        reached[variant] = counted["contacts"], counted["accounts"]
    return reached


def _next_time(
    incident: Incident, status: IncidentStatus, variant: Variant, texts: publishing.Texts, now: datetime
) -> tuple[datetime | None, str]:
    """The promise that this track would get, and what is wrong with the author's own time, if anything."""
    if variant not in texts:
        return None, "This track is not written to; its promise stays as it is."
    try:
        return publishing.next_times_of(incident, status, {variant: texts[variant]}, now)[variant], ""
    except (cadence.LaterThanCadence, cadence.NotInTheFuture) as refusal:
        by_cadence = publishing.next_times_of(incident, status, {variant: Text()}, now)[variant]
        return by_cadence, str(refusal)
