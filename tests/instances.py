"""The product's own processes, started as a person starts them, on the database of the tests."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import psutil
from django.conf import settings
from django.db import connection

from portal.management.groups import MARKER
from tests.comms.support import free_port

PATIENCE = 60.0  # seconds after which a test gives up; nothing is judged by it


def until(look: Callable[[], Any], what: str) -> Any:
    """What `look` finds once it finds something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"not seen: {what}"
        time.sleep(0.02)
    return found


def database_url(name: str = "") -> str:
    """Of the tests' database for another process; `name` is what pg_stat_activity calls its connections."""
    url = urlsplit(os.environ.get("DATABASE_URL", "postgres://localhost/portal"))  # as in the settings
    query = "&".join(part for part in (url.query, urlencode({"application_name": name}) if name else "") if part)
    return url._replace(path=f"/{connection.settings_dict['NAME']}", query=query).geturl()


def is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


class Command:
    """`manage.py <words>` in a session of its own, until the block ends; then none of its processes lives."""

    def __init__(self, log: Path, *words: str, name: str = "", **environment: str) -> None:
        self.log = log
        self._words = words
        self._environment = {
            **{key: value for key, value in os.environ.items() if key != MARKER},
            "DATABASE_URL": database_url(name),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DISPATCH_SECONDS": "0.05",
            "STATE_FILE": str(log.with_suffix(".publications")),
            "STATUS_DIR": str(log.with_suffix(".status")),
            **environment,
        }

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *self._words],
                cwd=settings.BASE_DIR,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if error is not None:
            print(self.log.read_text())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        return self.log.read_text()


class Instance(Command):
    """`manage.py supervise` on a free port: web, three lanes and the clocks."""

    def __init__(self, log: Path, *, port: int = 0, **environment: str) -> None:
        self.port = port or free_port()
        self.marker = f"{settings.BASE_DIR}:{self.port}"
        super().__init__(log, "supervise", "--port", str(self.port), **environment)

    def kill(self) -> None:
        super().kill()
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        until(lambda: not self.processes(), "the end of what was killed")

    def processes(self) -> list[psutil.Process]:
        """Everything that bears the instance's name, wherever it came from."""
        return [process for process in psutil.process_iter() if is_alive(process) and self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get(MARKER) == self.marker)
        except psutil.Error:
            return False

    def group(self, name: str) -> list[psutil.Process]:
        """The processes of a group, its first one first."""
        return sorted(
            (p for p in self.processes() if name_of(p) == name), key=lambda p: (p.ppid() != self.process.pid, p.pid)
        )

    def first(self, name: str) -> psutil.Process | None:
        return next((p for p in self.group(name) if p.ppid() == self.process.pid), None)

    def wait_until_up(self) -> Self:
        """Pages answer, each lane has its worker's processes, the clocks run."""
        until(self.answers, "the pages")
        for name in ("lane critical", "lane normal", "lane bulk"):
            until(lambda name=name: len(self.group(name)) >= LANE_PROCESSES, name)
        until(lambda: self.first("clocks"), "the clocks")
        return self

    def answers(self) -> bool:
        with suppress(OSError):
            return self.get("/healthz") == b"ok"
        return False

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def end(self, number: signal.Signals) -> int:
        """Send a signal as a person does, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


LANE_PROCESSES = 5  # first process, sentinel, worker, pusher, monitor


def name_of(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return str(process.name())
    return ""
