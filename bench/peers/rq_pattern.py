"""The pattern of Status-Page, not its code: an RQ job per mail, which forks, renders, connects and sends."""

import sys

from django.conf import settings
from redis import Redis
from rq import Queue, Worker

from bench.peers import letter, orders

queue = Queue(settings.QUEUE, connection=Redis.from_url(settings.REDIS_URL))


def send(mails: int) -> None:
    for n in range(mails):
        queue.enqueue(letter.send, n, result_ttl=60)


if __name__ == "__main__":
    if "work" in sys.argv:  # Django is loaded before the forks, as django-rq has it
        Worker([queue], connection=queue.connection).work(logging_level="WARNING")
    else:
        with orders.worker("bench.peers.rq_pattern", "work"):
            orders.obey(send)
