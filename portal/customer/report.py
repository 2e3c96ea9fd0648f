"""Reporting that something is wrong: it asks first whether it is what we know of, and claims nothing in public (F4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from comms.actions import voices
from comms.choices import VoiceKind
from comms.models import Incident
from customers import clock
from customers.models import Service
from portal import access
from portal.access import CustomerRequest, Viewer
from portal.customer.cards import Card, cards_of
from portal.customer.said import Thread, speaker_of, threads_of
from portal.customer.touches import touches_of
from portal.customer.views import customer_page
from portal.customer.voices import read_and_post
from portal.customer.voices_forms import ReportForm

SHOWN = 20
NONE_OF_THESE = "none"


@read_and_post
def report(request: CustomerRequest) -> HttpResponseBase:
    """`it`: the open incident that he means, or `none`; asked only where one touches the service."""
    now = clock.now()
    by_account = access.services_by_account(request.viewer, now.date())
    services = {service.pk: service for mine in by_account.values() for service in mine}
    wanted = {"service": request.GET.get("service", ""), "since": timezone.localtime(now)}
    posted = request.POST if request.method == "POST" else None
    form = ReportForm(posted, services=_in_order(services), now=now, initial=wanted)
    if not form.is_valid():
        return _page(request, form, services)
    service = services[form.cleaned_data["service"]]
    known = _open_of(request.viewer, service, now)
    it = request.POST.get("it", "")
    meant = next((card.incident for card in known if str(card.incident.pk) == it), None)
    if known and meant is None and it != NONE_OF_THESE:
        context = {"form": form, "service": service, "cards": known, "viewer": request.viewer}
        return render(request, "customer/report_same.html", context)
    accounts = {account for account, mine in by_account.items() if service in mine}
    return _keep(request, form, accounts, service, meant, services)


def _in_order(services: Mapping[int, Service]) -> list[Service]:
    return sorted(services.values(), key=lambda service: (service.position, service.name))


def _keep(
    request: CustomerRequest,
    form: ReportForm,
    accounts: set[int],
    service: Service,
    meant: Incident | None,
    services: Mapping[int, Service],
) -> HttpResponseBase:
    speaker = speaker_of(request.viewer, accounts)
    assert speaker is not None  # noqa: S101  the service is one of his accounts'
    said = form.cleaned_data
    try:
        voice = voices.say(
            contact=speaker,
            kind=VoiceKind.ME_TOO if meant else VoiceKind.SOMETHING_ELSE,
            request_id=said["request_id"],
            words=said["words"],
            service=service,
            incident=meant,
            seen_at=said["since"],
        )
    except voices.TooMany as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, services)
    if meant is not None:
        messages.success(request, _("Thank you. What you wrote is with the team that works on it."))
        return redirect(f"{reverse('incident', args=[meant.pk])}#voices")
    return redirect("report_thanks", voice.pk)


def _open_of(viewer: Viewer, service: Service, now: datetime) -> list[Card]:
    """What he knows to be open of this service, the newest first."""
    touching = access.of_service(viewer, access.incidents_for(viewer) & Incident.objects.open(), service)
    incidents = list(touching.order_by("-detected_at", "-pk"))
    return cards_of(viewer, incidents, touches_of(viewer, incidents), now)


def _page(request: CustomerRequest, form: ReportForm, services: Mapping[int, Service]) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "services": services,
        "threads": _threads(request.viewer),
        "viewer": request.viewer,
    }
    return render(request, "customer/report.html", context, status=422 if form.is_bound else 200)


def _threads(viewer: Viewer) -> list[Thread]:
    """What he told us of no incident that he can see: there his words are on its page."""
    mine = access.voices_for(viewer).exclude(incident__in=access.incidents_for(viewer))
    return threads_of(mine.select_related("answer__author", "service").order_by("-said_at", "-pk")[:SHOWN])


@customer_page
def thanks(request: CustomerRequest, pk: int) -> HttpResponse:
    """What happens next with a report of his."""
    voice = get_object_or_404(access.voices_for(request.viewer).select_related("service"), pk=pk)
    return render(request, "customer/report_thanks.html", {"voice": voice, "viewer": request.viewer})
