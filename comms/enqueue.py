"""Doorbells: a task says that there is work, the rows say which. Task names live here and nowhere else.

With the ORM broker a doorbell is a row, so it joins the transaction that rings it. Safe to lose and to ring twice.
"""

from datetime import timedelta
from time import sleep

from django.db.models.functions import Now
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

from comms.choices import Lane


def deliveries(lane: Lane) -> None:
    async_task("comms.tasks.pump", lane.value, cluster=lane.value)


def deliveries_if_silent(lane: Lane) -> None:
    """Ring unless an unheard doorbell of the lane is waiting already."""
    if _is_silent(lane):
        deliveries(lane)


def beat_if_silent(lane: Lane) -> None:
    """Ask a lane for a sign of life, unless something waits in its queue that will give one."""
    if _is_silent(lane):
        async_task("comms.tasks.beat", lane.value, cluster=lane.value)


def proposals(incident_id: int) -> None:
    async_task("comms.tasks.propose_credits", incident_id, cluster=Lane.NORMAL.value)


def fan_out() -> None:
    """Ranges of a large audience wait to be queued."""
    async_task("comms.tasks.fan_out", cluster=Lane.NORMAL.value)


def fan_out_if_silent() -> None:
    """Ring unless an unheard doorbell of the lane is waiting already."""
    if _is_silent(Lane.NORMAL):
        fan_out()


def _is_silent(lane: Lane) -> bool:
    return not OrmQ.objects.filter(key=lane.value, lock__lte=Now()).exists()


class Broker(ORM):  # type: ignore[misc]
    """django-q2's ORM broker by the database's clock: by a machine's own, a doorbell of another machine is not heard
    until that machine's time has come, two hours late where a clock is two hours off (R14)."""

    def enqueue(self, task: str) -> int:
        doorbell = self.get_connection().create(key=self.list_key, payload=task, lock=Now())
        return int(doorbell.pk)

    def dequeue(self) -> list[tuple[int, str]]:
        taken = []
        for doorbell in self.get_connection().filter(key=self.list_key, lock__lt=Now())[: Conf.BULK]:
            same = self.get_connection().filter(pk=doorbell.pk, lock=doorbell.lock)
            if same.update(lock=Now() + timedelta(seconds=Conf.RETRY)):  # else another worker was faster
                taken.append((doorbell.pk, doorbell.payload))
        if not taken:
            sleep(Conf.POLL)
        return taken
