"""What a customer takes along: his history and what he was sent as CSV, an incident's updates as text or JSON (F6)."""

import json
from collections.abc import Iterable, Iterator, Sequence

from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from comms.models import Delivery, Message
from comms.rendering import marks
from comms.rendering.table import Cell, instant, lines, quoted
from customers import clock
from portal import access
from portal.access import CustomerRequest
from portal.customer.cards import Card, cards_of
from portal.customer.copies import Copy, copies_of
from portal.customer.forms import Place
from portal.customer.history import form_of, found_by, older_than
from portal.customer.reading import find, record
from portal.customer.touches import touches_of
from portal.customer.views import customer_page

CHUNK = 500  # rows in memory at a time; their lines are text, and stay


@customer_page
def history(request: CustomerRequest) -> HttpResponse:
    """The same incidents as the page with the same search, all of them."""
    head = ("incident", "what", "status", "severity", "detected", "resolved", "services", "affected on your side")
    return _csv("incidents.csv", head, (_incident_row(card) for card in _every_card(request)))


@customer_page
def messages(request: CustomerRequest) -> HttpResponse:
    """What he himself was sent, the newest first."""
    head = ("number", "sent", "subject", "channel", "address", "account", "state", "incident")
    return _csv("messages.csv", head, (_message_row(copy) for copy in _every_copy(request)))


@customer_page
def incident(request: CustomerRequest, pk: int) -> HttpResponse:
    """The updates of an incident on the reader's own track, oldest first."""
    found = find(request, pk)
    kind = request.GET.get("format", "")
    if kind not in {"text", "json"}:
        raise Http404
    texts = access.messages_for(request.viewer, found.incident)
    record(request, found, texts)
    if kind == "json":
        body = json.dumps(_as_json(found.card, texts), ensure_ascii=False, indent=1)
        return _file(body, "application/json", f"{found.incident.reference}.json")
    return _file(_as_text(found.card, texts), "text/plain; charset=utf-8", f"{found.incident.reference}.txt")


def _every_card(request: CustomerRequest) -> Iterator[Card]:
    incidents, now = found_by(request, form_of(request)), clock.now()
    page = list(incidents[:CHUNK])
    while page:
        yield from cards_of(request.viewer, page, touches_of(request.viewer, page), now)
        page = list(older_than(incidents, Place.of(page[-1]))[:CHUNK])


def _incident_row(card: Card) -> list[Cell]:
    incident = card.incident
    return [
        incident.reference,
        card.heading,
        card.status_word,
        int(card.severity),
        instant(incident.detected_at),
        instant(incident.resolved_at),
        ", ".join(state.service.name for state in card.services),
        ", ".join(card.labels),
    ]


def _every_copy(request: CustomerRequest) -> Iterator[Copy]:
    rows = access.deliveries_for(request.viewer).order_by("-pk")
    page: list[Delivery] = list(rows[:CHUNK])
    while page:
        yield from copies_of(page)
        page = list(rows.filter(pk__lt=page[-1].pk)[:CHUNK])


def _message_row(copy: Copy) -> list[Cell]:
    incident = copy.message.incident
    return [
        copy.delivery.pk,
        instant(copy.delivery.finished_at or copy.delivery.created_at),
        _plain(copy.message.subject),
        copy.delivery.kind,
        copy.point.address,
        copy.account,
        copy.state,
        incident.reference if incident else "",
    ]


def _as_json(card: Card, texts: Iterable[Message]) -> dict[str, object]:
    """Times are ISO 8601 in UTC; within the texts they are words in the reader's zone."""
    return {
        "incident": card.incident.reference,
        "heading": card.heading,
        "status": card.incident.status,
        "detected": instant(card.incident.detected_at),
        "resolved": instant(card.incident.resolved_at),
        "affected": list(card.labels),
        "updates": [
            {
                "number": text.sequence,
                "status": text.update.status if text.update else "",
                "published": instant(text.created_at),
                "text": _plain(text.text),
            }
            for text in texts
        ],
    }


def _as_text(card: Card, texts: Sequence[Message]) -> str:
    zone = timezone.get_current_timezone_name()
    parts = [f"{card.incident.reference}: {card.heading}\n{_('Status')}: {card.status_word}"]
    for text in texts:
        when = marks.local_time(text.created_at, zone, get_language() or "en")
        title = _("Update %(number)d, %(when)s") % {"number": text.sequence, "when": when}
        parts.append(f"{title}\n{'-' * len(title)}\n{_plain(text.text).strip()}")
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    return marks.fill_times(text, timezone.get_current_timezone_name(), get_language() or "en")


def _csv(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> HttpResponse:
    return _file(lines([head, *([quoted(cell) for cell in row] for row in rows)]), "text/csv; charset=utf-8", name)


def _file(body: str, kind: str, name: str) -> HttpResponse:
    return HttpResponse(body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
