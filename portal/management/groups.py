"""Process groups: started together, watched, stopped and cleaned up as a whole.

A group is forked, not executed anew: what the supervisor has loaded is shared by all, which saves a third of the memory
of a small machine (measured: 487 MB against 290 MB). So the supervisor has one thread and no database connection.
"""

import ctypes
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

MARKER = "PORTAL_INSTANCE"  # in the environment of every process of an instance, so that none is lost
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
SUPERVISOR = "supervisor"  # its name for `ps` and `top`; groups have their own
STOP_SECONDS = 3.0
PREDECESSOR_SECONDS = 6.0  # what one that lost its starter needs to stop all, and some more
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Group:
    """What one forked process runs, with all that it starts. `nice` 0 is for pages, 10 for bulk work."""

    name: str
    run: Callable[[], None]
    nice: int = 0
    on_demand: bool = False
    """Started when asked for, and left alone when it ends."""
    beats_as: str = ""
    """The name of its sign of life (comms.models.Beat); without one it is not judged by that."""
    pid: int | None = None
    code: int | None = None
    started_at: float = 0.0

    def start(self) -> None:
        self.started_at, self.code = time.monotonic(), None
        supervisor = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(self._in_child(supervisor))

    def _in_child(self, supervisor: int) -> int:
        try:
            os.setsid()
            name_process(self.name)
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # it ends with the supervisor, however that ends
            if os.getppid() != supervisor:  # which ended before the line above
                return 1
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.nice(self.nice)
            self.run()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
            return 1
        return 0

    def ended(self) -> bool:
        """Whether its first process has ended (`code` then says how) or was never started."""
        if self.pid is None:
            return True
        if self.code is None:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def signal_all(self, number: int) -> None:
        """To every process of the group that still lives."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def stop_all(groups: Sequence[Group], *, patience: float = STOP_SECONDS) -> None:
    """Ask all to end, then end them: after this none of their processes lives."""
    running = [group for group in groups if group.pid is not None and not group.ended()]
    for group in running:
        assert group.pid is not None  # noqa: S101
        with suppress(ProcessLookupError):
            os.kill(group.pid, signal.SIGTERM)  # its first process ends its own children in order
    deadline = time.monotonic() + patience
    while not all(group.ended() for group in running) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        group.signal_all(signal.SIGKILL)
    while not all(group.ended() for group in running):
        time.sleep(0.01)


def name_process(name: str) -> None:
    """What `ps -e` and `top` show of it and of all that it forks (15 letters at most)."""
    _libc.prctl(PR_SET_NAME, name.encode())


class AlreadyRunning(Exception):
    """Another supervisor of this instance lives: ending its processes would be no clearing up."""


def clear_leftovers(instance: str) -> int:
    """End what an earlier supervisor of this instance left behind when it was killed. Returns how many processes.

    Raises AlreadyRunning when that supervisor lives and does not end within some seconds.
    """
    supervisors = [process for process in _others(instance) if _name_of(process) == SUPERVISOR]
    _, alive = psutil.wait_procs(supervisors, timeout=PREDECESSOR_SECONDS)
    if alive:
        raise AlreadyRunning(f"This portal runs already, as process {alive[0].pid}. Stop that one first.")
    left = _others(instance)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=5)
    return len(left)


def _others(instance: str) -> list[psutil.Process]:
    """All of its processes but this one and those that wait for this one."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [p for p in psutil.process_iter() if p.pid not in ours and _belongs(p, instance)]


def _name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _belongs(process: psutil.Process, instance: str) -> bool:
    try:
        return bool(process.environ().get(MARKER) == instance)
    except (psutil.Error, OSError):
        return False
