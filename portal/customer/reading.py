"""The page of one incident, for reading: what it is, what was said, on his own track and by a click on the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from comms.actions import readings
from comms.choices import Variant
from comms.models import Incident, Message
from customers import clock
from customers.choices import Severity, Track
from customers.models import Account, User
from portal import access
from portal.access import CustomerRequest, Viewer
from portal.customer.cards import Card, cards_of
from portal.customer.said import said_of
from portal.customer.timeline import timeline_of
from portal.customer.touches import Touch, touches_of
from portal.customer.views import by_htmx, customer_page

log = structlog.get_logger(__name__)
NAMED_FROM = Severity.FOUR


@dataclass(frozen=True)
class Found:
    """An incident of the reader's, with all that his page shows of it."""

    incident: Incident
    card: Card
    touches: Sequence[Touch]
    now: datetime


@dataclass(frozen=True)
class Named:
    """Whom a customer may turn to at severity 4 and 5 (C7)."""

    account: Account
    people: tuple[User, ...]


def find(request: CustomerRequest, pk: int) -> Found:
    incident = get_object_or_404(access.incidents_for(request.viewer), pk=pk)
    now, touches = clock.now(), touches_of(request.viewer, [incident])
    (card,) = cards_of(request.viewer, [incident], touches, now)
    return Found(incident, card, touches, now)


@customer_page
def incident(request: CustomerRequest, pk: int) -> HttpResponse:
    """The page; to htmx, which live.js sends where no socket comes through, its list of updates."""
    found = find(request, pk)
    mine = access.messages_for(request.viewer, found.incident)
    shown = _chosen(request, found.card)
    updates = mine if shown is found.card.variant else access.opened_messages(request.viewer, found.incident, shown)
    record(request, found, updates)
    context = {
        **_context(request, found),
        "updates": updates[::-1],
        "shown": shown,
        "other": _other(found.card.variant),
    }
    if by_htmx(request):
        return render(request, "customer/_updates.html", context)
    context["credits"] = _credits(request.viewer, found.incident)
    context["events"] = timeline_of(found.incident, mine, found.touches)
    context["named"] = _named(found)
    context["said"] = said_of(request.viewer, found.incident, {touch.account_id for touch in found.touches})
    return render(request, "customer/incident.html", context)


@customer_page
def incident_mine(request: CustomerRequest, pk: int) -> HttpResponse:
    """The part of the incident's page that differs per reader: state, clock, labels. `seen`: what his screen shows."""
    found = find(request, pk)
    if not by_htmx(request):
        return redirect("incident", pk=pk)
    seen = request.GET.get("seen", "")
    if seen.isascii() and seen.isdigit() and len(seen) < 10:
        texts = access.messages_for(request.viewer, found.incident)
        record(request, found, [text for text in texts if (text.sequence or 0) <= int(seen)])
    return render(request, "customer/_mine.html", _context(request, found))


@customer_page
def incident_other(request: CustomerRequest, pk: int, number: int) -> HttpResponse:
    """What an update said on the other track, which its reader has just asked for (B7)."""
    found = find(request, pk)
    other = _other(found.card.variant)
    texts = access.opened_messages(request.viewer, found.incident, other)
    text = next((text for text in texts if text.update is not None and text.update.number == number), None)
    if text is None:
        raise Http404
    if not by_htmx(request):
        where = f"{reverse('incident', args=[pk])}?track={other.value}"
        return redirect(f"{where}#update-{pk}-{text.sequence}")
    record(request, found, [text])
    return render(request, "customer/_other.html", {"message": text})


def record(request: CustomerRequest, found: Found, texts: Sequence[Message]) -> None:
    """Keep who has seen what (I1b). A page is read also where that cannot be kept."""
    accounts = {touch.account_id for touch in found.touches}
    contacts = [contact.pk for contact in request.viewer.contacts if contact.account_id in accounts]
    try:
        readings.record(user_id=request.user.pk, contact_ids=contacts, message_ids=[text.pk for text in texts])
    except DatabaseError:
        log.exception("a first view was not kept", incident=found.incident.pk)


def _chosen(request: HttpRequest, card: Card) -> Variant:
    """The track in the address, else his own."""
    wanted = request.GET.get("track", "")
    return Variant(wanted) if wanted in Track.values else card.variant


def _other(variant: Variant) -> Variant:
    return Variant.BUSINESS if variant is Variant.TECHNICAL else Variant.TECHNICAL


def _context(request: CustomerRequest, found: Found) -> dict[str, Any]:
    return {"card": found.card, "viewer": request.viewer, "now": found.now}


def _credits(viewer: Viewer, incident: Incident) -> list[Any]:
    """Compensation belongs to the follow-up: nothing of it while the incident is open (D3)."""
    if incident.is_open:
        return []
    return list(access.credits_for(viewer).filter(incident=incident).select_related("account"))


def _named(found: Found) -> list[Named]:
    """Per affected account the success manager and the sponsor, where it is that severe."""
    if found.card.severity < NAMED_FROM:
        return []
    touched = {touch.account_id for touch in found.touches}
    accounts = Account.objects.filter(pk__in=touched).select_related("owner", "sponsor")
    named = [Named(a, tuple(dict.fromkeys(p for p in (a.owner, a.sponsor) if p is not None))) for a in accounts]
    return [one for one in named if one.people]
