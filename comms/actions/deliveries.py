"""Sending what the ledger holds: claim, commit, send, record. No transaction is open across the network."""

import random
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from comms import enqueue, ledger
from comms.audience import usage_of
from comms.choices import DeliveryState, Lane
from comms.ledger import Claimed, Settled
from comms.models import Message
from comms.policies import retry
from comms.rendering.mail import MailForm, Recipient
from comms.transports.base import Accepted, Alarm, Envelope, Outcome, Rejected, Retry, Uncertain
from comms.transports.smtp.settings import SmtpSettings
from comms.transports.smtp.transport import SmtpTransport
from customers import clock
from customers.models import Company, ContactPoint

log = structlog.get_logger(__name__)
CLAIM = 400
KEEP_SECONDS = 0.1  # outcomes are written at least this often: more would become uncertain if all died at once


def pump(lane: Lane) -> None:
    """Send what is due in a lane until nothing is left or the time of one task is over; then ring again."""
    ends = time.monotonic() + settings.PUMP_SECONDS
    with SmtpTransport(smtp_settings()) as transport:
        while batch := ledger.claim(lane, now=clock.now(), limit=CLAIM):
            if not _send(batch, transport, ends):
                return  # the relay is away: dispatch rings again for what is due
            if time.monotonic() >= ends:
                enqueue.deliveries(lane)
                return


def smtp_settings() -> SmtpSettings:
    return SmtpSettings(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        username=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        security=settings.SMTP_SECURITY,
        connections=settings.SMTP_CONNECTIONS,
        local_hostname=settings.MAIL_DOMAIN,
    )


class _TimeIsOver(Exception):
    """Of this task: what has not left is given back, before the queue kills a worker whose relay is slow."""


def _send(batch: Sequence[Claimed], transport: SmtpTransport, ends: float) -> bool:
    """Every row of the batch is settled: sent, refused, or given back for later. False where the relay is away."""
    waiting = {row.id: row for row in batch if row.address is not None and not row.suppressed}
    kept: list[Settled] = [_unreachable(row) for row in batch if row.id not in waiting]
    envelopes = list(_envelopes(list(waiting.values()), kept))
    waiting = {envelope.delivery_id: waiting[envelope.delivery_id] for envelope in envelopes}
    began = False

    def before_data(coming: Sequence[Envelope]) -> None:
        nonlocal began
        if began and time.monotonic() >= ends:  # the first always leaves, so that every task gets on
            raise _TimeIsOver
        began = True
        ledger.mark_started([(e.delivery_id, e.attempt) for e in coming], settled=kept)
        kept.clear()

    written, relay_up = time.monotonic(), True
    try:
        for outcome in transport.send(envelopes, before_data=before_data):
            kept.append(_settled(waiting.pop(outcome.delivery_id), outcome))
            relay_up = relay_up and not (isinstance(outcome, Retry) and outcome.relay_down)
            if time.monotonic() - written > KEEP_SECONDS:
                _write(kept)
                written = time.monotonic()
    except (ledger.LeaseLost, _TimeIsOver) as reason:
        log.warning("the rest of a batch is given back", reason=type(reason).__name__, rows=len(waiting))
        kept += [_given_back(row) for row in waiting.values()]
    finally:
        _write(kept)
    return relay_up


def _write(kept: list[Settled]) -> None:
    ledger.record(kept)
    kept.clear()


def _envelopes(rows: Sequence[Claimed], kept: list[Settled]) -> Iterator[Envelope]:
    """The mails of a batch: each message's form once, each account's labels once. What cannot be written is settled."""
    company = Company.current()
    messages = Message.objects.select_related("incident").in_bulk({row.message_id for row in rows})
    forms = {pk: MailForm(message, company) for pk, message in messages.items()}
    labels = {pk: _labels(message, rows) for pk, message in messages.items()}
    now = clock.now()
    for row in rows:
        assert row.address is not None  # noqa: S101  the caller took those without one out
        recipient = Recipient(
            contact_point_id=row.contact_point_id,
            address=row.address,
            name=row.name,
            account=row.account,
            zone=row.zone,
            labels=labels[row.message_id].get(row.account_id, []),
            key=row.key,
        )
        try:
            payload = forms[row.message_id].build(recipient, now=now)
        except Exception as error:  # one recipient's bad data must not hold up the others (R21)
            log.exception("a mail cannot be written", delivery=row.id)
            kept.append(_unwritable(row, error))
            continue
        yield Envelope(row.id, row.attempt, company.sender_address, row.address, payload)


