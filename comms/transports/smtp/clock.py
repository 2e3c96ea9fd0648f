"""The time that counts against the server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Monotonic seconds, standing still while the caller has the word.

    A slow commit in `before_data`, or a slow reader of outcomes, must not use up a message's deadline: the
    message would be called uncertain without the server having been given its time.
    """

    def __init__(self) -> None:
        self._away = 0.0

    def now(self) -> float:
        return time.monotonic() - self._away

    @contextmanager
    def stopped(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._away += time.monotonic() - began
