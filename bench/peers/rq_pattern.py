"""The pattern of Status-Page, not its code: an RQ job per mail, which forks, renders, connects and sends."""

from django.conf import settings
from redis import Redis
from rq import Queue

from bench.peers import letter, orders

queue = Queue(settings.QUEUE, connection=Redis.from_url(settings.REDIS_URL))


def send(mails: int) -> None:
    for n in range(mails):
        queue.enqueue(letter.send, n, result_ttl=60)


if __name__ == "__main__":
    with orders.worker("rq.cli", "worker", "-u", settings.REDIS_URL, "--quiet", settings.QUEUE):
        orders.obey(send)
