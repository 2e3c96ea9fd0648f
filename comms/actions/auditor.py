"""Derives anew from what was published which deliveries must exist, and says which do not. It never sends.

Left out is who cannot be judged afterwards: contacts and accounts that were changed since (their history says so),
addresses that came later, that failed once, or that rest on a component of the incident, and who is of a range of a
large audience that still waits to be queued. What the database keeps no
history of can raise a false alarm: usage entered later, services chosen anew, a suppression that a person lifted.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet

from comms import audience
from comms.choices import DeliveryState
from comms.models import Delivery, FanOutRange, IncidentUpdate, Message
from customers import clock
from customers.models import Account, Contact, ContactPoint, Usage

log = structlog.get_logger(__name__)
WINDOW = timedelta(hours=24)
EVERY_SECONDS = 60.0
BUDGET_SECONDS = 2.0  # the clocks have more to do; the next run goes on where this one stopped
LONGEST_CHANGE = timedelta(minutes=10)  # history bears the time at which a transaction began, not that of its commit
LOOKED_AT = 1000


@dataclass(frozen=True)
class Missing:
    """`count` deliveries of a message that must exist do not; LOOKED_AT at most."""

    message_id: int
    reference: str
    update: int
    variant: str
    count: int


@dataclass(frozen=True)
class Audit:
    judged: int
    of: int
    """Messages of the last 24 hours, of which `judged` fitted into the time."""
    missing: Sequence[Missing]
    unsaid: Sequence[str]
    """Published updates that have no message at all."""
    orphans: int
    """Deliveries whose message does not exist."""
    removed: int
    """Deliveries whose contact point was removed since: proof that stays, nothing to mend."""

    @property
    def ok(self) -> bool:
        return not (self.missing or self.unsaid or self.orphans)


class Auditor:
    """For the clocks: `tick` audits once a minute and logs each finding once."""

    def __init__(self) -> None:
        self._next, self._skip = 0.0, 0
        self._said: set[object] = set()

    def tick(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_SECONDS
        found = audit(skip=self._skip)
        reached = self._skip + found.judged
        self._skip = reached if reached < found.of else 0
        for missing in found.missing:
            self._say(missing, "deliveries are missing that must exist", message=missing.message_id, rows=missing.count)
        for update in found.unsaid:
            self._say(update, "a published update has no message", update=update)
        if found.orphans:
            self._say(("orphans", found.orphans), "deliveries have no message", rows=found.orphans)

    def _say(self, finding: object, words: str, **values: object) -> None:
        if finding not in self._said:
            self._said.add(finding)
            log.error(words, **values)


def audit(*, skip: int = 0, budget: float = BUDGET_SECONDS) -> Audit:
    """Judge the messages of the last 24 hours, newest first, for about `budget` seconds; `skip` of them were before."""
    ends = time.monotonic() + budget
    since = clock.now() - WINDOW
    messages = list(
        Message.objects.filter(update__published_at__gte=since)
        .select_related("update__incident", "incident")
        .order_by("-pk")
    )
    missing, judged = [], 0
    for message in messages[skip:]:  # a query a message: an audience is one, and they are few
        if judged and time.monotonic() >= ends:
            break
        judged += 1
        if count := len(missing_of(message)):
            missing.append(_missing(message, count))
    recent = Delivery.objects.filter(message_id__gte=_first(since))
    return Audit(
        judged=judged,
        of=len(messages),
        missing=missing,
        unsaid=[
            f"{update.incident.reference}, update {update.number}"
            for update in IncidentUpdate.objects.filter(published_at__gte=since, messages=None).select_related(
                "incident"
            )
        ],
        orphans=recent.exclude(Exists(Message.objects.filter(pk=OuterRef("message_id")))).count(),
        removed=recent.exclude(Exists(ContactPoint.objects.filter(pk=OuterRef("contact_point_id")))).count(),
    )


def missing_of(message: Message) -> list[int]:
    """Contact points that must have a delivery of this update's message and have none; LOOKED_AT at most."""
    points = _audience_then(message)
    delivered = Delivery.objects.filter(message=message, contact_point=OuterRef("pk"))
    suspects = list(points.exclude(Exists(delivered)).order_by().values_list("pk", flat=True)[:LOOKED_AT])
    if not suspects:
        return []
    failed = Delivery.objects.filter(
        contact_point=OuterRef("pk"), state__in=[DeliveryState.FAILED, DeliveryState.BOUNCED]
    )
    known = Delivery.objects.filter(message_id__lte=message.pk).aggregate(last=Max("contact_point_id"))["last"] or 0
    earlier = ContactPoint.objects.filter(contact=OuterRef("contact"), pk__lt=OuterRef("pk"))
    judged = ContactPoint.objects.filter(pk__in=suspects).exclude(Exists(failed))
    came_later = Q(pk__gt=known) & Q(Exists(earlier))  # a contact's first address came with the contact
    return list(judged.exclude(came_later).order_by("pk").values_list("pk", flat=True))


def _audience_then(message: Message) -> QuerySet[ContactPoint]:
    """The audience of an update's message by what is known now, narrowed to what was so when it was published."""
    assert message.update is not None  # noqa: S101  only messages of updates are audited
    update, incident, at = message.update, message.update.incident, message.created_at
    told = incident.impacts.filter(told_at__lte=at).values("component")
    used = Usage.objects.current(since=incident.detected_at.date(), until=at.date()).filter(component__in=told)
    severity = incident.updates.filter(number__lte=update.number).aggregate(highest=Max("severity"))["highest"]
    changed = at - LONGEST_CHANGE
    return (
        audience.of_message(message)
        .filter(contact__account__in=used.values("account"), contact__severity_threshold__lte=severity)
        .exclude(depends_on__in=incident.impacts.values("component"))
        .exclude(Exists(_waiting_range(update)))
        .exclude(contact__in=_changed_since(Contact, changed))
        .exclude(contact__account__in=_changed_since(Account, changed))
    )


def _waiting_range(update: IncidentUpdate) -> QuerySet[FanOutRange]:
    """The range of a contact point's account, while its deliveries are still to be queued."""
    account = OuterRef("contact__account")
    return update.ranges.filter(queued_at=None, first_account__lte=account, last_account__gte=account)


def _changed_since(model: type[Contact] | type[Account], moment: datetime) -> Any:
    """The keys of those that pghistory has an event of."""
    events = model.pgh_event_model.objects  # type: ignore[union-attr]
    return events.filter(pgh_created_at__gte=moment, pgh_obj__isnull=False).values("pgh_obj")


def _first(since: datetime) -> int:
    """The first message since then; the ledger's rows from it on are found by an index."""
    return Message.objects.filter(created_at__gte=since).aggregate(first=Min("pk"))["first"] or 2**62


def _missing(message: Message, count: int) -> Missing:
    assert message.update is not None  # noqa: S101  as above
    reference = message.update.incident.reference
    return Missing(message.pk, reference, message.update.number, message.variant, count)
