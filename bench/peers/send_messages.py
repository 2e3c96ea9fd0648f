"""Django alone: `send_messages` over one connection. No record is kept."""

from django.core.mail import get_connection

from bench.peers import letter, orders


def send(mails: int) -> None:
    get_connection().send_messages([letter.mail(n) for n in range(mails)])


if __name__ == "__main__":
    orders.obey(send)
