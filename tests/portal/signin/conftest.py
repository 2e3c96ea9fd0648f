import time
from collections.abc import Callable

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMessage

PATIENCE = 10  # seconds until a test gives up; nothing is judged by it


@pytest.fixture(autouse=True)
def _nothing_counted(db) -> None:
    cache.clear()


@pytest.fixture
def mails(mailoutbox) -> Callable[[int], list[EmailMessage]]:
    """Wait until so many mails were sent: those about signing in leave after the page has answered."""

    def wait(number: int) -> list[EmailMessage]:
        deadline = time.monotonic() + PATIENCE
        while len(mail.outbox) < number:
            assert time.monotonic() < deadline, f"{len(mail.outbox)} of {number} mails"
            time.sleep(0.01)
        return list(mail.outbox)

    return wait


def signed_in(client) -> bool:
    return client.get("/account/sessions/").status_code == 200
