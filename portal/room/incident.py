"""The room of one incident: read it, save its facts, publish an update."""

from uuid import UUID

from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from comms.actions import publishing
from comms.choices import Variant
from comms.models import Incident, UpdateDraft
from comms.policies.lifecycle import IllegalTransition
from comms.rendering.messages import Text
from customers import clock
from customers.models import User
from portal.access import StaffRequest, staff_view
from portal.room.page import find_incident, progress_of, render_room
from portal.room.preview import of_texts
from portal.room.public import with_business_text
from portal.room.writing import Writing, overtaken_by, rebased, save, writing_of


@require_GET
@staff_view("comms.view_room")
def room(request: StaffRequest, pk: int) -> HttpResponse:
    return render_room(request, find_incident(pk))


@require_GET
@vary_on_headers("HX-Request")
@staff_view("comms.view_room")
def progress(request: StaffRequest, pk: int) -> HttpResponse:
    """The part of the page that changes by itself; a page whose draft has left is told to reload."""
    incident = find_incident(pk)
    context = progress_of(request, incident, clock.now())
    shown_draft, shown_sequence = request.GET.get("draft", ""), request.GET.get("sequence", "")
    waiting = context["waiting"]
    context |= {"page_sequence": shown_sequence, "page_draft": shown_draft}
    context["overtaken_page"] = shown_sequence != str(incident.sequence) or (waiting and not shown_draft)
    response = render(request, "room/_progress.html", context)
    if shown_draft and (waiting is None or str(waiting.draft.pk) != shown_draft):
        response["HX-Refresh"] = "true"  # such a page holds no form, so nothing typed is lost
    return response


@staff_view("comms.draft_update")
def save_facts(request: StaffRequest, pk: int) -> HttpResponse:
    """Keep what was typed of the incident and show both texts; nothing leaves."""
    if request.method != "POST":  # the address of a page that was refused, loaded again
        return redirect("room_incident", pk)
    incident = find_incident(pk)
    writing = writing_of(incident, now=clock.now(), posted=request.POST)
    if not writing.is_valid():
        return render_room(request, incident, writing=writing, status=422)
    return _save(request, incident, writing)


@staff_view("comms.publish_update")
def publish(request: StaffRequest, pk: int) -> HttpResponse:
    """Save and hand over the update: it leaves after its undo window, or waits for a second person."""
    if request.method != "POST":  # the address of a page that was refused, loaded again
        return redirect("room_incident", pk)
    incident = find_incident(pk)
    writing = writing_of(incident, now=clock.now(), posted=request.POST)
    if not writing.is_valid():
        return render_room(request, incident, writing=writing, status=422)
    request_id = writing.say.cleaned_data["request_id"]
    try:
        _hand_over(incident, writing, request.user)
    except publishing.StaleSequence:  # or the same click again, and its first has gone out
        return redirect("room_incident", pk) if _is_known(request_id) else _too_late(request, pk, writing)
    except (publishing.CannotPublish, IllegalTransition) as refusal:  # the facts are worth keeping
        return _save(request, incident, writing, refusal=str(refusal))
    return redirect("room_incident", pk)


@transaction.atomic
def _hand_over(incident: Incident, writing: Writing, author: User) -> None:
    """Save and schedule, or neither: a refusal must not leave the facts of somebody who came too late."""
    said = writing.say.cleaned_data
    described = save(incident, writing, actor=author)
    publishing.schedule_update(
        incident_id=incident.pk,
        expected_sequence=said["expected_sequence"],
        request_id=said["request_id"],
        status=said["status"],
        texts=writing.say.texts(),
        author=author,
        undo_seconds=said["undo"],
        override_reason=said["override_reason"] if publishing.needs_approval(described) else "",
        sms_confirmed=said["sms_confirmed"],
    )


def _save(request: StaffRequest, incident: Incident, writing: Writing, *, refusal: str = "") -> HttpResponse:
    """Keep the facts of a valid form and show the page with both texts, and why the update was refused, if it was."""
    try:
        with transaction.atomic():
            save(incident, writing, actor=request.user)
    except publishing.StaleSequence:
        return _too_late(request, incident.pk, writing)
    saved, status, now = find_incident(incident.pk), 422 if refusal else 200, clock.now()
    posted: QueryDict = request.POST
    if "fill_public" in posted:
        business = of_texts(saved, writing.status, {Variant.BUSINESS: _business(writing)}, saved.facts.as_facts(), now)
        posted = with_business_text(posted, business.panes[-1].rendered)
    writing = rebased(saved, writing, posted, now=now)
    return render_room(request, saved, writing=writing, refusal=refusal, status=status)


def _business(writing: Writing) -> Text:
    """The author's words for the business track, whether he writes to it or not."""
    return writing.say.texts().get(Variant.BUSINESS, Text(note=writing.say.cleaned_data["note_business"]))


def _is_known(request_id: UUID) -> bool:
    return UpdateDraft.objects.filter(request_id=request_id).exists()


def _too_late(request: StaffRequest, pk: int, writing: Writing) -> HttpResponse:
    """Somebody published in between: nothing of this form was saved over it, all of it is still in the fields."""
    incident, now = find_incident(pk), clock.now()
    overtaken = overtaken_by(incident, writing, request.POST, now=now)
    writing = rebased(incident, writing, request.POST, now=now)
    return render_room(request, incident, writing=writing, overtaken=overtaken, status=409)
