"""What did not arrive, mended by a person: try again, lift a suppression, or have the account called (E4, E8)."""

from enum import Enum

from django.db import transaction

from comms import enqueue, ledger
from comms.actions import timeline
from comms.choices import CallReason, DeliveryState, TimelineKind
from comms.models import CallTask, Delivery, Incident, Message
from customers import clock
from customers.models import ContactPoint, User

ENDED_BADLY = (
    DeliveryState.FAILED,
    DeliveryState.UNCERTAIN,
    DeliveryState.BOUNCED,
    DeliveryState.SUPPRESSED,
)


class Hindrance(Enum):
    """Why another attempt would reach nobody."""

    GONE = "The contact was removed: there is no address to send to."
    SUPPRESSED = "The address is suppressed: lift the suppression first."
    UNSUBSCRIBED = "The person wants no incident mail at this address: call instead."
    SUPERSEDED = "A newer update goes to this address and says what is true now: mend that one."


class CannotMend(Exception):
    """Nothing was changed; the words are for the person who asked."""


def hindrance_of(message: Message, point: ContactPoint | None, newer: int | None) -> Hindrance | None:
    """What the pump would refuse a new attempt for, None if it would send. `newer`: ledger.order_of."""
    if point is None:
        return Hindrance.GONE
    if newer is not None:
        return Hindrance.SUPERSEDED
    if message.update_id is not None and point.unsubscribed_at is not None:
        return Hindrance.UNSUBSCRIBED
    return Hindrance.SUPPRESSED if point.suppressed_at is not None else None


@transaction.atomic
def retry_delivery(*, delivery_id: int, actor: User) -> Delivery:
    """Queue it again, due now, under the Message-ID that it had.

    Raises:
        CannotMend: it arrived or is on its way, or it would reach nobody.
    """
    delivery, message, point = _found(delivery_id)
    order = ledger.order_of([delivery.pk], now=clock.now()).get(delivery.pk)
    hindrance = hindrance_of(message, point, order.newer if order else None)
    if hindrance is not None:
        raise CannotMend(hindrance.value)
    lane = ledger.requeue(delivery.pk, states=ENDED_BADLY, now=clock.now())
    if lane is None:
        raise CannotMend("There is nothing to try again: it has arrived or is on its way.")
    enqueue.deliveries(lane)
    _note(message, TimelineKind.CHANGED, f"Sending to {point} is tried again after: {_reason(delivery)}", actor)
    return delivery


@transaction.atomic
def lift_suppression(*, contact_point_id: int, actor: User, incident: Incident | None = None) -> ContactPoint:
    """Messages go to this address again, from now on. A person's own unsubscribing is not lifted by this.

    Raises:
        CannotMend: the address is gone or is not suppressed.
    """
    point = ContactPoint.objects.select_for_update().filter(pk=contact_point_id).first()
    if point is None:
        raise CannotMend(Hindrance.GONE.value)
    if point.suppressed_at is None:
        raise CannotMend("The address is not suppressed.")
    reason, point.suppressed_at, point.suppressed_reason = point.suppressed_reason, None, ""
    point.save(update_fields=["suppressed_at", "suppressed_reason"])
    if incident is not None:
        words = f"Suppression of {point} lifted; it was: {reason or 'without a reason'}"
        timeline.note(incident, TimelineKind.CHANGED, words, now=clock.now(), actor=actor)
    return point


@transaction.atomic
def lift_and_retry(*, delivery_id: int, actor: User) -> Delivery:
    """Both at once, or neither.

    Raises:
        CannotMend: as the two say.
    """
    delivery, message, point = _found(delivery_id)
    if point is not None and point.suppressed_at is not None:
        lift_suppression(contact_point_id=point.pk, actor=actor, incident=message.incident)
    return retry_delivery(delivery_id=delivery.pk, actor=actor)


@transaction.atomic
def call_instead(*, delivery_id: int, actor: User) -> CallTask:
    """Put the account on the incident's call list; one that is on it stays as it is, with its result.

    Raises:
        CannotMend: it belongs to no incident, or to no account (any more).
    """
    delivery, message, point = _found(delivery_id)
    if message.incident is None:
        raise CannotMend("This message belongs to no incident: log an outreach instead.")
    if point is None or point.contact is None:
        raise CannotMend("There is no account to call: the contact was removed, or is a colleague.")
    account, now = point.contact.account, clock.now()
    task, added = CallTask.objects.get_or_create(
        incident=message.incident, account=account, defaults={"reason": CallReason.FAILED, "raised_at": now}
    )
    if added:
        words = f"{account} is to be called: {point} was not reached ({_reason(delivery)})"
        timeline.note(message.incident, TimelineKind.CALL, words, now=now, actor=actor)
    return task


def _found(delivery_id: int) -> tuple[Delivery, Message, ContactPoint | None]:
    """The delivery, locked, and what it leads to; its keys carry no constraint, so its contact may be gone."""
    delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
    message = Message.objects.select_related("incident").get(pk=delivery.message_id)
    points = ContactPoint.objects.select_related("contact__account")
    return delivery, message, points.filter(pk=delivery.contact_point_id).first()


def _reason(delivery: Delivery) -> str:
    return delivery.reply or delivery.get_state_display()


def _note(message: Message, kind: TimelineKind, words: str, actor: User) -> None:
    if message.incident is not None:
        timeline.note(message.incident, kind, words, now=clock.now(), actor=actor)
