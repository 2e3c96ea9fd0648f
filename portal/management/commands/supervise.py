import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.management.groups import AlreadyRunning
from portal.management.supervisor import Supervisor, ensure_marked, usual_groups


class Command(BaseCommand):
    help = "Run web, lanes and clocks of this machine, and restart what ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_marked([sys.executable, *sys.orig_argv[1:]], instance=f"{settings.BASE_DIR}:{options['port']}")
        supervisor = Supervisor(usual_groups(options["host"], options["port"]))
        try:
            supervisor.start()
        except AlreadyRunning as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Running at http://{options['host']}:{options['port']} - Ctrl-C stops everything.")
        supervisor.run()
