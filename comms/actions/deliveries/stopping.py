"""Whether this lane was asked to end: said by its first process, heard by its worker, which was forked from it.

What has not left is then given back, and what is on its way is awaited: a restart sends nothing twice (R28).
"""

import mmap


class _Flag:
    """A byte that forked processes share; setting it is safe in a signal handler."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._shared[0] = 1

    def is_set(self) -> bool:
        return self._shared[0] == 1


_asked = _Flag()


def prepare() -> None:
    """To be called by the lane's first process before it forks: each lane has a flag of its own."""
    global _asked  # noqa: PLW0603  one a process, set before anything is sent
    _asked = _Flag()


def ask() -> None:
    _asked.set()


def asked() -> bool:
    return _asked.is_set()
