"""The portal's own mail as Django's message classes make it: both templates rendered anew for each recipient."""

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

SENDER = "status@portal.example"
SUBJECT = "[INC-1] Databases are slow: we are investigating"


def address(n: int) -> str:
    return f"c{n}@customer.example"


def bodies(n: int) -> tuple[str, str]:
    """Text and HTML."""
    context = {"name": f"Contact {n}", "affected": [f"Affected at Account {n // 5}: main.account{n // 5}.example"]}
    return render_to_string("letter.txt", context), render_to_string("letter.html", context)


def mail(n: int) -> EmailMultiAlternatives:
    text, markup = bodies(n)
    message = EmailMultiAlternatives(SUBJECT, text, SENDER, [address(n)])
    message.attach_alternative(markup, "text/html")
    return message


def send(n: int) -> None:
    """Over a connection of its own, as `send()` does."""
    mail(n).send()
