"""django-q2, a task per mail: two workers, the queue in PostgreSQL."""

from django_q.tasks import async_task

from bench.peers import letter, orders


def send(mails: int) -> None:
    for n in range(mails):
        async_task(letter.send, n)


if __name__ == "__main__":
    with orders.worker("django", "qcluster"):
        orders.obey(send)
