"""The faults of RELIABILITY: `make faults`, or one of them: `python -m tests.faults R1`.

Each runs against real processes, in a database of its own; what holds is judged by what the outside saw.
"""

import os

import django

SPEED = float(os.environ.get("FAULT_SPEED", "10"))
"""Leases, back-off and the faults' durations are divided by it; 1 is the long run."""

os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
os.environ["TIME_SCALE"] = str(SPEED)  # this process and all that it starts
django.setup()  # as manage.py does, so that faults import models like any other module
