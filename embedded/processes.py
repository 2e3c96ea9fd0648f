"""Processes: binding a child to its starter's life, and ending a PostgreSQL server for certain."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from embedded.place import EmbeddedError

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SHUTDOWN = (
    (signal.SIGINT, 15.0),
    (signal.SIGQUIT, 10.0),
    (signal.SIGKILL, 10.0),
)  # fast, immediate, none; seconds
POLL = 0.02  # seconds

# Loaded here and not between fork and exec, where a child must not allocate more than it has to.
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def dying_with_starter(number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends `number` to the child when this process is gone, even by kill -9.

    Linux only; elsewhere it does nothing, and the next start stops what was left behind. The kernel watches
    the *thread* that forked and forgets the wish at setuid: fork from the main thread, and drop privileges
    with the `user` of Popen, which comes before the `preexec_fn`.
    """
    starter = os.getpid()

    def bind() -> None:
        if _PRCTL is None:
            return
        _PRCTL(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != starter:  # it died before the wish was heard
            os._exit(1)

    return bind


def stop_server(pid: int, has_ended: Callable[[], bool]) -> None:
    """End the server: fast shutdown, after 15 s an immediate one, after 10 s more a kill.

    Raises EmbeddedError when even that does not end it.
    """
    if has_ended():
        return
    for number, patience in SHUTDOWN:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if has_ended():
                return
            time.sleep(POLL)
    raise EmbeddedError(f"PostgreSQL (process {pid}) does not end, not even when killed.")


def stop_leftover(cluster: Path) -> bool:
    """Stop a server that an earlier starter left on this data folder; true if there was one.

    The caller holds the lock of the place, so that no living starter owns it.
    """
    file = cluster / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return False
    if _serves(pid, cluster):
        stop_server(pid, lambda: not _serves(pid, cluster))
        return True
    if _command_line(pid):
        # The number now belongs to a stranger. PostgreSQL would take it for a server and refuse for ever.
        file.unlink()
    return False


def _serves(pid: int, cluster: Path) -> bool:
    program, found, rest = _command_line(pid).partition(" -D ")
    return bool(found) and program.endswith("/postgres") and f"{rest} ".startswith(f"{cluster} ")


def _command_line(pid: int) -> str:
    """The words of a running process; empty for one that is gone or only waits to be reaped."""
    try:
        if sys.platform == "linux":
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        else:
            question = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
            words = subprocess.run(question, capture_output=True, check=False).stdout  # noqa: S603
        return os.fsdecode(words).strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
