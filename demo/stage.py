"""The demo's processes: the product's own groups, a mail sink, and the player of the scripted incident."""

import asyncio
import os
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from demo import load
from demo.play import Cast
from demo.sink.__main__ import serve
from demo.sink.server import Sink
from portal.management.groups import AlreadyRunning, Group
from portal.management.supervisor import Supervisor, usual_groups

PATIENCE = 60.0  # seconds for the pages to answer


class Stage:
    """`perform` plays its part in a process of its own, once asked; everything else runs until a signal."""

    def __init__(self, perform: Callable[[Cast], None]) -> None:
        self.site, self.mail_page = os.environ["SITE_URL"], os.environ["DEMO_MAIL_URL"]
        web, smtp = int(os.environ["PORT"]), int(os.environ["SMTP_PORT"])
        page = int(self.mail_page.rstrip("/").rsplit(":", 1)[1])
        self._key = ""
        self.player = Group("player", lambda: perform(Cast(self.site, self._key)), on_demand=True)
        sink = Group("mail sink", lambda: asyncio.run(serve(Sink(smtp_port=smtp, http_port=page))))
        self.supervisor = Supervisor([*usual_groups("127.0.0.1", web), sink, self.player])

    def migrate(self) -> None:
        with Path(os.devnull).open("w") as nowhere:
            call_command("setup", verbosity=0, stdout=nowhere)

    def load(self) -> None:
        load.load()
        self._key = load.monitoring_key()
        connections.close_all()  # what is forked from here on makes its own

    def start(self) -> None:
        """All groups but the player; returns when the pages answer."""
        try:
            self.supervisor.start()
        except AlreadyRunning as error:
            raise SystemExit(str(error)) from error
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > deadline:
                raise SystemExit("The pages do not answer; LOG_LEVEL=INFO make demo shows why.")
            time.sleep(0.1)

    def run_until_stopped(self, play_file: Path) -> None:
        """Keep all going; play whenever the file says so and nothing plays."""

        def play_if_asked() -> None:
            if play_file.exists() and self.player.ended():
                play_file.unlink(missing_ok=True)
                self.player.start()

        self.supervisor.run(each_beat=play_if_asked)

    def run_once(self) -> int:
        """Play once, stop everything, and return the player's exit code."""

        def stop_after_it() -> None:
            if self.player.ended():
                self.supervisor.stop()

        self.player.start()
        self.supervisor.run(each_beat=stop_after_it)
        return self.player.code or 0

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.site}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
