"""The faults themselves, by what breaks; in the order of their numbers."""

from tests.faults.plays import (  # noqa: F401
    clocks,
    database,
    live,
    load,
    machines,
    people,
    publishing,
    relay,
    reports,
    status_page,
    webhooks,
    workers,
)
from tests.faults.registry import FAULTS as _FAULTS

FAULTS = dict(sorted(_FAULTS.items(), key=lambda item: (item[0][0] != "R", int(item[0][1:]))))
