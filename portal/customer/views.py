from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone, translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from comms.actions import deliveries
from comms.rendering.mail import unsubscribe_signer
from customers import clock
from customers.models import ContactPoint
from portal import access
from portal.access import CustomerRequest, Viewer
from portal.customer.overview import overview_of

P = ParamSpec("P")


def customer_page(
    view: Callable[Concatenate[CustomerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page to read: see `in_his_words`."""
    return require_safe(access.customer_view(in_his_words(view)))


def customer_form(
    view: Callable[Concatenate[CustomerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """What a page's form is posted to; it answers with a page, too, where something in it is wrong."""
    return require_POST(access.customer_view(in_his_words(view)))


def in_his_words(
    view: Callable[Concatenate[CustomerRequest, P], HttpResponseBase],
) -> Callable[Concatenate[CustomerRequest, P], HttpResponseBase]:
    """In the language and with the times of the reader's mails, and kept by no shared cache."""

    @wraps(view)
    def shown(request: CustomerRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        with timezone.override(_zone_of(request.viewer)), translation.override(language_of(request.viewer)):
            response = view(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_cache=True)
        patch_vary_headers(response, ["HX-Request"])
        return response

    return shown


def language_of(viewer: Viewer) -> str:
    """As his mails: that of the contact, else of his account; of nobody's contact that of his login."""
    first = viewer.contacts[0] if viewer.contacts else None
    return (first and (first.language or first.account.language)) or viewer.user.language


def _zone_of(viewer: Viewer) -> ZoneInfo:
    try:
        return ZoneInfo(viewer.zone)
    except (ZoneInfoNotFoundError, ValueError):  # imported from a CRM, which may hold anything
        return ZoneInfo("UTC")


def by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


@customer_page
def home(request: CustomerRequest) -> HttpResponse:
    """What is wrong with what is mine. Colleagues who are nobody's contact work in the room."""
    if request.user.is_staff and not request.viewer.contacts:
        return redirect("room")
    overview = overview_of(request.viewer, clock.now())
    template = "customer/_overview.html" if by_htmx(request) else "customer/home.html"
    return render(request, template, {"overview": overview, "viewer": request.viewer, "now": overview.now})


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
