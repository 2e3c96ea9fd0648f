"""Signs of life of the lanes and the clocks, and the judgement of who gives none."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q
from django_q.models import OrmQ

from comms import enqueue
from comms.choices import DeliveryState, Lane
from comms.models import Beat, Delivery
from customers import clock

CLOCKS = "clocks"
NAMES = (*Lane.values, CLOCKS)
SILENT = timedelta(seconds=settings.LANE_SILENT_SECONDS) / settings.TIME_SCALE
EVERY = min(timedelta(seconds=5) / settings.TIME_SCALE, SILENT / 6)
RETRY = timedelta(seconds=settings.Q_CLUSTER["retry"])  # the queue locks a taken doorbell until then
UNHEARD_SPANS = (1, 2, 3)  # in SILENT: a doorbell taken in each of them, and none of them acknowledged


def ran(name: str) -> None:
    """The lane's worker, or the clocks, have run just now."""
    Beat.objects.update_or_create(name=name, defaults={"ran_at": clock.now()})


def ask() -> None:
    """Ask every lane for a sign of life, and give the clocks' own; a beat of the clocks."""
    now = clock.now()
    last = dict(Beat.objects.values_list("name", "ran_at"))
    if CLOCKS in last and last[CLOCKS] > now - EVERY:
        return
    ran(CLOCKS)
    for lane in Lane:
        if lane.value not in last or last[lane.value] < now - EVERY:
            enqueue.beat_if_silent(lane)


def silent(now: datetime) -> list[str]:
    """The lanes, or the clocks, that have to be started again (RELIABILITY: ran and acknowledged).

    Lanes are asked by the clocks: while those are silent nothing is known of a lane.
    """
    return [CLOCKS] if are_clocks_silent(now) else [lane.value for lane in silent_lanes(now)]


def are_clocks_silent(now: datetime) -> bool:
    return not Beat.objects.filter(name=CLOCKS, ran_at__gte=now - SILENT).exists()


def silent_lanes(now: datetime) -> list[Lane]:
    """Lanes that were rung for and did nothing, or that run and acknowledge nothing, longer than SILENT.

    One that holds leased deliveries is at work, maybe with a server that hangs until the deadline of its mail; leases
    run out by themselves. A single doorbell that was never acknowledged is what a killed worker leaves: only when the
    same is true of each of three spans, the queue has lost the process that acknowledges.
    """
    heard = {name for name, at in Beat.objects.values_list("name", "ran_at") if at >= now - SILENT}
    leased = Delivery.objects.filter(
        finished_at=None, state__in=[DeliveryState.CLAIMED, DeliveryState.STARTED], leased_until__gt=now
    )
    busy = set(leased.order_by().values_list("lane", flat=True).distinct())
    rung = Q(lock__lte=now - SILENT) | Q(lock__gt=now, lock__lte=now + RETRY - SILENT)
    unheard = {f"unheard_{span}": Count("pk", filter=_taken(now, span)) for span in UNHEARD_SPANS}
    doorbells = OrmQ.objects.order_by().values("key").annotate(rung=Count("pk", filter=rung), **unheard)
    found = set()
    for bells in doorbells:
        mute = bells["rung"] and bells["key"] not in heard and bells["key"] not in busy
        if mute or all(bells[name] for name in unheard):
            found.add(bells["key"])
    return [lane for lane in Lane if lane.value in found]


def _taken(now: datetime, span: int) -> Q:
    """Taken from the queue between `span` and `span` + 1 times SILENT ago, and not acknowledged since."""
    return Q(lock__gt=now + RETRY - (span + 1) * SILENT, lock__lte=now + RETRY - span * SILENT)


def give_back_doorbells(lane: Lane) -> int:
    """What a lane had taken before it died is rung again, now instead of after RETRY; safe to hear twice."""
    now = clock.now()
    return int(OrmQ.objects.filter(key=lane.value, lock__gt=now).update(lock=now))
