"""How a peer is told to send, and how those that have workers start them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management import call_command


def obey(send: Callable[[int], None]) -> None:
    """Say that we are ready; then, for each number read, send so many mails, until the input ends."""
    call_command("migrate", verbosity=0)
    print("ready", flush=True)
    for line in sys.stdin:
        send(int(line))


@contextmanager
def worker(*arguments: str) -> Iterator[None]:
    """A Python module run beside us, in our process group; only its complaints are shown."""
    with subprocess.Popen(
        [sys.executable, "-m", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()
