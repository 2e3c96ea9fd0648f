"""What customers say: they pile up to a draft, join the incident that is declared, and are answered together (F4)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Min, QuerySet, Sum

from comms import enqueue, fanout
from comms.actions import incidents, timeline
from comms.choices import ImpactLevel, IncidentSource, Lane, TimelineKind, Variant, VoiceKind
from comms.models import Answer, Incident, Message, Voice
from comms.rendering.answer import render_answer
from comms.rendering.marks import clean
from customers import clock
from customers.choices import Language, Severity, Tier
from customers.models import Account, Contact, Service, User

WORDS_MAX = 2000
PILE = timedelta(minutes=15)  # so long reports count together
JOINS_FROM = timedelta(hours=24)  # before its detection: who reported so early means another matter
WEIGHT = {Tier.ONE: 4, Tier.TWO: 3, Tier.THREE: 2}  # the rest count once
BROKEN = (VoiceKind.ME_TOO, VoiceKind.SOMETHING_ELSE, VoiceKind.NOT_FIXED)
ONCE = (VoiceKind.ME_TOO, VoiceKind.FIXED, VoiceKind.NOT_FIXED)


class CannotAnswer(ValueError):
    """Nothing was sent; the words are for the person who answers."""


@transaction.atomic
def say(
    *,
    contact: Contact,
    kind: VoiceKind,
    request_id: UUID,
    words: str = "",
    service: Service | None = None,
    incident: Incident | None = None,
    seen_at: datetime | None = None,
) -> Voice:
    """Keep what a customer says. The same `request_id` again, or "me too" twice for one incident, adds nothing.

    A report of a service without an incident may open a draft; a person decides what becomes of it.
    """
    now = clock.now()
    if incident is None and kind in ONCE:
        kind = VoiceKind.SOMETHING_ELSE  # "too" needs an incident
    known = Voice.objects.filter(request_id=request_id).first()
    if known is None and incident is not None and kind in ONCE:
        known = Voice.objects.filter(contact=contact, incident=incident, kind=kind).first()
    if known is not None:
        return known
    try:
        with transaction.atomic():
            voice = Voice.objects.create(
                kind=kind,
                contact=contact,
                service=service,
                incident=incident,
                words=clean(words).strip()[:WORDS_MAX],
                seen_at=min(seen_at or now, now),
                said_at=now,
                weight=weight_of(contact.account),
                request_id=request_id,
            )
    except IntegrityError:  # a double click: the other one was faster
        same = Voice.objects.filter(request_id=request_id) | Voice.objects.filter(
            contact=contact, incident=incident, kind=kind
        )
        return same.latest("said_at")
    if incident is None and service is not None and kind in BROKEN:
        _pile_up(service, now)
    return voice


def weight_of(account: Account) -> int:
    """How much a report counts: more, the harder an outage hits the account."""
    return WEIGHT.get(Tier(account.tier), 1) if account.tier else 1


def _pile_up(service: Service, now: datetime) -> None:
    """Open a draft once enough of the recent reports weigh enough; reports that come later join it."""
    service = Service.objects.select_for_update(no_key=True).get(pk=service.pk)  # two reports at once count both
    waiting = Voice.objects.filter(service=service, incident=None, kind__in=BROKEN, said_at__gt=now - PILE)
    key = f"service:{service.pk}"
    draft = Incident.objects.open().filter(source=IncidentSource.REPORTS, source_key=key, published_at=None).first()
    if draft is None:
        summed = waiting.aggregate(weight=Sum("weight"), first=Min("seen_at"))
        if not service.report_threshold or (summed["weight"] or 0) < service.report_threshold:
            return
        draft = incidents.open_incident(
            title=f"Customers report trouble with {service.name}",
            detected_at=summed["first"],
            severity=Severity.THREE,
            impacts=dict.fromkeys(service.components.all(), ImpactLevel.PARTIAL),
            source=IncidentSource.REPORTS,
            source_key=key,
        )
    _take(draft, waiting, now)


def join_reporters(incident: Incident, *, now: datetime) -> int:
    """Reports of the services that an incident touches, and that wait without one, belong to it from now on."""
    waiting = Voice.objects.filter(
        incident=None,
        kind__in=BROKEN,
        service__in=incident.impacts.values("component__service"),
        said_at__gt=incident.detected_at - JOINS_FROM,
    )
    return _take(incident, waiting, now)


def _take(incident: Incident, voices: QuerySet[Voice], now: datetime) -> int:
    joined = voices.update(incident=incident)
    if joined:
        words = f"{joined} reports of customers joined."
        timeline.note(incident, TimelineKind.REPORTED, words, now=now)
    return joined


@transaction.atomic
def answer(*, voice_ids: Sequence[int], words: str, author: User) -> Answer:
    """One reply to all of these: each of them sees it in the portal and gets it by mail, once, for himself.

    Raises:
        CannotAnswer: there are no words, or somebody has answered all of them already.
    """
    words = clean(words).strip()
    if not words:
        raise CannotAnswer("Write the answer first.")
    voices = list(Voice.objects.select_for_update(of=("self",)).filter(pk__in=voice_ids, answer=None))
    if not voices:
        raise CannotAnswer("These were answered in the meantime. Nothing was sent; your words are kept in the form.")
    of_incidents = {voice.incident_id for voice in voices}
    if len(of_incidents) > 1:
        raise CannotAnswer("Answer the reports of one incident at a time, so that each reply fits.")
    now = clock.now()
    incident = voices[0].incident
    written = Answer.objects.create(incident=incident, words=words[:WORDS_MAX], author=author, at=now)
    Voice.objects.filter(pk__in=[voice.pk for voice in voices]).update(answer=written)
    rendered = render_answer(written)
    message = Message.objects.create(
        answer=written,
        incident=incident,
        variant=Variant.BUSINESS,  # a person wrote it to persons: it has no second track
        language=Language.ENGLISH,
        lane=Lane.CRITICAL if incident is not None and incident.is_open else Lane.NORMAL,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        short=rendered.short,
        created_at=now,
    )
    fanout.fan_out(message, now=now)
    enqueue.deliveries(Lane(message.lane))
    if incident is not None:
        note = f"{len(voices)} customers were answered: {words[:120]}"
        timeline.note(incident, TimelineKind.ANSWERED, note, now=now, actor=author)
    return written


def ahead_of_us(incident: Incident) -> timedelta | None:
    """By how much the first customer saw it before our own monitoring or people did; None where we were first."""
    first = incident.voices.filter(kind__in=BROKEN).aggregate(first=Min("seen_at"))["first"]
    if first is None or incident.source == IncidentSource.REPORTS or first >= incident.detected_at:
        return None
    return incident.detected_at - first  # type: ignore[no-any-return]


def counts_of(incident: Incident) -> dict[VoiceKind, int]:
    """How many said what: the mood, for the incident's owner (C9b)."""
    rows = incident.voices.order_by().values_list("kind").annotate(n=Count("pk"))
    return {VoiceKind(kind): n for kind, n in rows}
