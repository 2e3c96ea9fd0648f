"""What mail servers and providers report after they had accepted a mail (E2, E4, R33).

A report counts once, and only for the mail whose signed token it bears. None is matched by guessing: whoever knows an
address could otherwise silence it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from comms import ledger_reports
from comms.actions.deliveries import suppressing
from comms.choices import DeliveryState, FollowUpReason, ReportKind
from comms.models import Delivery, DeliveryReport
from comms.policies.bounces import read_report
from comms.rendering import verp
from comms.rendering.marks import clean_line
from customers import clock

log = structlog.get_logger(__name__)
MAIL = "mail"
IN_HAND = (DeliveryState.CLAIMED, DeliveryState.STARTED)


class StillLeaving(Exception):
    """The mail is in a worker's hands and its acceptance is not written yet. Nothing was kept; report it again later.

    Else the report would be overtaken by the acceptance that it follows. A lease lasts 90 s at most.
    """


@dataclass(frozen=True, slots=True)
class Taken:
    """`new` is False for one that was known and changed nothing; `matched` says that it is about a mail of ours."""

    kind: ReportKind
    matched: bool
    new: bool


def take_mail(raw: bytes, *, recipient: str = "") -> Taken:
    """A report that came as a mail. `recipient` is the address that it was sent to, where the mail server says so.

    Raises:
        NotAReport, AutoReply (comms.policies.bounces): it is none. Nothing was kept.
        verp.Forged, StillLeaving: as `take_report`.
    """
    found = read_report(raw)
    token = _token_in([recipient, *found.sent_to])
    number = found.message_id.encode("utf-8", "replace") or raw
    return take_report(
        source=MAIL,
        event=hashlib.sha256(b"\n".join([(token or "").encode(), found.kind.encode(), number])).hexdigest(),
        kind=found.kind,
        token=token,
        address=found.address,
        detail=found.detail,
        reported_at=found.reported_at,
        about_address=found.about_address,
    )


def _token_in(addresses: Iterable[str]) -> str | None:
    """The first true token; one that is not ours where there is no other, so that it is refused."""
    tokens = [token for address in addresses if (token := verp.token_in(address)) is not None]
    for token in tokens:
        try:
            verp.delivery_of(token)
        except verp.Forged:
            continue
        return token
    return tokens[0] if tokens else None


@transaction.atomic
def take_report(
    *,
    source: str,
    event: str,
    kind: ReportKind,
    token: str | None,
    address: str,
    detail: str,
    reported_at: datetime | None,
    about_address: bool = True,
) -> Taken:
    """Keep a report once (by `source` and `event`) and do what follows from it.

    One without a token is kept for a person and changes nothing else. `about_address`: a bounce is suppressed for.

    Raises:
        verp.Forged: the token is not ours. Nothing was kept.
        StillLeaving: come again. Nothing was kept.
    """
    now = clock.now()
    number = None if token is None else verp.delivery_of(token)
    delivery = None if number is None else Delivery.objects.filter(pk=number).first()
    if delivery is not None and delivery.state in IN_HAND:
        raise StillLeaving
    words = _line(detail, 300)
    _, new = DeliveryReport.objects.get_or_create(
        source=source,
        event=_line(event, 200),
        defaults={
            "kind": kind,
            "delivery": number,
            "address": _line(address, 320),
            "detail": words,
            "reported_at": min(reported_at or now, now),
            "received_at": now,
        },
    )
    if new and delivery is not None:
        _follow(kind, delivery, words, about_address=about_address, now=now)
    elif new:
        log.warning("a delivery report is about no mail of ours", source=source, kind=kind.value)
    return Taken(kind, matched=delivery is not None, new=new)


def _line(text: str, at_most: int) -> str:
    """One line that PostgreSQL can store: no control characters, no lone surrogates."""
    return clean_line(text.encode("utf-8", "replace").decode())[:at_most]


def _follow(kind: ReportKind, delivery: Delivery, words: str, *, about_address: bool, now: datetime) -> None:
    point = delivery.contact_point_id
    match kind:
        case ReportKind.DELIVERED:
            ledger_reports.apply(delivery.pk, DeliveryState.DELIVERED)
        case ReportKind.BOUNCED:
            ledger_reports.apply(delivery.pk, DeliveryState.BOUNCED, reply=words or "it came back")
            if about_address:
                suppressing.suppress_mailbox(point, FollowUpReason.BOUNCED, words, now=now)
            else:
                log.error("a mail came back, and not for its address", delivery=delivery.pk, reply=words)
                suppressing.ask_about_mailbox(point, FollowUpReason.BOUNCED, words, now=now)
        case ReportKind.COMPLAINED:
            suppressing.suppress_mailbox(point, FollowUpReason.COMPLAINED, words, now=now)
        case ReportKind.UNSUBSCRIBED:
            suppressing.unsubscribe_mailbox(point, now=now)
        case ReportKind.DELAYED:
            pass  # kept, that is all: it may yet arrive
