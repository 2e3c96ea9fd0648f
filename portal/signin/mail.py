"""Mails about signing in leave after the page has answered.

So the page takes no longer where there is a login to write to than where there is none, and a relay that hangs keeps
nobody waiting. A mail that could not be sent is asked for again by whoever waits for it.
"""

from concurrent.futures import ThreadPoolExecutor

import structlog
from django.core.mail import EmailMessage

log = structlog.get_logger(__name__)
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="signin-mail")


def send_soon(message: EmailMessage) -> None:
    _pool.submit(_send, message)


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except Exception:  # nobody waits for it who could be told
        log.exception("a mail about signing in was not sent")
