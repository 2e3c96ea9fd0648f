"""What customers say, for the team: in the room of an incident, and the desk of what belongs to none (F4, F5, C9b)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib import messages
from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from comms.actions import feedback, voices
from comms.actions.feedback import Summary
from comms.choices import IncidentSource, VoiceKind
from comms.models import Feedback, Incident, Voice
from customers import clock
from customers.choices import Tier
from customers.models import Service
from portal.access import StaffRequest, staff_view

SHOWN = 50
WORDS_SHOWN = 20  # in the room, where other work waits
COMMENTS_SHOWN = 20
ON_DESK = 200
JUDGED_SHOWN = 20
STEP = timedelta(minutes=5)
STEPS = 36  # three hours
DIRECT = Q(kind=VoiceKind.QUESTION, contact__account__tier=Tier.ONE)


@dataclass(frozen=True)
class TrendBar:
    """Of five minutes: its place, width and height in percent of the drawing."""

    start: float
    width: float
    top: float
    height: float


@dataclass(frozen=True)
class Trend:
    """Reports per five minutes, of the last three hours of them."""

    bars: tuple[TrendBar, ...]
    since: datetime
    until: datetime
    most: int


@dataclass(frozen=True)
class Judged:
    """How an incident was told, in its readers' eyes."""

    incident: Incident
    tracks: Sequence[Summary]
    comments: Sequence[Feedback]


@dataclass(frozen=True)
class Heard:
    """What customers say of an incident. `waiting`: the words; `waiting_n` counts also clicks without any."""

    counts: Sequence[tuple[VoiceKind, int]]
    ahead_minutes: int | None
    trend: Trend | None
    waiting: Sequence[Voice]
    waiting_n: int
    answered: Sequence[Voice]
    judged: Judged

    @property
    def further(self) -> int:
        return self.waiting_n - len(self.waiting)


def heard_of(incident: Incident) -> Heard:
    """At most eight queries; two where nobody has said anything."""
    counts, judged = voices.counts_of(incident), judged_of([incident])[0]
    if not counts:
        return Heard([], None, None, [], 0, [], judged)
    ahead = voices.ahead_of_us(incident)
    unanswered = unanswered_of(incident.voices.all())
    return Heard(
        counts=[(kind, counts[kind]) for kind in VoiceKind if kind in counts],
        ahead_minutes=None if ahead is None else max(1, round(ahead.total_seconds() / 60)),
        trend=trend_of(incident.voices.filter(kind__in=voices.BROKEN).values_list("said_at", flat=True)),
        waiting=list(unanswered.exclude(words="")[:WORDS_SHOWN]),
        waiting_n=unanswered.count(),
        answered=list(_named(incident.voices.exclude(answer=None)).order_by("-answer__at", "-answer_id")[:SHOWN]),
        judged=judged,
    )


def _named(found: QuerySet[Voice]) -> QuerySet[Voice]:
    direct = Case(When(DIRECT, then=Value(True)), default=Value(False), output_field=BooleanField())
    return found.select_related("contact__account", "service", "answer__author").annotate(direct=direct)


def unanswered_of(found: QuerySet[Voice]) -> QuerySet[Voice]:
    """What waits for an answer: the most important customers' questions first, then words before mere clicks."""
    rank = Case(When(DIRECT, then=Value(0)), When(words="", then=Value(2)), default=Value(1))
    return _named(found.filter(answer=None).exclude(kind=VoiceKind.FIXED)).order_by(rank, "-said_at", "-pk")


