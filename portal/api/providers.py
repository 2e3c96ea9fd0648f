"""What a mail provider reports by webhook, in the shape of each: django-anymail reads it, checks it and hands it on."""

import hashlib
import json
from typing import Any

import structlog
from anymail import urls as anymail_urls
from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from comms.actions.deliveries.reports import StillLeaving, take_report
from comms.choices import ReportKind
from comms.rendering.verp import Forged

log = structlog.get_logger(__name__)
TOKEN = "delivery"  # noqa: S105  the name in the metadata of each mail (comms.transports.anymail)
KINDS = {
    EventType.DELIVERED: ReportKind.DELIVERED,
    EventType.DEFERRED: ReportKind.DELAYED,
    EventType.BOUNCED: ReportKind.BOUNCED,
    EventType.REJECTED: ReportKind.BOUNCED,
    EventType.FAILED: ReportKind.BOUNCED,
    EventType.COMPLAINED: ReportKind.COMPLAINED,
    EventType.UNSUBSCRIBED: ReportKind.UNSUBSCRIBED,
}
NOBODY_THERE = {RejectReason.BOUNCED, RejectReason.INVALID, RejectReason.SPAM}
MALFORMED = (400, "malformed", "This is not what the provider sends; nothing was kept.")
REFUSALS: dict[type[Exception], tuple[int, str, str]] = {  # the first that fits
    RequestDataTooBig: (413, "too_large", "The body is too large; nothing of it was kept."),
    AnymailWebhookValidationFailure: (
        401, "invalid_signature", "The secret or the signature does not fit; nothing was kept.",
    ),
    StillLeaving: (503, "come_again", "This mail is still being sent. Nothing was kept; report it again later."),
    **dict.fromkeys((ValueError, KeyError, TypeError, AttributeError), MALFORMED),  # what the library cannot read
}  # fmt: skip
VIEWS = {pattern.name: pattern.callback for pattern in anymail_urls.urlpatterns}


@csrf_exempt  # a machine's door: the secret and the provider's signature are what is checked
def provider_events(request: HttpRequest, provider: str) -> HttpResponse:
    """Events of the provider that is configured, for whoever knows ANYMAIL_WEBHOOK_SECRET; closed without one.

    anymail's views refuse nobody where no secret is set, so that case is ours.
    """
    view = VIEWS.get("mandrill_webhook" if provider == "mandrill" else f"{provider}_tracking_webhook")
    if view is None or provider != settings.MAIL_PROVIDER or not settings.ANYMAIL_WEBHOOK_SECRET:
        return _error(404, "not_found", "There is nothing at this address.")
    if request.method not in {"POST", "HEAD"}:  # some look whether it is there
        return _error(405, "method_not_allowed", "Post the events here.")
    try:
        if len(request.body) > settings.WEBHOOK_MAX_BYTES:
            raise RequestDataTooBig
        answer: HttpResponse = view(request)
    except tuple(REFUSALS) as error:
        log.warning("events of the mail provider were refused", provider=provider, error=repr(error))
        return _error(*next(refusal for kind, refusal in REFUSALS.items() if isinstance(error, kind)))
    return answer


def receive(sender: type, event: AnymailTrackingEvent, esp_name: str, **_: Any) -> None:
    """One event. Opened, clicked, queued and the like are nothing to us.

    django-anymail hands events on by a signal and in no other way, which is why there is one here: connected once, in
    portal.api.urls. It runs in the request, so that an error reaches the provider and it comes again.
    """
    kind = _kind_of(event)
    if kind is None:
        return
    metadata = event.metadata or {}
    detail = event.mta_response or event.description or event.reject_reason or str(event.event_type)
    try:
        take_report(
            source=esp_name.lower()[:24],
            event=_number_of(event),
            kind=kind,
            token=str(metadata[TOKEN]) if TOKEN in metadata else None,
            address=event.recipient or "",
            detail=str(detail),
            reported_at=event.timestamp,
            about_address=event.reject_reason in NOBODY_THERE,
        )
    except Forged:  # refused alone: other events of the same post are true, and a repetition would not mend this one
        log.warning("an event with a token that is not ours was refused", provider=esp_name, event_type=kind.value)


def listen() -> None:
    """To be called once, where the addresses are: only a web process hears events."""
    tracking.connect(receive, dispatch_uid="portal.api.providers")


def _kind_of(event: AnymailTrackingEvent) -> ReportKind | None:
    raw = event.esp_event
    if isinstance(raw, dict) and raw.get("Type") == "SoftBounce":  # Postmark's; the library calls it bounced, too
        return ReportKind.DELAYED
    if event.event_type == EventType.REJECTED and event.reject_reason == RejectReason.UNSUBSCRIBED:
        return ReportKind.UNSUBSCRIBED
    return KINDS.get(event.event_type)


def _number_of(event: AnymailTrackingEvent) -> str:
    """The provider's number of the event, or what tells it from others of the same mail."""
    parts = [event.event_type, event.event_id]
    if not event.event_id:
        parts = [event.event_type, event.message_id, event.recipient, str(event.timestamp)]
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def _error(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
