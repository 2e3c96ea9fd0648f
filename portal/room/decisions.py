"""What is decided about a waiting draft, and who does what."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from comms.actions import incidents, publishing
from comms.models import UpdateDraft
from portal.access import StaffRequest, staff_view
from portal.room.page import find_incident, render_room, roles_form


@require_POST
@staff_view("comms.draft_update")
def withdraw(request: StaffRequest, pk: int, draft_pk: int) -> HttpResponse:
    """Take back a draft that has not left; its words are in the form again."""
    draft = get_object_or_404(UpdateDraft, pk=draft_pk, incident=pk)
    try:
        publishing.withdraw_update(draft_id=draft.pk, actor=request.user)
        messages.success(request, "Withdrawn: nobody has seen it. Your words are in the form below.")
    except publishing.CannotPublish as refusal:
        messages.error(request, str(refusal))
    return redirect("room_incident", pk)


@require_POST
@staff_view("comms.approve_update")
def approve(request: StaffRequest, pk: int, draft_pk: int) -> HttpResponse:
    """The second person's yes (D6)."""
    draft = get_object_or_404(UpdateDraft, pk=draft_pk, incident=pk)
    try:
        publishing.approve_update(draft_id=draft.pk, approver=request.user)
    except publishing.CannotPublish as refusal:
        messages.error(request, str(refusal))
    return redirect("room_incident", pk)


@staff_view("comms.draft_update")
def roles(request: StaffRequest, pk: int) -> HttpResponse:
    """Name who commands, who writes and who repairs (C4)."""
    if request.method != "POST":  # the address of a page that was refused, loaded again
        return redirect("room_incident", pk)
    incident = find_incident(pk)
    form = roles_form(incident, request.POST)
    if not form.is_valid():
        return render_room(request, incident, roles=form, status=422)
    try:
        incidents.assign_roles(
            incident_id=pk,
            actor=request.user,
            commander=form.person("commander"),
            communications_lead=form.person("communications_lead"),
            responder=form.person("responder"),
            override_reason=form.cleaned_data["override_reason"],
        )
    except incidents.RoleConflict as conflict:
        form.add_error("override_reason", str(conflict))
        return render_room(request, incident, roles=form, status=422)
    messages.success(request, "Roles saved.")
    return redirect("room_incident", pk)
