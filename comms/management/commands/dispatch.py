import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connection
from django.utils.module_loading import import_string

from comms.actions import auditor, beats, deliveries, installation, promises, publishing
from customers import clock

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """The clocks: due publishing, due promises, lost doorbells. Judged by database time; safe to run twice."""

    help = "Run the clocks: publishing after the undo window, promises, lost doorbells."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def on_signal(number: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        all_beats: list[Callable[[], object]] = [
            publishing.publish_due,
            promises.tick,
            lambda: deliveries.ring_for_due(clock.now()),
            publishing.ring_for_ranges,
            installation.remember_publications,
            beats.ask,
            auditor.Auditor().tick,
            *(import_string(name) for name in settings.FURTHER_CLOCKS),
        ]
        self._run(installation.check)
        while not stop.wait(settings.DISPATCH_SECONDS):
            for beat in all_beats:
                self._run(beat)

    def _run(self, beat: Callable[[], object]) -> None:
        """One beat; whatever fails is logged and tried again at the next tick, the other beats go on."""
        try:
            beat()
        except (DatabaseError, InterfaceError):
            log.exception("the database did not answer; trying again")
            connection.close()
        except Exception:
            log.exception("a clock failed; trying again")
