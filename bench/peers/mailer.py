"""django-mailer: a row per mail through its backend, then its queue sent."""

from django.core.mail import get_connection
from mailer.engine import send_all

from bench.peers import letter, orders


def send(mails: int) -> None:
    get_connection("mailer.backend.DbBackend").send_messages([letter.mail(n) for n in range(mails)])
    send_all()


if __name__ == "__main__":
    orders.obey(send)
