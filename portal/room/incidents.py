"""The list of incidents, what needs a person first, and opening one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from comms.actions import incidents
from comms.choices import IncidentStatus
from comms.models import Incident, IncidentImpact, Promise, UpdateDraft
from customers import clock
from customers.choices import Severity
from customers.models import Component
from portal.access import StaffRequest, staff_view
from portal.room.clocks import Clock, clocks_of
from portal.room.forms import DescribeForm

RESOLVED_SHOWN = 10


@dataclass(frozen=True)
class Line:
    """An incident as the list shows it."""

    incident: Incident
    clocks: list[Clock]
    services: list[str]
    draft: UpdateDraft | None

    @property
    def unclassified(self) -> bool:
        return self.incident.classified_at is None


@require_GET
@staff_view("comms.view_room")
def incident_list(request: StaffRequest) -> HttpResponse:
    now = clock.now()
    shown = Incident.objects.prefetch_related(
        Prefetch("promises", Promise.objects.unanswered()),
        Prefetch("impacts", IncidentImpact.objects.select_related("component__service")),
        Prefetch("drafts", UpdateDraft.objects.filter(published_at=None, withdrawn_at=None)),
    )
    current = [_line(incident, now) for incident in shown.open().order_by("-severity", "detected_at")]
    drafts = [line for line in current if line.incident.status == IncidentStatus.DRAFT]
    resolved = shown.filter(status=IncidentStatus.RESOLVED).order_by("-resolved_at")[:RESOLVED_SHOWN]
    context: dict[str, Any] = {
        "part": "room",
        "drafts": sorted(drafts, key=lambda line: not line.unclassified),
        "running": [line for line in current if line.incident.status != IncidentStatus.DRAFT],
        "resolved": [_line(incident, now) for incident in resolved],
        "late": sum(c.state == "late" for line in current for c in line.clocks),
    }
    return render(request, "room/list.html", context)


def _line(incident: Incident, now: datetime) -> Line:
    services = dict.fromkeys(impact.component.service.name for impact in incident.impacts.all())
    return Line(
        incident, clocks_of(incident.promises.all(), now), list(services), next(iter(incident.drafts.all()), None)
    )


@require_http_methods(["GET", "POST"])
@staff_view("comms.draft_update")
def open_incident(request: StaffRequest) -> HttpResponse:
    """A draft in under a minute (C8); a person who opens one has classified it."""
    now = clock.now()
    components = Component.objects.select_related("service").order_by("service__position", "service_id", "name")
    form = DescribeForm(
        request.POST if request.method == "POST" else None,
        initial={"severity": Severity.THREE.value, "detected_at": timezone.localtime(now)},
        now=now,
        components=components,
    )
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "room/open.html", {"form": form, "part": "room"}, status=status)
    incident = incidents.open_incident(
        title=form.cleaned_data["title"],
        severity=form.cleaned_data["severity"],
        detected_at=form.cleaned_data["detected_at"],
        impacts=form.impacts({}),
        classified=True,
        actor=request.user,
    )
    return redirect("room_incident", incident.pk)
