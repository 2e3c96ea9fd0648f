"""Signs of life of the lanes and the clocks."""

from datetime import timedelta

from django.conf import settings

from comms import enqueue
from comms.choices import Lane
from comms.models import Beat
from customers import clock

CLOCKS = "clocks"
EVERY = timedelta(seconds=5) / settings.TIME_SCALE


def ran(name: str) -> None:
    """The lane's worker, or the clocks, have run just now."""
    Beat.objects.update_or_create(name=name, defaults={"ran_at": clock.now()})


def ask() -> None:
    """Ask every lane for a sign of life, and give the clocks' own; a beat of the clocks."""
    now = clock.now()
    ages = dict(Beat.objects.values_list("name", "ran_at"))
    if CLOCKS in ages and ages[CLOCKS] > now - EVERY:
        return
    ran(CLOCKS)
    for lane in Lane:
        if lane.value not in ages or ages[lane.value] < now - EVERY:
            enqueue.beat_if_silent(lane)
