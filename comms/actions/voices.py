"""What customers say: they pile up to a draft, join the incident that is declared, and are answered together (F4)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Min, QuerySet, Sum
from django.utils.translation import gettext as _

from comms import audience, enqueue, fanout
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
MOST_AN_HOUR, HOUR = 20, timedelta(hours=1)  # of one contact: whoever says more has a script, or should call
LIMIT = {"most": MOST_AN_HOUR}
WEIGHT = {Tier.ONE: 4, Tier.TWO: 3, Tier.THREE: 2}  # the rest count once
BROKEN = (VoiceKind.ME_TOO, VoiceKind.SOMETHING_ELSE, VoiceKind.NOT_FIXED)
ONCE = (VoiceKind.ME_TOO, VoiceKind.FIXED, VoiceKind.NOT_FIXED)


class CannotAnswer(ValueError):
    """Nothing was sent; the words are for the person who answers."""


class TooMany(ValueError):
    """Nothing was kept; the words are for the customer."""


class NothingWaits(ValueError):
    """No report is left to open an incident from; the words are for the colleague."""


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

    Raises:
        TooMany: the contact has said more than 20 things within an hour.
    """
    now, words = clock.now(), clean(words).strip()[:WORDS_MAX]
    if incident is None and kind in ONCE:
        kind = VoiceKind.SOMETHING_ELSE  # "too" needs an incident
    known = Voice.objects.filter(request_id=request_id).first()
    if known is None and incident is not None and kind in ONCE:
        known = Voice.objects.filter(contact=contact, incident=incident, kind=kind).first()
        if known is not None and kind in BROKEN and words not in ("", known.words):
            known, kind = None, VoiceKind.SOMETHING_ELSE  # said before, but not these words
    if known is not None:
        return known
    if contact.voices.filter(said_at__gt=now - HOUR).count() >= MOST_AN_HOUR:
        raise TooMany(_("You have told us %(most)d things within an hour. Please wait a little, or call us.") % LIMIT)
    try:
        with transaction.atomic():
            voice = Voice.objects.create(
                kind=kind,
                contact=contact,
                service=service,
                incident=incident,
                words=words,
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
    """Open a draft once enough of the recent reports weigh enough; reports that come later join it.

    What is reported beside an incident that was opened so and is published waits for a person: it is said to be
    something else.
    """
    service = Service.objects.select_for_update(no_key=True).get(pk=service.pk)  # two reports at once count both
    recent = Voice.objects.filter(service=service, incident=None, kind__in=BROKEN, said_at__gt=now - PILE)
    opened = _opened_from(service)
    if opened is None:
        weight = recent.aggregate(weight=Sum("weight"))["weight"] or 0
        if not service.report_threshold or weight < service.report_threshold:
            return
        opened = _open(service, recent, now)
    if opened.published_at is None:
        _take(opened, recent, now)


def _key_of(service: Service) -> str:
    return f"service:{service.pk}"


def _opened_from(service: Service) -> Incident | None:
    """The open incident that reports of this service have opened."""
    return Incident.objects.open().filter(source=IncidentSource.REPORTS, source_key=_key_of(service)).first()


def _open(service: Service, reports: QuerySet[Voice], now: datetime, actor: User | None = None) -> Incident:
    """A draft from these, detected when the first customer saw it; a slip of his pen moves it by a day at most."""
    first = reports.aggregate(first=Min("seen_at"))["first"] or now
    return incidents.open_incident(
        title=f"Customers report trouble with {service.name}",
        detected_at=max(first, now - JOINS_FROM),
        severity=Severity.THREE,
        impacts=dict.fromkeys(service.components.all(), ImpactLevel.PARTIAL),
        source=IncidentSource.REPORTS,
        source_key="" if _opened_from(service) else _key_of(service),
        actor=actor,
    )


def without_incident(now: datetime) -> QuerySet[Voice]:
    """Reports of the last day that belong to no incident and that nobody has answered."""
    return Voice.objects.filter(incident=None, answer=None, kind__in=BROKEN, said_at__gt=now - JOINS_FROM)


@transaction.atomic
def open_from_reports(*, service_id: int, actor: User) -> Incident:
    """A draft from the reports of a service that wait, whatever they weigh; the same click again opens no other.

    Raises:
        NothingWaits: none of them is left, and no incident was opened from them.
    """
    service = Service.objects.select_for_update(no_key=True).get(pk=service_id)
    now = clock.now()
    reports, opened = without_incident(now).filter(service=service), _opened_from(service)
    if not reports.exists():
        if opened is None:
            raise NothingWaits("These reports were answered or joined to an incident in the meantime.")
        return opened
    if opened is None or opened.published_at is not None:
        opened = _open(service, reports, now, actor)
    _take(opened, reports, now)
    return opened


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

    The same click again returns what it wrote.

    Raises:
        CannotAnswer: there are no words, or somebody has answered all of them already.
    """
    words = clean(words).strip()[:WORDS_MAX]
    if not words:
        raise CannotAnswer("Write the answer first.")
    asked = Voice.objects.select_for_update(of=("self",)).filter(pk__in=voice_ids, answer=None)
    voices = list(asked.select_related("contact"))
    if not voices:
        written = Answer.objects.filter(voices__in=voice_ids, author=author, words=words).first()
        if written is not None:
            return written
        raise CannotAnswer("These were answered in the meantime. Nothing was sent; your words are kept in the form.")
    of_incidents = {voice.incident_id for voice in voices}
    if len(of_incidents) > 1:
        raise CannotAnswer("Answer the reports of one incident at a time, so that each reply fits.")
    now = clock.now()
    incident = voices[0].incident
    written = Answer.objects.create(incident=incident, words=words, author=author, at=now)
    Voice.objects.filter(pk__in=[voice.pk for voice in voices]).update(answer=written)
    _send(written, _seen_by_all(incident, voices, now), now)
    if incident is not None:
        note = f"{len(voices)} customers were answered: {words[:120]}"
        timeline.note(incident, TimelineKind.ANSWERED, note, now=now, actor=author)
    return written


def _seen_by_all(incident: Incident | None, voices: Sequence[Voice], now: datetime) -> Incident | None:
    """The incident, if all of them can see it: whoever cannot must not learn that it exists (K1)."""
    if incident is None or incident.published_at is None:
        return None
    accounts = {voice.contact.account_id for voice in voices}
    told = audience.told_of(incident, incident.resolved_at or now).filter(account__in=accounts)
    return incident if accounts == set(told.values_list("account_id", flat=True)) else None


def _send(written: Answer, about: Incident | None, now: datetime) -> None:
    rendered = render_answer(written, about)
    message = Message.objects.create(
        answer=written,
        incident=about,
        variant=Variant.BUSINESS,  # a person wrote it to persons: it has no second track
        language=Language.ENGLISH,
        lane=Lane.CRITICAL if about is not None and about.is_open else Lane.NORMAL,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        short=rendered.short,
        created_at=now,
    )
    fanout.fan_out(message, now=now)
    enqueue.deliveries(Lane(message.lane))


class Reach(NamedTuple):
    """How many mails a reply would be, and how many of the customers would see it in the portal only."""

    mails: int
    portal_only: int


def reach_of(voice_ids: Sequence[int]) -> Reach:
    asked = Voice.objects.filter(pk__in=voice_ids)
    mailed = list(audience.of_voices(asked).values_list("contact", flat=True))
    return Reach(len(mailed), asked.order_by().values("contact").distinct().count() - len(set(mailed)))


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
