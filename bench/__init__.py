"""Benchmarks against a reference in the same run: `make bench`, or one of them: `python -m bench publish`.

A bench is a module of this package that can be run; each runs in a process and a database of its own.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
os.environ.setdefault("STAFF_SECOND_FACTOR", "0")  # the room is looked at by somebody who has signed in by password
django.setup()  # as manage.py does, so that benches import models like any other module
