"""The proof to take along: CSV and JSON of an incident or an account, streamed in chunks (E2)."""

import json
from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from comms.models import Delivery, Incident
from comms.rendering.table import instant, lines, quoted
from customers.models import Account
from portal.access import StaffRequest, staff_view
from portal.room.entries import Entry, entries_of
from portal.room.told import told_to

CHUNK = 1000  # rows in memory at a time
COLUMNS = (
    "incident", "update", "subject", "track", "channel", "account", "contact", "address", "state", "attempts", "code",
    "reply", "queued", "finished", "message id",
)  # fmt: skip

Row = dict[str, str | int | None]


@require_GET
@staff_view("comms.view_delivery")
def of_incident(request: StaffRequest, pk: int) -> HttpResponseBase:
    incident = get_object_or_404(Incident, pk=pk)
    return _export(request, Delivery.objects.filter(message__incident=incident), f"{incident.reference}-ledger")


@require_GET
@staff_view("comms.view_delivery")
def of_account(request: StaffRequest, pk: int) -> HttpResponseBase:
    account = get_object_or_404(Account, pk=pk)
    return _export(request, told_to(account), f"account-{account.pk}-told")


def _export(request: StaffRequest, rows: QuerySet[Delivery], name: str) -> HttpResponseBase:
    formats = {"csv": ("text/csv; charset=utf-8", _as_csv), "json": ("application/json", _as_json)}
    ending = request.GET.get("format", "")
    if ending not in formats:
        raise Http404
    kind, write = formats[ending]
    response = StreamingHttpResponse(_streamed(request, write(rows)), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _streamed(request: HttpRequest, chunks: Iterator[str]) -> Iterator[str] | AsyncIterator[str]:
    """Under ASGI a plain iterator would be read whole before its first byte leaves."""
    return _in_turn(chunks) if isinstance(request, ASGIRequest) else chunks


async def _in_turn(chunks: Iterator[str]) -> AsyncIterator[str]:
    step = sync_to_async(lambda: next(chunks, None))
    while (chunk := await step()) is not None:
        yield chunk


def _chunks(rows: QuerySet[Delivery]) -> Iterator[list[Row]]:
    """In the order of queuing, by key: no cursor stays open, and no page is counted."""
    last = 0
    while found := list(rows.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield [_row(entry) for entry in entries_of(found)]
        last = found[-1].pk


def _row(entry: Entry) -> Row:
    delivery, message = entry.delivery, entry.message
    values: list[str | int | None] = [
        message.incident.reference if message.incident else "",
        message.update.number if message.update else None,
        entry.subject,
        message.variant,
        delivery.kind,
        entry.account.name if entry.account else "",
        entry.name,
        entry.address,
        delivery.state,
        delivery.attempts,
        delivery.code,
        delivery.reply,
        instant(delivery.created_at),
        instant(delivery.finished_at),
        entry.mail_id,
    ]
    return dict(zip(COLUMNS, values, strict=True))


def _as_csv(rows: QuerySet[Delivery]) -> Iterator[str]:
    yield lines([COLUMNS])
    for chunk in _chunks(rows):
        yield lines([quoted(value) for value in row.values()] for row in chunk)


def _as_json(rows: QuerySet[Delivery]) -> Iterator[str]:
    yield "["
    before = "\n"
    for chunk in _chunks(rows):
        yield before + ",\n".join(json.dumps(row, ensure_ascii=False) for row in chunk)
        before = ",\n"
    yield "\n]\n"
