"""Whom an update goes to becomes rows: at once, or for a very large audience in ranges of accounts (P1, P8).

The first range is written with the update itself, so that the first mail leaves at once; each of the others is a row
of its own that a task of the normal lane takes, in a transaction of its own. A task that is killed leaves its range
waiting, and the clocks ring again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef

from comms import enqueue, fanout
from comms.actions import timeline
from comms.audience import Accounts
from comms.choices import Lane, TimelineKind, Variant
from comms.models import Delivery, FanOutRange, IncidentUpdate, Message
from customers import clock
from customers.choices import TransportKind
from customers.models import Company


@dataclass(frozen=True)
class Queued:
    """What became of an update's audience: recipients per track so far, ranges that wait, SMS held back."""

    reached: Mapping[Variant, int]
    waiting: int
    held: int

    @property
    def words(self) -> str:
        words = ", ".join(f"{n} on the {variant} track" for variant, n in self.reached.items())
        if self.waiting:
            words += f"; the rest, {self.waiting} of {self.waiting + 1} ranges of accounts, is being queued"
        if self.held:
            words += f"; {self.held} SMS held back, over the limit and not confirmed"
        return words


def fan_out(update: IncidentUpdate, messages: Sequence[Message]) -> Queued:
    """Queue an update for its audience, or for the first range of it; the others are rows from now on."""
    ranges = fanout.ranges_of(update, size=settings.FANOUT_RANGE_ACCOUNTS)
    first, others = ranges[0] if ranges else None, ranges[1:]
    limited = not update.sms_confirmed
    count_sms = limited and bool(others)
    added = _write(update, messages, now=update.published_at, accounts=first, count_sms=count_sms)
    if others:
        FanOutRange.objects.bulk_create(
            FanOutRange(update=update, first_account=start, last_account=end) for start, end in others
        )
        enqueue.fan_out()
    held = _limit_sms(update, messages, added, now=update.published_at) if limited and not others else 0
    return Queued(_per_track(messages, added), len(others), held)


def fan_out_next() -> bool:
    """Queue the range that waits first, if there is one; rings for the mails and for the next range.

    An update that a newer one of its incident has overtaken comes last. Its texts are queued all the same, because a
    contact may get no other (a track not written to, "changes only"); for all others the lanes suppress them as
    superseded, so nobody reads the older text after the newer one.
    """
    with transaction.atomic():
        newer = IncidentUpdate.objects.filter(
            incident=OuterRef("update__incident"), number__gt=OuterRef("update__number")
        )
        waiting = (
            FanOutRange.objects.filter(queued_at=None).annotate(overtaken=Exists(newer)).order_by("overtaken", "pk")
        )
        taken = waiting.select_for_update(skip_locked=True, of=("self",)).first()
        if taken is None:
            return False
        _queue(taken)
        enqueue.deliveries(Lane.CRITICAL)
        if is_waiting():
            enqueue.fan_out()
    return True


def is_waiting() -> bool:
    return FanOutRange.objects.filter(queued_at=None).exists()


def ring_for_ranges() -> None:
    """For the clocks: a doorbell was lost, or its task was killed."""
    if is_waiting():
        enqueue.fan_out_if_silent()


def _queue(taken: FanOutRange) -> None:
    update = IncidentUpdate.objects.select_related("incident").get(pk=taken.update_id)
    messages = list(update.messages.exclude(variant=Variant.PUBLIC))
    limited, now = not update.sms_confirmed, clock.now()
    _write(update, messages, now=now, accounts=(taken.first_account, taken.last_account), count_sms=limited)
    taken.queued_at = clock.now()
    taken.save(update_fields=["queued_at"])
    # of two tasks with the last two ranges the second to come sees that the other has committed
    IncidentUpdate.objects.select_for_update(no_key=True).get(pk=update.pk)
    if not update.ranges.filter(queued_at=None).exists():
        _complete(update, messages, limited=limited, now=clock.now())


def _complete(update: IncidentUpdate, messages: Sequence[Message], *, limited: bool, now: datetime) -> None:
    """The whole audience is queued: settle its SMS, and say how many it was."""
    rows = (
        Delivery.objects.filter(message__in=messages).values_list("message", "kind").annotate(n=Count("pk")).order_by()
    )
    counts = {(message, kind): n for message, kind, n in rows}
    held = _limit_sms(update, messages, counts, now=now, counted=True) if limited else 0
    queued = Queued(_per_track(messages, counts), 0, held)
    words = f"Update {update.number} is queued for its whole audience: {queued.words}"
    timeline.note(update.incident, TimelineKind.PUBLISHED, words, now=now)


def _write(
    update: IncidentUpdate,
    messages: Sequence[Message],
    *,
    now: datetime,
    accounts: Accounts | None,
    count_sms: bool,
) -> fanout.Counts:
    """Mails that merge wait for others to the same person (E6)."""
    merges = messages[0].merges
    collect = timedelta(seconds=Company.current().merge_seconds if merges else 0) / settings.TIME_SCALE
    return fanout.fan_out_update(update, messages, now=now, collect=collect, accounts=accounts, count_sms=count_sms)


def _limit_sms(
    update: IncidentUpdate, messages: Sequence[Message], counts: fanout.Counts, *, now: datetime, counted: bool = False
) -> int:
    """Hold back what is beyond the company's limit (E8). `counted`: the SMS have waited for this moment."""
    limit = Company.current().sms_limit
    sms = sum(n for (_, kind), n in counts.items() if kind == TransportKind.SMS)
    if sms <= (0 if counted else limit):
        return 0
    return fanout.limit_sms(update, messages, limit=limit, now=now)


def _per_track(messages: Sequence[Message], counts: fanout.Counts) -> dict[Variant, int]:
    reached = dict.fromkeys((Variant(message.variant) for message in messages), 0)
    for message in messages:
        reached[Variant(message.variant)] += sum(n for (pk, _), n in counts.items() if pk == message.pk)
    return reached