def trend_of(times: Iterable[datetime]) -> Trend | None:
    """None where all came within five minutes: one bar says nothing."""
    steps = Counter(int(at.timestamp() // STEP.total_seconds()) for at in times)
    if len(steps) < 2:
        return None
    last = max(steps)
    first = max(min(steps), last - STEPS + 1)
    shown, most = range(first, last + 1), max(n for step, n in steps.items() if step >= first)
    width = 100 / len(shown)
    bars = tuple(
        TrendBar(round(width * n, 3), round(width * 0.85, 3), round(100 - height, 3), round(height, 3))
        for n, step in enumerate(shown)
        if (height := 100 * steps[step] / most)
    )
    since, until = (datetime.fromtimestamp(step * STEP.total_seconds(), UTC) for step in (first, last + 1))
    return Trend(bars, since, until, most)


def judged_of(incidents: Sequence[Incident]) -> list[Judged]:
    """For each of these; two queries."""
    summaries = feedback.summaries_of([incident.pk for incident in incidents])
    comments: dict[int, list[Feedback]] = {}
    if summaries:
        said = (
            Feedback.objects.filter(incident__in=list(summaries)).exclude(words="").select_related("contact__account")
        )
        for one in said.order_by("-at", "-pk"):
            comments.setdefault(one.incident_id, []).append(one)
    return [
        Judged(incident, summaries.get(incident.pk, []), comments.get(incident.pk, [])[:COMMENTS_SHOWN])
        for incident in incidents
    ]


@dataclass(frozen=True)
class OfService:
    """The reports of a service that wait without an incident. `weight`: of the last quarter of an hour."""

    service: Service
    voices: Sequence[Voice]
    weight: int
    joinable: int
    """How many of them an incident opened now would take."""

    @property
    def missing(self) -> int:
        return max(0, self.service.report_threshold - self.weight)

    @property
    def percent(self) -> int:
        threshold = self.service.report_threshold
        return min(100, round(100 * self.weight / threshold)) if threshold else 0


@require_GET
@staff_view("comms.view_voice")
def desk(request: StaffRequest) -> HttpResponse:
    """Reports that belong to no incident, by service; drafts that reports have opened; what readers thought."""
    now = clock.now()
    waiting = list(unanswered_of(Voice.objects.filter(incident=None))[: ON_DESK + 1])
    drafts = Incident.objects.open().filter(source=IncidentSource.REPORTS, published_at=None)
    judged = Incident.objects.filter(Exists(Feedback.objects.filter(incident=OuterRef("pk"))))
    context = {
        "part": "voices",
        "services": _by_service(waiting[:ON_DESK], now),
        "waiting_n": len(waiting[:ON_DESK]),
        "more": len(waiting) > ON_DESK,
        "drafts": drafts.annotate(voices_n=Count("voices")).order_by("-opened_at"),
        "judged": judged_of(list(judged.order_by("-detected_at")[:JUDGED_SHOWN])),
    }
    return render(request, "room/voices.html", context)


def _by_service(waiting: Sequence[Voice], now: datetime) -> list[OfService]:
    """Those nearest to their threshold first."""
    groups: dict[Service, list[Voice]] = {}
    for voice in waiting:
        if voice.service is not None:  # the database's CHECK says that it is there
            groups.setdefault(voice.service, []).append(voice)
    found = []
    for service, said in groups.items():
        broken = [voice for voice in said if voice.kind in voices.BROKEN]
        weight = sum(voice.weight for voice in broken if voice.said_at > now - voices.PILE)
        joinable = sum(voice.said_at > now - voices.JOINS_FROM for voice in broken)
        found.append(OfService(service, said, weight, joinable))
    return sorted(found, key=lambda group: (-group.percent, group.service.position, group.service.name))


@require_http_methods(["GET", "POST"])
@staff_view("comms.draft_update")
def open_incident(request: StaffRequest, pk: int) -> HttpResponse:
    """A draft from the reports of a service that wait."""
    service = get_object_or_404(Service, pk=pk)
    if request.method == "GET":  # the address of a page that was refused, loaded again
        return redirect("room_voices")
    try:
        incident = voices.open_from_reports(service_id=service.pk, actor=request.user)
    except voices.NothingWaits as refusal:
        messages.warning(request, str(refusal))
        return redirect("room_voices")
    return redirect("room_incident", incident.pk)
