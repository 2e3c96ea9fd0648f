"""How an attempt ended, as a row of the ledger."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from comms.actions.deliveries import suppressing
from comms.choices import DeliveryState, FollowUpReason
from comms.ledger import DEAD_AFTER, Claimed, Order, Settled
from comms.policies import retry
from comms.transports.base import Accepted, Alarm, Outcome, Rejected, Retry, Uncertain
from customers import clock
from customers.choices import TransportKind
from customers.models import ContactPoint

log = structlog.get_logger(__name__)
SOON = timedelta(seconds=2)


def unreachable(row: Claimed) -> Settled:
    """Suppressed, unsubscribed or removed between publishing and sending (R30)."""
    reason = "the contact was removed" if row.address is None else "the address is suppressed or unsubscribed"
    return Settled(row.id, row.attempt, DeliveryState.SUPPRESSED, None, reason)


def given_back(row: Claimed) -> Settled:
    """Certainly not sent, and due as it was."""
    return Settled(row.id, row.attempt, DeliveryState.QUEUED, None, "its turn had not come yet")


def unwritable(row: Claimed, error: Exception) -> Settled:
    """Tried again a few times, because a person may mend what is wrong."""
    reason = f"no message can be written: {error}"
    if row.attempt >= DEAD_AFTER:
        return Settled(row.id, row.attempt, DeliveryState.FAILED, None, reason)
    return _later(row, None, reason)


def out_of_order(row: Claimed, order: Order, now: datetime) -> Settled | None:
    """A late update gives way to a newer one; a newer one waits for an older that is leaving. None: it may leave."""
    if order.newer is not None:
        return Settled(row.id, row.attempt, DeliveryState.SUPPRESSED, None, f"superseded by update {order.newer}")
    if order.older_leaving:
        return Settled(row.id, row.attempt, DeliveryState.QUEUED, None, "an earlier update is leaving", now + SOON)
    return None


def settled(rows: Sequence[Claimed], outcome: Outcome) -> list[Settled]:
    """The end of all rows that shared what was sent; the first one's, so that they are tried again together."""
    first = _settled(rows[0], outcome)
    return [first, *(replace(first, id=row.id, attempt=row.attempt) for row in rows[1:])]


def _settled(row: Claimed, outcome: Outcome) -> Settled:
    match outcome:
        case Accepted(code=code, reply=reply):
            return Settled(row.id, row.attempt, DeliveryState.ACCEPTED, code, reply)
        case Rejected(code=code, reply=reply):
            _suppress(row, reply)
            return Settled(row.id, row.attempt, DeliveryState.FAILED, code, reply)
        case Uncertain(reason=reason):
            log.warning("unknown whether a message was accepted", delivery=row.id, reason=reason)
            return _doubtful(row, reason)
        case Alarm(code=code, reply=reply):
            log.error("what we send is refused", delivery=row.id, code=code, reply=reply)
            return _later(row, code, reply)
        case Retry(code=code, reply=reply, retry_after=seconds):
            return _later(row, code, reply, wait=timedelta(seconds=seconds) if seconds else None)


def _doubtful(row: Claimed, reason: str) -> Settled:
    """Once more with the same Message-ID, an SMS never; then it stays uncertain and a person sees it.

    A webhook's receiver knows a repetition by its id, so that one is tried on like what failed (R32).
    """
    if row.kind == TransportKind.WEBHOOK:
        return replace(_later(row, None, reason), uncertain=True)
    if row.uncertain_attempts or row.kind == TransportKind.SMS:
        return Settled(row.id, row.attempt, DeliveryState.UNCERTAIN, None, reason, None, True)
    return Settled(row.id, row.attempt, DeliveryState.QUEUED, None, reason, clock.now() + _pause(1), True)


def _later(row: Claimed, code: int | None, reply: str, *, wait: timedelta | None = None) -> Settled:
    now = clock.now()
    if retry.give_up(row.first_attempt_at, now, patience=retry.PATIENCE[TransportKind(row.kind)]):
        reason = f"given up: {reply}"
        if row.kind == TransportKind.WEBHOOK:
            _suppress(row, reason)
        return Settled(row.id, row.attempt, DeliveryState.FAILED, code, reason)
    pause = _pause(row.attempt)
    return Settled(row.id, row.attempt, DeliveryState.QUEUED, code, reply, now + max(pause, wait or pause))


def _pause(attempts: int) -> timedelta:
    pause: timedelta = retry.delay(attempts, random.random()) / settings.TIME_SCALE  # noqa: S311  jitter, no secret
    return pause


def _suppress(row: Claimed, reply: str) -> None:
    """The address does not exist, or has failed for too long: nothing more goes there until a person says so."""
    now = clock.now()
    if row.kind == TransportKind.EMAIL:
        suppressing.suppress_mailbox(row.contact_point_id, FollowUpReason.BOUNCED, reply, now=now)
        return
    ContactPoint.objects.filter(pk=row.contact_point_id, suppressed_at=None).update(
        suppressed_at=now, suppressed_reason=f"refused: {reply}"[:200]
    )
