"""Figures of the ledger for a machine that watches it: a handful of aggregate queries whose cost is bounded.

What is unfinished is read from its own index (delivery_due). What ended in the last hour is looked for among the
deliveries of the last days' messages (index delivery_once), so an old ledger costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum

from comms.actions import health
from comms.choices import DeliveryState, PromiseState
from comms.models import Beat, Delivery, Promise
from comms.models.delivery import UNFINISHED

HOUR = timedelta(hours=1)
LAG_BOUNDS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)  # seconds


@dataclass(frozen=True)
class Lag:
    """How long it took from publishing to acceptance. `counts[i]` took at most LAG_BOUNDS[i] seconds."""

    counts: Sequence[int]
    count: int
    seconds: float


def unfinished(now: datetime) -> Mapping[tuple[str, str], int]:
    """How many deliveries of each lane are in each state that is not an end."""
    rows = Delivery.objects.filter(finished_at=None, state__in=UNFINISHED).order_by().values_list("lane", "state")
    return {(lane, state): n for lane, state, n in rows.annotate(n=Count("pk"))}


def ended(now: datetime) -> Mapping[tuple[str, str, str], int]:
    """How many deliveries ended in the last hour, by channel, state and the receiver's reply code (or nothing)."""
    rows = _ended_lately(now).order_by().values_list("kind", "state", "code").annotate(n=Count("pk"))
    return {(kind, state, "" if code is None else str(code)): n for kind, state, code, n in rows}


def lag(now: datetime) -> Lag:
    """Of what was accepted in the last hour, whichever lane."""
    took = ExpressionWrapper(F("finished_at") - F("message__created_at"), output_field=DurationField())
    accepted = _ended_lately(now).filter(state__in=[DeliveryState.ACCEPTED, DeliveryState.DELIVERED])
    counts = {f"le_{n}": Count("pk", filter=Q(took__lte=timedelta(seconds=n))) for n in LAG_BOUNDS}
    found = accepted.annotate(took=took).aggregate(count=Count("pk"), total=Sum("took"), **counts)
    total = found["total"] or timedelta()
    return Lag([found[name] for name in counts], found["count"], total.total_seconds())


def promises() -> Mapping[str, int]:
    """How many promises are in each state, of all incidents: a row a promise, so they are few."""
    counted = dict(Promise.objects.order_by().values_list("state").annotate(n=Count("pk")))
    return {state.value: counted.get(state.value, 0) for state in PromiseState}


def beat_ages(now: datetime) -> Mapping[str, float]:
    """Seconds since the last sign of life of the clocks and of each lane that ever gave one."""
    return {name: (now - ran_at).total_seconds() for name, ran_at in Beat.objects.values_list("name", "ran_at")}


def _ended_lately(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(message_id__gte=health.first_message(now), finished_at__gt=now - HOUR)
