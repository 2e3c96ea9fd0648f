"""Celery with Redis, a task per mail: two worker processes, no results kept."""

from celery import Celery
from django.conf import settings

from bench.peers import letter, orders

app = Celery("peer", broker=settings.REDIS_URL)
app.conf.update(task_ignore_result=True, task_default_queue=settings.QUEUE, broker_connection_retry_on_startup=True)


@app.task(name="send")
def send_one(n: int) -> None:
    letter.send(n)


def send(mails: int) -> None:
    for n in range(mails):
        send_one.delay(n)


if __name__ == "__main__":
    with orders.worker("celery", "-A", "bench.peers.celery_redis", "worker", "-c", "2", "-l", "ERROR"):
        orders.obey(send)
