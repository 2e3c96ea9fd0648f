"""What sends and what receives in a bench, each in processes of its own: a real lane, and a sink that notes times."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from django.conf import settings

from comms.choices import Lane
from demo.sink.script import Script
from demo.sink.server import Sink
from embedded.processes import dying_with_starter

PATIENCE = 120.0  # seconds for the mails of one round


class LateMails(Exception):
    """What was published did not arrive."""


@dataclass(frozen=True)
class Arrival:
    """When the first and the last of the expected mails came, by time.monotonic(): one clock for all processes."""

    first: float
    last: float


class TimedSink(Sink):
    """Notes when mails come, and nothing more: a waiter that is told of each would slow it down."""

    def __init__(self, script: Script, tell: Callable[[Arrival], None]) -> None:
        super().__init__(script)
        self._tell_arrival = tell
        self._missing = 0
        self._first = 0.0

    def expect(self, mails: int) -> None:
        self._first, self._missing = 0.0, mails

    def keep(self, session: int, mail_from: bytes, rcpt_to: list[bytes], parameters: bytes, raw: bytes) -> None:
        super().keep(session, mail_from, rcpt_to, parameters, raw)
        now = time.monotonic()
        self._first = self._first or now
        self._missing -= 1
        if self._missing == 0:
            self._tell_arrival(Arrival(self._first, now))


class Postbox:
    """The sink's other end: `expect` some mails before they are published, then wait for their `arrival`."""

    def __init__(self, port: int, line: Connection) -> None:
        self.port = port
        self._line = line

    def expect(self, mails: int) -> None:
        while self._line.poll():  # an arrival that came too late
            self._line.recv()
        self._line.send(mails)
        self._line.recv()

    def arrival(self, patience: float = PATIENCE) -> Arrival:
        """Raises LateMails where not all come within so many seconds."""
        if not self._line.poll(patience):
            raise LateMails(f"not all of the mails came within {patience:g} s")
        found: Arrival = self._line.recv()
        return found


@contextmanager
def postbox(script: Script | None = None, *, nice: int = 0) -> Iterator[Postbox]:
    """`nice` as of the lane, where the sink, which stands for another machine, must not be in the way of others."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_receive, args=(theirs, script or Script(), nice), daemon=True
    )
    process.start()
    try:
        yield Postbox(ours.recv(), ours)
    finally:
        process.terminate()
        process.join()


def _receive(line: Connection, script: Script, nice: int) -> None:
    os.nice(nice)
    with TimedSink(script, line.send) as sink, suppress(EOFError):
        line.send(sink.port)
        while True:
            sink.expect(line.recv())
            line.send("ready")


@contextmanager
def lane_running(lane: Lane, smtp_port: int, *, nice: int = 0) -> Iterator[int]:
    """The lane's django-q2 cluster as it runs in production, sending to this port; its group ends with the block.

    Yields the process id of its head.
    """
    environment = {
        **os.environ,
        "Q_CLUSTER_NAME": lane.value,
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "SMTP_SECURITY": "none",
        "SMTP_USER": "",
    }
    process = subprocess.Popen(
        ["nice", "-n", str(nice), sys.executable, "manage.py", "qcluster"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=sys.stderr,  # our own output is JSON
        start_new_session=True,
        preexec_fn=dying_with_starter(signal.SIGTERM),  # noqa: PLW1509  one system call, loaded beforehand
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
