"""The page of the room, as every view of an incident answers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from comms.actions import publishing
from comms.actions.publishing.publish import affected_now
from comms.choices import TimelineKind, Variant
from comms.models import Incident, Message, TimelineEntry, UpdateDraft
from customers import clock
from customers.models import User
from portal.access import StaffRequest
from portal.room.clocks import Clock, clocks_of
from portal.room.preview import Preview, of_draft, of_texts
from portal.room.progress import Bar, deliveries_of
from portal.room.roles_form import RolesForm
from portal.room.voices import heard_of
from portal.room.writing import Overtaken, Writing, writing_of

TIMELINE_SHOWN = 100
TONES = {
    TimelineKind.PUBLISHED: "said",
    TimelineKind.ALERT_RESOLVED: "ok",
    TimelineKind.ALERT_FIRING: "error",
    TimelineKind.PROMISE_MISSED: "error",
    TimelineKind.REFUSED: "error",
    TimelineKind.PROMISE_WARNED: "warn",
    TimelineKind.OVERRIDE: "warn",
}


@dataclass(frozen=True)
class TrackColumn:
    """What there is to know at a glance of one track."""

    clock: Clock
    bars: list[Bar]


@dataclass(frozen=True)
class Waiting:
    """A draft that has not left yet. `seconds` until it leaves, None while it waits for approval."""

    draft: UpdateDraft
    seconds: int | None
    written_by_me: bool


def find_incident(pk: int) -> Incident:
    """The incident with what every part of its page names; staff who see the room see every incident."""
    named = Incident.objects.select_related("facts", "commander", "communications_lead", "responder")
    return get_object_or_404(named, pk=pk)


def progress_of(request: StaffRequest, incident: Incident, now: datetime) -> dict[str, Any]:
    """What changes by itself: clocks, deliveries and the draft that waits or was refused last."""
    bars = deliveries_of(incident)
    clocks = clocks_of(incident.promises.all(), now)
    last = incident.drafts.select_related("author", "approver").order_by("-created_at", "-pk").first()
    waiting = None
    if last is not None and last.published_at is None and last.withdrawn_at is None:
        left = None if last.publish_at is None else max(0, int((last.publish_at - now).total_seconds()))
        waiting = Waiting(last, left, last.author_id == request.user.pk)
    return {
        "incident": incident,
        "columns": [TrackColumn(clock, bars[Variant(clock.track)]) for clock in clocks],
        "public_bars": bars[Variant.PUBLIC],
        "last_draft": last,
        "waiting": waiting,
        "page_sequence": incident.sequence,
        "to_call": incident.calls.filter(result="").count(),
    }


def render_room(
    request: StaffRequest,
    incident: Incident,
    *,
    writing: Writing | None = None,
    roles: RolesForm | None = None,
    refusal: str = "",
    overtaken: Overtaken | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page. `writing` is the form as it was posted; without one it shows what is saved."""
    now = clock.now()
    progress = progress_of(request, incident, now)
    may_write = request.user.has_perm("comms.draft_update")
    waiting: Waiting | None = progress["waiting"]
    if writing is None and may_write and waiting is None:
        last: UpdateDraft | None = progress["last_draft"]
        back = last if last is not None and last.published_at is None else None
        writing = writing_of(incident, now=now, back=back)
    if roles is None and may_write:
        roles = roles_form(incident)
    preview = None if overtaken else _preview(incident, writing, waiting, now)
    context = progress | {
        "part": "room",
        "page_draft": waiting.draft.pk if waiting and not writing else "",
        "writing": writing,
        "preview": preview,
        "panes": preview.panes if preview else [],
        "roles": roles,
        "refusal": refusal,
        "overtaken": overtaken,
        "needs_approval": publishing.needs_approval(incident),
        "told": _told(incident),
        "timeline": _timeline(incident),
        "affected": [] if writing else affected_now(incident),
        "heard": heard_of(incident) if request.user.has_perm("comms.view_voice") else None,
    }
    return render(request, "room/room.html", context, status=status)


def _preview(incident: Incident, writing: Writing | None, waiting: Waiting | None, now: datetime) -> Preview | None:
    if writing is None:
        return of_draft(incident, waiting.draft, now) if waiting else None
    if writing.is_bound:
        if not writing.is_valid():
            return None
        texts: publishing.Texts = writing.say.texts()
    else:
        texts = writing.say.kept()
    return of_texts(incident, writing.status, texts, incident.facts.as_facts(), now)


def roles_form(incident: Incident, posted: Mapping[str, Any] | None = None) -> RolesForm:
    """The form of the roles; its people are the colleagues who can sign in."""
    staff = {str(u.pk): u for u in User.objects.filter(is_staff=True, is_active=True).order_by("name", "pk")}
    initial = {
        "commander": incident.commander_id,
        "communications_lead": incident.communications_lead_id,
        "responder": incident.responder_id,
    }
    return RolesForm(posted, initial=initial, staff=staff)


def _told(incident: Incident) -> QuerySet[Message]:
    """What customers were told, newest first."""
    said = incident.messages.filter(update__isnull=False).select_related("update__author")
    return said.order_by("-update__number", "-variant", "language")


def _timeline(incident: Incident) -> list[tuple[TimelineEntry, str]]:
    entries = incident.timeline.select_related("actor")[:TIMELINE_SHOWN]
    return [(entry, TONES.get(TimelineKind(entry.kind), "")) for entry in entries]
