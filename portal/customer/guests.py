"""The page that a link in a mail opens without signing in: one incident, to read (E9)."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from customers import clock
from portal.customer.cards import cards_of
from portal.customer.touches import touches_of
from portal.guest import Guest, guest_of, messages_of


@never_cache
@require_safe
def guest_incident(request: HttpRequest, token: str) -> HttpResponse:
    """Read-only. The address is the right to read, so it must not travel on: no referrer, no index."""
    guest = guest_of(token)
    if guest is None:
        response = render(request, "customer/guest_unknown.html", status=404)
    else:
        incidents = [guest.incident]
        with timezone.override(_zone(guest.viewer.zone)), translation.override(guest.language):
            (card,) = cards_of(guest.viewer, incidents, touches_of(guest.viewer, incidents), clock.now())
            context = {
                "card": card,
                "updates": messages_of(guest)[::-1],
                "account_names": _accounts_of(guest),
            }
            response = render(request, "customer/guest.html", context)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _accounts_of(guest: Guest) -> str:
    return ", ".join(dict.fromkeys(contact.account.name for contact in guest.viewer.contacts))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # imported from a CRM, which may hold anything
        return ZoneInfo("UTC")
