"""What would go out, before it does: each track's text, who gets it, and what it promises (D5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from comms.actions import publishing
from comms.audience import of_incident, wanting
from comms.choices import IncidentStatus, Variant
from comms.models import Incident, IncidentUpdate, Template, UpdateDraft
from comms.policies import cadence, lifecycle
from comms.policies.sms import over_limit, sms_cost
from comms.rendering.messages import Rendered, Text, render_update
from customers.choices import Language, TransportKind
from customers.models import Company
from portal.room.progress import Bar, bar_of
from portal.room.public import PublicPane, public_pane


@dataclass(frozen=True)
class SmsBill:
    """So many SMS and what they cost in `currency`: None while the company has set no price."""

    count: int
    cost: Decimal | None
    currency: str


@dataclass(frozen=True)
class Reached:
    """Whom a track reaches: people, their accounts, and messages per channel, those with none left out."""

    contacts: int
    accounts: int
    channels: dict[TransportKind, int]


@dataclass(frozen=True)
class Pane:
    """One track's side. `rendered` is None where nothing goes out on it; `problem` then says why."""

    variant: Variant
    rendered: Rendered | None
    reached: Reached
    sms: SmsBill
    share: Bar
    next_update_at: datetime | None
    problem: str


@dataclass(frozen=True)
class Preview:
    """An update before it leaves. `sms` are those of the tracks written to, `sms_limit` how many leave unconfirmed."""

    panes: list[Pane]
    sms: SmsBill
    sms_limit: int
    public: PublicPane

    @property
    def sms_over(self) -> int:
        return over_limit(self.sms.count, self.sms_limit)


def of_texts(
    incident: Incident,
    status: IncidentStatus,
    texts: publishing.Texts,
    facts: Mapping[str, Any],
    now: datetime,
) -> Preview:
    """Both tracks as an update of these facts would go out now, technical first, and what the public gets."""
    said = texts.get(Variant.PUBLIC)
    stage = lifecycle.stage_of(status, first=incident.published_at is None)
    situation = publishing.situation_of(incident, number=incident.sequence + 1, status=status, facts=facts, now=now)
    templates = {
        Variant(template.variant): template
        for template in Template.objects.filter(stage=stage, language=Language.ENGLISH)
    }
    company = Company.current()
    reached = _reached(incident, status, incident.resolved_at or now)
    everybody = sum(track.contacts for track in reached.values())
    panes = []
    for variant, track in reached.items():
        due, problem = _next_time(incident, status, variant, texts, now)
        template = templates.get(variant)
        rendered = None
        if variant in texts and template is not None:
            note = texts[variant].note
            rendered = render_update(template, situation, note=note, next_update_at=due)
        elif variant in texts:
            problem = f"There is no template for the stage {stage.label} on this track."
        share = [
            (variant.value, "contacts", track.contacts),
            ("rest", "on the other track", everybody - track.contacts),
        ]
        sms = _sms(track.channels.get(TransportKind.SMS, 0), company)
        panes.append(Pane(variant, rendered, track, sms, bar_of(str(variant.label), share), due, problem))
    leaving = sum(pane.sms.count for pane in panes if pane.variant in texts)
    return Preview(panes, _sms(leaving, company), company.sms_limit, public_pane(incident, status, said))


def of_draft(incident: Incident, draft: UpdateDraft, now: datetime) -> Preview:
    """What a waiting draft will say: its own facts and words, whatever the fact sheet says now."""
    texts = publishing.texts_of(draft)
    return of_texts(incident, IncidentStatus(draft.status), texts, draft.facts, now)


def _reached(incident: Incident, status: IncidentStatus, until: datetime) -> dict[Variant, Reached]:
    """Whom each track would reach: one query a track, whatever the number of channels."""
    update = IncidentUpdate(incident=incident, number=incident.sequence + 1, status=status)  # as it would be: not saved
    wants, reached = wanting(update), {}
    for variant in publishing.TRACKS:
        counted = (
            of_incident(incident, variant, until)
            .filter(contact__wants__in=wants)
            .aggregate(
                contacts=Count("contact", distinct=True),
                accounts=Count("contact__account", distinct=True),
                **{kind.value: Count("pk", filter=Q(kind=kind)) for kind in TransportKind},
            )
        )
        channels = {kind: counted[kind.value] for kind in TransportKind if counted[kind.value]}
        reached[variant] = Reached(counted["contacts"], counted["accounts"], channels)
    return reached


def _sms(count: int, company: Company) -> SmsBill:
    return SmsBill(count, sms_cost(count, company.sms_price), company.sms_currency)


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
