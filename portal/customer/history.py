"""Past incidents of mine: searched, filtered, page by page."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from comms.models import Incident
from customers import clock
from portal import access
from portal.access import CustomerRequest
from portal.customer.cards import cards_of
from portal.customer.forms import HistoryForm, Place
from portal.customer.touches import touches_of
from portal.customer.views import customer_page

PAGE = 20
OPEN = "open"


def form_of(request: CustomerRequest) -> HistoryForm:
    """The form with the reader's own services to choose from; a field that makes no sense narrows nothing."""
    form = HistoryForm(request.GET, services=access.services_for(request.viewer))
    form.is_valid()
    return form


def found_by(request: CustomerRequest, form: HistoryForm) -> QuerySet[Incident]:
    """The reader's incidents that the form leaves, the newest first."""
    viewer, wanted = request.viewer, form.cleaned_data
    incidents = access.incidents_for(viewer)
    for word in wanted.get("q") or []:
        incidents = access.containing(viewer, incidents, word)
    if (service := wanted.get("service")) is not None:
        incidents = access.of_service(viewer, incidents, service)
    if state := wanted.get("state"):
        incidents = incidents.filter(resolved_at__isnull=state == OPEN)
    if (since := wanted.get("since")) is not None:
        incidents = incidents.filter(detected_at__gte=since)
    if (until := wanted.get("until")) is not None:
        incidents = incidents.filter(detected_at__lt=until)
    return incidents.order_by("-detected_at", "-pk")


def older_than(incidents: QuerySet[Incident], place: Place) -> QuerySet[Incident]:
    """What comes after a place in the list, by key."""
    same = Q(detected_at=place.detected_at, pk__lt=place.pk)
    return incidents.filter(Q(detected_at__lt=place.detected_at) | same)


@customer_page
def history(request: CustomerRequest) -> HttpResponse:
    form = form_of(request)
    before: Place | None = form.cleaned_data.get("before")
    incidents = found_by(request, form)
    found = list((older_than(incidents, before) if before else incidents)[: PAGE + 1])
    page = found[:PAGE]
    context = {
        "form": form,
        "cards": cards_of(request.viewer, page, touches_of(request.viewer, page), clock.now()),
        "older": _address(request, str(Place.of(page[-1]))) if len(found) > PAGE else "",
        "newest": _address(request, "") if before else "",
        "narrowed": form.narrows,
        "wanted": _address(request, ""),
        "viewer": request.viewer,
    }
    return render(request, "customer/history.html", context)


def _address(request: HttpRequest, before: str) -> str:
    """The query of the same search from another place on."""
    query = request.GET.copy()
    query.pop("before", None)
    if before:
        query["before"] = before
    return f"?{query.urlencode()}" if query else "?"
