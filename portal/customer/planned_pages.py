"""The page of one maintenance, and the same for a calendar."""

from datetime import UTC
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from icalendar import Calendar, Event

from comms.rendering import marks
from portal import access
from portal.access import CustomerRequest
from portal.customer.planned import Planned, planned_of
from portal.customer.views import customer_page


@customer_page
def maintenance(request: CustomerRequest, pk: int) -> HttpResponse:
    return render(request, "customer/maintenance.html", {"planned": _mine(request, pk), "viewer": request.viewer})


@customer_page
def maintenance_calendar(request: CustomerRequest, pk: int) -> HttpResponse:
    """One event; taken once more after a change it replaces the earlier one."""
    planned = _mine(request, pk)
    response = HttpResponse(calendar_of(planned), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="maintenance-{pk}.ics"'
    return response


def _mine(request: CustomerRequest, pk: int) -> Planned:
    work = get_object_or_404(access.maintenance_for(request.viewer), pk=pk)
    return planned_of(request.viewer, [work])[0]


def calendar_of(planned: Planned) -> bytes:
    """RFC 5545, with UTC times."""
    work, calendar, event = planned.maintenance, Calendar(), Event()
    calendar.add("prodid", "-//twotrack//portal//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    announced = work.announced_at or work.created_at
    values: dict[str, Any] = {
        "uid": f"{work.key}@{settings.MAIL_DOMAIN}",
        "dtstamp": work.updated_at.astimezone(UTC),
        "last-modified": work.updated_at.astimezone(UTC),
        "sequence": max(0, int((work.updated_at - announced).total_seconds())),
        "dtstart": work.starts_at.astimezone(UTC),
        "dtend": work.ends_at.astimezone(UTC),
        "summary": marks.clean_line(planned.heading),
        "description": marks.clean(f"{planned.text}\n\n{', '.join(planned.labels)}"),
        "url": settings.SITE_URL + reverse("maintenance", args=[work.pk]),
        "status": "CANCELLED" if planned.cancelled else "CONFIRMED",
        "transp": "TRANSPARENT",
    }
    for name, value in values.items():
        event.add(name, value)
    calendar.add_component(event)
    return bytes(calendar.to_ical())
