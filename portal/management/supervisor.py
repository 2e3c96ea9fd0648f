"""Runs web, lanes and clocks of one machine; restarts a group that ends or falls silent, as a whole."""

import gc
import os
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

import structlog
import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connections
from django_q.cluster import Cluster
from django_q.conf import Conf

from comms.actions import beats
from comms.actions.deliveries import stopping
from comms.choices import Lane
from portal.management.groups import MARKER, SUPERVISOR, Group, clear_leftovers, name_process, stop_all
from portal.management.watchdog import Watchdog

log = structlog.get_logger(__name__)
CALM_SECONDS = 30.0  # a group that lived this long begins its restarts anew
LONGEST_PAUSE = 30.0


def usual_groups(host: str, port: int) -> list[Group]:
    """Web, one cluster per lane, and the clocks. Normal and bulk lanes give way to pages and severity 5."""
    lanes = [
        Group(
            f"lane {lane.value}",
            lambda lane=lane: run_lane(lane),  # type: ignore[misc]
            nice=0 if lane is Lane.CRITICAL else 10,
            beats_as=lane.value,
        )
        for lane in Lane
    ]
    return [
        Group("web", lambda: run_web(host, port)),
        *lanes,
        Group("clocks", run_clocks, beats_as=beats.CLOCKS),
    ]


def run_web(host: str, port: int) -> None:
    """Pages, API and sockets. No compression per message: it costs 100 kB a socket.

    Its threads share a pool of connections; with a connection kept per thread they leak under ASGI.
    """
    database = connections.settings["default"]
    database |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    database["OPTIONS"] = {**database.get("OPTIONS", {}), **settings.DATABASE_POOL}
    uvicorn.run(
        "portal.asgi:application",
        host=host,
        port=port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=65_536,
        lifespan="off",
        timeout_graceful_shutdown=2,
        access_log=False,
        log_level="warning",
    )


def run_clocks() -> None:
    call_command("dispatch")


def run_lane(lane: Lane) -> None:
    """A django-q2 cluster under the lane's name, as `Q_CLUSTER_NAME=<lane> manage.py qcluster` would run it."""
    try:
        beats.give_back_doorbells(lane)
    except (DatabaseError, InterfaceError):
        log.warning("the database did not answer; doorbells of an earlier run are heard later", lane=lane.value)
    connections.close_all()  # before the cluster forks
    Conf.CLUSTER_NAME = lane.value  # read from the environment at import; this process was forked after it
    stopping.prepare()
    cluster = Cluster()

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        stopping.ask()
        cluster.sig_handler(number, frame)

    signal.signal(signal.SIGTERM, on_sigterm)
    cluster.start()
    cluster.sentinel.join()


class Supervisor:
    """`run` returns when a signal asks it to; then nothing that it started lives any more."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._watchdog = Watchdog(groups)
        self.groups = [*groups, self._watchdog.group]
        self._stopping = False
        self._failures: dict[str, int] = {}
        self._again_at: dict[str, float] = {}

    def start(self) -> None:
        """Clear what an earlier run left, then start every group. Signals only set a flag from here on.

        Raises AlreadyRunning when another supervisor of this instance lives.
        """
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        if cleared := clear_leftovers(os.environ[MARKER]):
            log.warning("ended processes that an earlier run left behind", processes=cleared)
        name_process(SUPERVISOR)
        gc.collect()
        gc.freeze()  # the collector of a child need not touch, and so copy, what is loaded
        for group in self.groups:
            if not group.on_demand:
                group.start()

    def run(self, each_beat: Callable[[], None] = lambda: None) -> None:
        try:
            while not self._stopping:
                self._end_silent()
                for group in self.groups:
                    self._look_after(group)
                each_beat()
                time.sleep(0.2)
        finally:
            stop_all(self.groups)

    def stop(self) -> None:
        self._stopping = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop()

    def _end_silent(self) -> None:
        """A group that lives and does nothing is ended with all its processes; then it is one that ended."""
        for group in self._watchdog.bitten():
            log.error("a group gave no sign of life; it is ended as a whole", group=group.name)
            group.signal_all(signal.SIGKILL)

    def _look_after(self, group: Group) -> None:
        """Restart a group whose first process has ended: at once, then after 1, 2, 4 ... 30 seconds."""
        if group.on_demand or not group.ended():
            return
        now = time.monotonic()
        if group.name not in self._again_at:
            calm = now - group.started_at > CALM_SECONDS
            failures = 0 if calm else self._failures.get(group.name, 0)
            self._failures[group.name] = failures + 1
            self._again_at[group.name] = now + (min(LONGEST_PAUSE, 2.0 ** (failures - 1)) if failures else 0.0)
            log.error("a group ended; it is started again", group=group.name, code=group.code, failures=failures + 1)
            group.signal_all(signal.SIGKILL)
        if now >= self._again_at[group.name]:
            del self._again_at[group.name]
            group.start()


def ensure_marked(arguments: Sequence[str], instance: str) -> None:
    """Begin anew with the instance's name in the environment: only that can be read from outside."""
    if MARKER not in os.environ:
        os.execve(arguments[0], list(arguments), {**os.environ, MARKER: instance})  # noqa: S606  ourselves