def _labels(message: Message, rows: Sequence[Claimed]) -> dict[int | None, list[str]]:
    """Per account its own names of what the incident affects, in one query."""
    if message.update_id is None or message.incident is None:
        return {}
    accounts = {row.account_id for row in rows if row.message_id == message.pk}
    used = usage_of(message.incident, message.created_at).filter(account__in=accounts)
    found: dict[int | None, list[str]] = {}
    for account_id, label in used.order_by("label").values_list("account_id", "label").distinct():
        found.setdefault(account_id, []).append(label)
    return found


def _unreachable(row: Claimed) -> Settled:
    """Suppressed or removed between publishing and sending (R30)."""
    reason = "the contact was removed" if row.address is None else "the address is suppressed"
    return Settled(row.id, row.attempt, DeliveryState.SUPPRESSED, None, reason)


def _given_back(row: Claimed) -> Settled:
    """Certainly not sent, and due as it was."""
    return Settled(row.id, row.attempt, DeliveryState.QUEUED, None, "its turn had not come yet")


def _unwritable(row: Claimed, error: Exception) -> Settled:
    """Tried again a few times, because a person may mend what is wrong."""
    reason = f"no mail can be written: {error}"
    if row.attempt >= ledger.DEAD_AFTER:
        return Settled(row.id, row.attempt, DeliveryState.FAILED, None, reason)
    return _later(row, None, reason)


def _settled(row: Claimed, outcome: Outcome) -> Settled:
    match outcome:
        case Accepted(code=code, reply=reply):
            return Settled(row.id, row.attempt, DeliveryState.ACCEPTED, code, reply)
        case Rejected(code=code, reply=reply):
            _suppress(row, reply)
            return Settled(row.id, row.attempt, DeliveryState.FAILED, code, reply)
        case Uncertain(reason=reason):
            log.warning("unknown whether a mail was accepted", delivery=row.id, reason=reason)
            return _later(row, None, reason, uncertain=True)
        case Alarm(code=code, reply=reply):
            log.error("the relay refuses what we send", delivery=row.id, code=code, reply=reply)
            return _later(row, code, reply)
        case Retry(code=code, reply=reply):
            return _later(row, code, reply)


def _later(row: Claimed, code: int | None, reply: str, *, uncertain: bool = False) -> Settled:
    now = clock.now()
    if retry.give_up(row.first_attempt_at, now):
        return Settled(
            row.id, row.attempt, DeliveryState.FAILED, code, f"given up after a day: {reply}", None, uncertain
        )
    due_at = now + retry.delay(row.attempt, random.random())  # noqa: S311  jitter, no secret
    return Settled(row.id, row.attempt, DeliveryState.QUEUED, code, reply, due_at, uncertain)


@transaction.atomic
def _suppress(row: Claimed, reply: str) -> None:
    """The address does not exist: nothing more goes there until a person says so."""
    ContactPoint.objects.filter(pk=row.contact_point_id, suppressed_at=None).update(
        suppressed_at=clock.now(), suppressed_reason=f"refused by the mail server: {reply}"[:200]
    )


def unsubscribe(contact_point_id: int) -> bool:
    """One click (RFC 8058): no more incident mail to this address. True if it changed something."""
    points = ContactPoint.objects.filter(pk=contact_point_id, suppressed_at=None)
    return bool(points.update(suppressed_at=clock.now(), suppressed_reason="unsubscribed by the reader"))


def ring_for_due(now: datetime) -> None:
    """Doorbells that were lost, retries whose time has come, leases that ran out."""
    for lane in ledger.lanes_due(now - timedelta(seconds=1)):
        enqueue.deliveries_if_silent(lane)
