"""The demo's processes: the product's own groups, a mail sink, and the player of the scripted incident."""

import asyncio
import os
import time
import urllib.request
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from demo import load, play
from demo.people import COLLEAGUES, CUSTOMERS, PASSWORD
from demo.sink.__main__ import serve
from demo.sink.server import Sink
from portal.management.groups import Group
from portal.management.supervisor import Supervisor, usual_groups

PATIENCE = 60.0  # seconds for the pages to answer


class Stage:
    def __init__(self, folder: Path) -> None:
        self.port = int(os.environ["PORT"])
        self.site = os.environ["SITE_URL"]
        self.mail_page = os.environ["DEMO_MAIL_URL"]
        self.play_file = folder / "play"
        self._key = ""
        self._player = Group("player", self._play, on_demand=True)
        smtp, page = int(os.environ["SMTP_PORT"]), int(self.mail_page.rstrip("/").rsplit(":", 1)[1])
        sink = Group("mail sink", lambda: asyncio.run(serve(Sink(smtp_port=smtp, http_port=page))))
        self._supervisor = Supervisor([*usual_groups("127.0.0.1", self.port), sink, self._player])

    def migrate(self) -> None:
        call_command("setup", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115  for the process's life

    def load(self) -> None:
        load.load()
        self._key = load.monitoring_key()
        connections.close_all()  # what is forked from here on makes its own

    def start(self) -> None:
        self.play_file.unlink(missing_ok=True)
        self._supervisor.start()
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > deadline:
                raise SystemExit("The pages do not answer; LOG_LEVEL=INFO make demo shows why.")
            time.sleep(0.1)

    def run(self) -> None:
        if os.environ.get("DEMO_PLAY", "1") != "0":
            self.play_file.touch()
        self._supervisor.run(each_beat=self._play_if_asked)

    def print_addresses(self) -> None:
        logins = [(c.email, c.role.lower()) for c in COLLEAGUES] + list(CUSTOMERS.items())
        width = max(len(email) for email, _ in logins)
        print(f"\nThe portal:  {self.site}/\nThe mails:   {self.mail_page}\n\nSign in with the password {PASSWORD}")
        for email, role in logins:
            print(f"  {email:<{width}}  {role}")
        print("\nCtrl-C stops everything. `make demo-reset` clears the data. DEMO_PLAY=0 plays no incident.\n", flush=True)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _play_if_asked(self) -> None:
        if self.play_file.exists() and self._player.ended():
            self.play_file.unlink(missing_ok=True)
            self._player.start()

    def _play(self) -> None:
        play.play(play.Cast(self.site.replace("localhost", "127.0.0.1"), self._key), pace=1.0)
