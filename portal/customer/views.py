from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.signing import BadSignature
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from comms.actions import deliveries
from comms.models import Incident
from comms.rendering.mail import unsubscribe_signer
from customers import clock
from customers.models import ContactPoint
from portal import access
from portal.access import CustomerRequest, Viewer
from portal.customer.cards import Card, cards_of
from portal.customer.forms import HistoryForm, Place
from portal.customer.overview import overview_of
from portal.customer.touches import touches_of

PAGE = 20
P = ParamSpec("P")


def customer_page(
    view: Callable[Concatenate[CustomerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page to read: for signed-in people, with times in the same zone as their mails, kept by no shared cache."""

    @wraps(view)
    def shown(request: CustomerRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        with timezone.override(_zone_of(request.viewer)):
            response = view(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_cache=True)
        patch_vary_headers(response, ["HX-Request"])
        return response

    return require_safe(access.customer_view(shown))


def _zone_of(viewer: Viewer) -> ZoneInfo:
    try:
        return ZoneInfo(viewer.zone)
    except (ZoneInfoNotFoundError, ValueError):  # imported from a CRM, which may hold anything
        return ZoneInfo("UTC")


def _by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


@customer_page
def home(request: CustomerRequest) -> HttpResponse:
    """What is wrong with what is mine. Colleagues who are nobody's contact work in the room."""
    if request.user.is_staff and not request.viewer.contacts:
        return redirect("room")
    overview = overview_of(request.viewer, clock.now())
    template = "customer/_overview.html" if _by_htmx(request) else "customer/home.html"
    return render(request, template, {"overview": overview, "viewer": request.viewer, "now": overview.now})


@customer_page
def incident(request: CustomerRequest, pk: int) -> HttpResponse:
    card, context = _mine(request, pk)
    context["updates"] = access.messages_for(request.viewer, card.incident)[::-1]
    if _by_htmx(request):  # what live.js polls where no socket comes through
        return render(request, "customer/_updates.html", context)
    context["credits"] = _credits(request.viewer, card.incident)
    return render(request, "customer/incident.html", context)


@customer_page
def incident_mine(request: CustomerRequest, pk: int) -> HttpResponse:
    """The part of the incident's page that differs per reader: state, clock, labels."""
    _card, context = _mine(request, pk)
    if not _by_htmx(request):
        return redirect("incident", pk=pk)
    return render(request, "customer/_mine.html", context)


def _mine(request: CustomerRequest, pk: int) -> tuple[Card, dict[str, Any]]:
    incident = get_object_or_404(access.incidents_for(request.viewer), pk=pk)
    now = clock.now()
    (card,) = cards_of(request.viewer, [incident], touches_of(request.viewer, [incident]), now)
    return card, {"card": card, "viewer": request.viewer, "now": now}


def _credits(viewer: Viewer, incident: Incident) -> list[Any]:
    """Compensation belongs to the follow-up: nothing of it while the incident is open (D3)."""
    if incident.is_open:
        return []
    return list(access.credits_for(viewer).filter(incident=incident).select_related("account"))


@customer_page
def history(request: CustomerRequest) -> HttpResponse:
    form = HistoryForm(request.GET)
    before: Place | None = form.cleaned_data["before"] if form.is_valid() else None
    incidents = access.incidents_for(request.viewer).order_by("-detected_at", "-pk")
    if before is not None:
        incidents = incidents.filter(
            Q(detected_at__lt=before.detected_at) | Q(detected_at=before.detected_at, pk__lt=before.pk)
        )
    found = list(incidents[: PAGE + 1])
    page = found[:PAGE]
    context = {
        "cards": cards_of(request.viewer, page, touches_of(request.viewer, page), clock.now()),
        "older": str(Place.of(page[-1])) if len(found) > PAGE else "",
        "further": before is not None,
        "viewer": request.viewer,
    }
    return render(request, "customer/history.html", context)


@csrf_exempt  # the mail provider posts without a cookie (RFC 8058); the signed address in the link is the right
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Stop incident mails to one address. Only a POST acts: scanners of mail follow every link."""
    try:
        point_ids = [int(number) for number in unsubscribe_signer.unsign(token).split(".")]
    except (BadSignature, ValueError):
        return render(request, "customer/unsubscribe_unknown.html", status=404)
    if request.method == "POST":
        deliveries.unsubscribe(point_ids)
    points = list(ContactPoint.objects.filter(pk__in=point_ids))
    context = {
        "stopped": all(point.unsubscribed_at is not None for point in points),
        "address": _masked(points[0].address) if points else "",
        "public": any(point.subscriber_id is not None for point in points),
    }
    return render(request, "customer/unsubscribe.html", context)


def _masked(address: str) -> str:
    """Enough to know one's own address again; a forwarded mail must not tell it to others."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The web process answers; asks nothing of the database, which has its own watch."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages of others, too: of the admin, of the API."""
    return redirect(static("img/favicon.svg"))
